"""Tests for `jairouter.web.channel`: from one answer to the next request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from jairouter.web.answering import answering
from jairouter.web.channel import AT_ONCE
from tests.fakes import Client
from tests.web.serving import GET, Later, Serving, answers, chunked, post


def write_answer(request: Any, body: bytes) -> None:
    """Answer as the pipeline's answers are written."""
    out = answering(request)
    out.head(200, (), len(body))
    out.write(body)
    out.finish()


class Direct(Later):
    """Answers at once, as the pipeline's answers are written; but not at ``/slow``.

    Attributes:
        seen: How many requests reached it.
    """

    takes_upload = True
    body = b"fast"

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def render(self, request: Any) -> int:
        self.seen += 1
        if request.path == b"/slow":
            return super().render(request)
        write_answer(request, self.body)
        return NOT_DONE_YET

    def answer(self, body: bytes, index: int = 0) -> None:
        """Answer the oldest request that is not answered, in the same way."""
        write_answer(self.requests.pop(index), body)


class Case(SynchronousTestCase):
    """Closes what it opened and leaves no timers."""

    SLOW = GET.replace(b"/ ", b"/slow ", 1)

    def setUp(self) -> None:
        self.root = Direct()
        self.serving = self.serve(self.root)

    def serve(self, root: Resource) -> Serving:
        serving = Serving(root)
        self.addCleanup(lambda: self.assertEqual(serving.close(), []))
        return serving

    def bodies(self, client: Client) -> list[bytes]:
        self.serving.run()
        return [answer.body for answer in answers(client.received)]


class NothingWaitsTests(Case):
    """No other request has come when one is answered."""

    def test_next_comes_later(self) -> None:
        client = self.serving.ask(self.SLOW)
        self.root.answer(b"slow")
        client.send(GET)
        self.assertEqual(self.bodies(client), [b"slow", b"fast"])

    def test_never_comes(self) -> None:
        """The connection is kept for so long, from the answer on."""
        client = self.serving.ask(self.SLOW)
        self.serving.run(100)
        self.root.answer(b"slow")
        self.serving.run(74)
        self.assertIsNone(client.closed)
        self.serving.run(2)
        self.assertIsNotNone(client.closed)

    def test_never_comes_after_an_answer_at_once(self) -> None:
        client = self.serving.ask(GET)
        self.serving.run(74)
        self.assertIsNone(client.closed)
        self.serving.run(2)
        self.assertIsNotNone(client.closed)

    def test_half_a_head_waits(self) -> None:
        """It has had its time from the first byte on, or from the answer before, if that came later."""
        client = self.serving.ask(self.SLOW + GET[:10])
        self.serving.run(100)
        self.root.answer(b"slow")
        self.serving.run(9)
        self.assertEqual(len(self.bodies(client)), 1)
        self.serving.run(2)
        self.assertEqual([answer.status for answer in answers(client.received)], [200, 408])

    def test_half_a_head_goes_on(self) -> None:
        client = self.serving.ask(self.SLOW + GET[:10])
        self.root.answer(b"slow")
        client.send(GET[10:])
        self.assertEqual(self.bodies(client), [b"slow", b"fast"])

    def test_is_read_again(self) -> None:
        """An upload that nobody took was not read; what comes behind it is."""
        large = post(b"x" * 300_000, b"/slow")
        client = self.serving.ask(large)
        self.assertGreater(self.serving.unread(client), 0)
        self.root.requests[0].upload.stop()
        self.serving.run()
        self.root.answer(b"slow")
        client.send(GET)
        self.assertEqual(self.bodies(client), [b"slow", b"fast"])


class WaitingTests(Case):
    """Others have come meanwhile."""

    def test_thousands_at_once(self) -> None:
        """One after the other, and not each within the one before it."""
        client = self.serving.ask(GET * 3000)
        self.assertEqual(self.bodies(client), [b"fast"] * 3000)

    def test_thousands_behind_a_slow_one(self) -> None:
        client = self.serving.ask(self.SLOW, GET * 3000)
        self.root.answer(b"slow")
        self.assertEqual(self.bodies(client), [b"slow"] + [b"fast"] * 3000)

    def test_slow_and_fast_mixed(self) -> None:
        """In the order in which they came."""
        client = self.serving.ask((self.SLOW + GET * 20) * 3)
        for _ in range(3):
            self.assertEqual(len(self.root.requests), 1)
            self.root.answer(b"slow")
            self.serving.run()
        self.assertEqual(self.bodies(client), ([b"slow"] + [b"fast"] * 20) * 3)

    def test_bodies(self) -> None:
        """Whole ones, chunks, and none: what is a body is no request."""
        requests = [post(GET), chunked(GET, GET), GET, chunked(GET), post(b"")]
        client = self.serving.ask(self.SLOW + b"".join(requests * 10))
        self.root.answer(b"slow")
        self.assertEqual(self.bodies(client), [b"slow"] + [b"fast"] * 50)

    def test_begun_when_who_waits_was_told(self) -> None:
        """Whoever has something to settle for a request has settled it when the next is begun."""
        order: list[Any] = []
        self.serving.ask(self.SLOW * 2)
        self.root.requests[0].notifyFinish().addCallback(lambda _: order.append(self.root.seen))
        self.root.answer(b"slow")
        self.assertEqual((order, self.root.seen), ([1], 2))

    def test_upload_ends_with_its_answer(self) -> None:
        """Answered within the last byte of its body, with the next request right behind that."""
        client = self.serving.ask(post(b"body", b"/slow")[:-1])
        ended: Deferred[None] = Deferred()
        self.root.requests[0].upload.start(Ending(ended))
        ended.addCallback(lambda _: self.root.answer(b"slow"))
        client.send(b"y" + GET * 3)
        self.assertEqual(self.bodies(client), [b"slow"] + [b"fast"] * 3)
        self.successResultOf(ended)


