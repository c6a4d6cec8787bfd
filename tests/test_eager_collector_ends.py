"""Tests for `jairouter.eager.Collector`: ends and producers, and that the peer reads what it reads anyway."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from jairouter.eager import SMALL, collector, eager_write
from tests.codec.properties import PROPERTY
from tests.fakes import BUFFER
from tests.test_eager_collector import CollectorCase
from tests.test_wire import Noting, NotingProducer
from tests.transports import WINDOW, Kernel


class EndTests(CollectorCase):
    """Connections that end between the write and the flush."""

    def test_closed(self) -> None:
        self.write(b"one ")
        self.here.loseConnection()
        self.write(b"two")
        self.end_turn()
        self.assert_arrives(b"one two", "ConnectionDone")
        self.assertEqual(self.notes, ["ConnectionDone"])

    def test_closed_after_the_flush(self) -> None:
        self.write(b"one")
        self.end_turn()
        self.here.loseConnection()
        self.assert_arrives(b"one", "ConnectionDone")

    def test_closed_while_the_socket_takes_nothing(self) -> None:
        self.there.pauseProducing()
        self.here.socket.send(b"." * WINDOW)
        self.write(b"one")
        self.here.loseConnection()
        self.end_turn()
        self.settle()
        self.assertEqual(self.notes, [])
        self.there.resumeProducing()
        self.assert_arrives(b"." * WINDOW + b"one", "ConnectionDone")

    def test_half_closed(self) -> None:
        self.there.pauseProducing()
        self.write(b"one ")
        self.here.loseWriteConnection()
        self.write(b"two")
        self.end_turn()
        self.settle()
        self.write(b"too late")
        self.end_turn()
        self.assertEqual(self.notes, [])
        self.there.resumeProducing()
        self.assert_arrives(b"one two", "ConnectionDone")

    def test_aborted(self) -> None:
        """Not a byte goes out, as none would that waits for the reactor."""
        self.write(b"one")
        self.here.abortConnection()
        self.end_turn()
        self.assert_waits(waits=False)
        self.write(b"two")
        self.end_turn()
        self.assertEqual(self.at_the_peer.unread, b"")
        self.assert_arrives("ConnectionLost")
        self.assertEqual(self.notes, ["ConnectionAborted"])

    def test_lost(self) -> None:
        """The socket's number may belong to another by now."""
        self.write(b"one")
        self.here.connectionLost(Failure(ConnectionDone()))
        self.write(b"two")
        self.end_turn()
        self.assert_waits(waits=False)
        self.assert_arrives("ConnectionDone")
        self.assertEqual(self.notes, ["ConnectionDone"])


class ProducerTests(CollectorCase):
    """A producer hears what it would hear of any transport."""

    def setUp(self) -> None:
        super().setUp()
        self.producer = NotingProducer(self.notes)

    def test_streaming(self) -> None:
        """What is collected does not pause it."""
        self.here.registerProducer(self.producer, True)
        self.write(b"x")
        self.end_turn()
        self.assertEqual(self.at_the_peer.unread, b"x")
        self.settle()
        self.assertEqual(self.notes, [])

    def test_paused_above_64_KB(self) -> None:
        """What is collected counts; it is resumed when all is out, which the flush leaves to the reactor."""
        self.here.registerProducer(self.producer, True)
        self.write(b"x")
        self.write(b"." * (BUFFER - 1))
        self.assertEqual(self.notes, [])
        self.write(b"x")
        self.assertEqual(self.notes, ["pause"])
        self.end_turn()
        self.assertEqual(self.notes, ["pause"])
        self.assert_arrives(b"x" + b"." * (BUFFER - 1) + b"x")
        self.assertEqual(self.notes, ["pause", "resume"])

    def test_resumed_though_the_flush_could_send_all(self) -> None:
        self.here.registerProducer(self.producer, True)
        self.write(b"x")
        self.here.write(b"." * BUFFER)
        self.patch(self.here.socket, "send", len)  # takes anything
        self.end_turn()
        self.settle()
        self.assertEqual(self.notes, ["pause", "resume"])

    def test_what_a_resumed_one_writes_is_collected(self) -> None:
        """It is resumed within a turn like this one."""
        self.here.registerProducer(self.producer, True)
        self.write(b"." * (WINDOW + BUFFER + 1))
        self.patch(self.producer, "resumeProducing", lambda: self.write(b"more"))
        self.end_turn()
        collector.collecting = True
        self.settle()
        self.assertEqual(self.read, [b"." * (WINDOW + BUFFER + 1)])
        self.end_turn()
        self.assert_arrives(b"." * (WINDOW + BUFFER + 1) + b"more")

    def test_one_that_was_paused_and_has_gone_is_forgotten(self) -> None:
        """What is written after it goes out at the flush again."""
        self.here.registerProducer(self.producer, True)
        self.write(b"." * (WINDOW + BUFFER + 1))
        self.here.unregisterProducer()
        self.settle()
        self.write(b"x")
        self.end_turn()
        self.assertEqual(self.at_the_peer.unread, b"x")
        self.assert_waits(waits=False)

    def test_a_pull_producer_before(self) -> None:
        """It waits for the reactor, which asks it for more."""
        self.here.registerProducer(self.producer, False)
        self.write(b"x")
        self.end_turn()
        self.assertEqual((self.at_the_peer.unread, self.notes), (b"", ["resume"]))
        self.kernel.turn()
        self.assertEqual(self.notes, ["resume", "resume"])
        self.kernel.turn()
        self.assertEqual(self.read, [b"x"])

    def test_a_pull_producer_between(self) -> None:
        self.write(b"x")
        self.here.registerProducer(self.producer, False)
        self.end_turn()
        self.assertEqual(self.notes, ["resume"])
        self.kernel.turn()
        self.assertEqual(self.notes, ["resume", "resume"])


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["eager", "eager", "plain", "sequence", "collect", "flush", "turn", "pause", "resume"]
        ),
        st.sampled_from([0, 1, 100, SMALL // 2, SMALL - 1, SMALL, WINDOW + 1, BUFFER + 1]),
    ),
    max_size=14,
)