class Ending:
    """A sink that says when it is over."""

    def __init__(self, ended: Deferred[None]) -> None:
        self._ended = ended

    def chunk(self, data: bytes) -> None:
        """Not looked at."""

    def end(self) -> None:
        self._ended.callback(None)

    def broke(self, error: Exception) -> None:
        self._ended.errback(error)


class LeavingTests(Case):
    """A client that closes its side, all of it or half: we cannot tell, and take it for gone."""

    def end_of(self, client: Client) -> None:
        wire: Any = client.transport
        wire.loseWriteConnection()
        self.serving.run()
        self.assertEqual(self.serving.site.channels, {})
        self.assertEqual(self.serving.network.getDelayedCalls(), [])

    def test_right_behind_its_request(self) -> None:
        """What can be answered at once is."""
        client = self.serving.client()
        client.send(GET * 3)
        self.end_of(client)
        self.assertEqual(self.bodies(client), [b"fast"] * 3)

    def test_while_it_waits(self) -> None:
        """The request under way is gone; those behind it are not begun."""
        self.end_of(self.serving.ask(self.SLOW + GET * 20))
        self.assertEqual((len(self.root.gone), self.root.seen), (1, 1))

    def test_between_two(self) -> None:
        client = self.serving.ask(GET)
        self.end_of(client)
        self.assertEqual(self.bodies(client), [b"fast"])

    def test_after_our_half(self) -> None:
        """An answer before the end of its request closes our half; what still comes is swallowed."""
        client = self.serving.ask(post(b"x" * 100_000)[:50_000])
        client.send(b"x" * 50_000 + GET)
        self.serving.run()
        self.assertEqual((self.root.seen, self.bodies(client)), (1, [b"fast"]))
        self.end_of(client)


class ChokedTests(Case):
    """A client that does not read its answers."""

    def deaf(self, data: bytes) -> tuple[Client, Any]:
        client = self.serving.client()
        wire: Any = client.transport
        wire.pauseProducing()
        client.send(data)
        self.serving.run()
        return client, wire

    def test_next_comes_later(self) -> None:
        """It waits until the last answer was read, also where nothing waited when that was written."""
        client, wire = self.deaf(self.SLOW)
        self.root.answer(b"x" * 300_000)
        client.send(GET)
        self.serving.run()
        self.assertEqual(self.root.seen, 1)
        wire.resumeProducing()
        self.assertEqual([len(body) for body in self.bodies(client)], [300_000, 4])

    def test_answered_at_once(self) -> None:
        """Not even a full turn's requests are begun for it."""
        self.root.body = b"x" * 100_000
        client, wire = self.deaf(GET * AT_ONCE * 2)
        self.assertLess(self.root.seen, 3)
        wire.resumeProducing()
        self.assertEqual(len(self.bodies(client)), AT_ONCE * 2)

    def test_never_reads(self) -> None:
        """It is given up, though it has not asked for more."""
        self.deaf(self.SLOW)
        self.root.answer(b"x" * 300_000)
        self.serving.run(74)
        self.assertEqual(len(self.serving.site.channels), 1)
        self.serving.run(75 + 61 - 74)
        self.assertEqual(self.serving.site.channels, {})


class BreathTests(Case):
    """After `AT_ONCE` requests the rest waits for the reactor's next turn."""

    def setUp(self) -> None:
        super().setUp()
        self.client = self.serving.client()
        self.channel = self.serving.channel(self.client)
        self.channel.dataReceived(GET * (AT_ONCE + 3))
        self.assertEqual(self.root.seen, AT_ONCE)

    def assert_ends(self, end: Callable[[], object], answered: int) -> None:
        end()
        self.assertEqual(len(self.bodies(self.client)), answered)
        self.assertEqual(self.serving.site.channels, {})
        self.assertEqual(self.serving.network.getDelayedCalls(), [])

    def test_drained_meanwhile(self) -> None:
        """One of those that wait is still answered, and says that it is the last."""
        self.assert_ends(self.serving.site.drain, AT_ONCE + 1)
        self.assertEqual(answers(self.client.received)[-1].headers["connection"], "close")
        assert self.client.closed is not None
        self.client.closed.trap(ConnectionDone)  # no reset, which would have overtaken the answers

    def test_aborted_meanwhile(self) -> None:
        self.assert_ends(self.serving.site.abort, 0)

    def test_broken_off_meanwhile(self) -> None:
        """Nothing more is begun on a connection that is closing."""
        self.assert_ends(self.channel.break_off, AT_ONCE)
        self.assertEqual(self.root.seen, AT_ONCE)