class SameTests(CollectorCase):
    """Whatever is done with a transport, the peer reads what it reads of one without eager writing."""

    def run_steps(self, steps: list[tuple[str, int]], *, eager: bool) -> tuple[list[Any], list[Any]]:
        """Do them. Returns what this end and the peer were told."""
        kernel, notes, read = Kernel(), [], []  # type: Any, list[Any], list[Any]
        here, there = kernel.pair(Noting(notes), Noting(read))
        here.registerProducer(NotingProducer([]), True)
        done = {
            "collect": lambda: setattr(collector, "collecting", eager),
            "flush": self.end_turn,
            "turn": kernel.turn,
            "pause": there.pauseProducing,
            "resume": there.resumeProducing,
            "close": lambda: (here.unregisterProducer(), here.loseConnection()),
            "half": lambda: (here.unregisterProducer(), here.loseWriteConnection()),
            "lost": lambda: here.connectionLost(Failure(ConnectionDone())),
        }
        writes = {
            "eager": eager_write(here) if eager else here.write,
            "plain": here.write,
            "sequence": lambda data: here.writeSequence([data[:3], data[3:]]),
        }
        collector.collecting = False
        for number, (what, size) in enumerate(steps):
            if what in writes:
                writes[what]((b"%d;" % number * size)[:size])
            else:
                done[what]()
        self.end_turn()
        if there.connected:
            there.resumeProducing()
        for _ in range(100):
            kernel.turn()
        return notes, read

    @PROPERTY
    @given(STEPS, st.sampled_from([[], ["close"], ["half"]]), st.booleans())
    def test_the_peer_reads_the_same(self, steps: list[tuple[str, int]], end: list[str], late: bool) -> None:
        """Whether or not it is closed, and more is written before it knows."""
        steps = steps + [(what, 0) for what in end] + [("eager", 100), ("plain", 7)] * late
        eager = self.run_steps(steps, eager=True)
        self.assertEqual(eager, self.run_steps(steps, eager=False))

    @PROPERTY
    @given(STEPS, STEPS)
    def test_of_what_is_lost_the_peer_reads_the_beginning(
        self, steps: list[tuple[str, int]], after: list[tuple[str, int]]
    ) -> None:
        """No less than without eager writing; nothing that was written after."""
        _, whole = self.run_steps(steps, eager=False)
        _, eager = self.run_steps([*steps, ("lost", 0), *after], eager=True)
        _, plain = self.run_steps([*steps, ("lost", 0), *after], eager=False)
        bytes_of = [
            b"".join(each for each in notes if isinstance(each, bytes)) for notes in (plain, eager, whole)
        ]
        self.assertTrue(bytes_of[2].startswith(bytes_of[1]))
        self.assertTrue(bytes_of[1].startswith(bytes_of[0]))
