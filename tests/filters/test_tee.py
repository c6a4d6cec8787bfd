"""Tests for `jairouter.filters.tee`: nothing is changed on the way, and everybody is told once."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.body import AnswerBody
from jairouter.errors import ClientGone, GatewayError, ShuttingDown, StreamCut, UpstreamRefusal
from jairouter.filters.tee import Tee
from jairouter.interfaces import IBodySink, IBodySource
from tests.codec.properties import PROPERTY
from tests.filters.inner import Sink, Source
from tests.test_body import Sink as Reacting


class Case(SynchronousTestCase):
    """A tee between a backend and a client."""

    def setUp(self) -> None:
        self.source, self.sink = Source(), Sink()
        self.inner = AnswerBody(self.source)
        self.kept: list[bytes] = []
        self.inner_told: list[GatewayError | None] = []
        self.outer_told: list[GatewayError | None] = []
        self.inner.on_done(self.inner_told.append)
        self.tee = Tee(self.inner, 10, self.kept.append)
        self.outer = self.tee.outer
        self.outer.on_done(self.outer_told.append)

    def begin(self, data: bytes = b"abc") -> None:
        self.outer.deliver(self.sink)
        self.inner.chunk(data)

    def assert_told(self, error: GatewayError | None) -> None:
        self.assertEqual((self.inner_told, self.outer_told), ([error], [error]))


class PassingOnTests(Case):
    """What comes goes on, at once."""

    def test_interfaces(self) -> None:
        verifyObject(IBodySink, self.tee)
        verifyObject(IBodySource, self.tee)

    def test_nothing_flows_before_somebody_takes_it(self) -> None:
        self.inner.chunk(b"a")
        self.assertEqual(self.source.calls, [])
        self.outer.deliver(self.sink)
        self.assertEqual((self.sink.data, self.source.calls), (b"a", ["resume"]))

    def test_each_piece(self) -> None:
        self.begin(b"a")
        self.assertEqual(self.sink.data, b"a")
        self.inner.chunk(b"b", mid_event=True)
        self.assertEqual((self.sink.data, self.outer.mid_event, self.outer.passed_on), (b"ab", True, 2))

    def test_complete(self) -> None:
        self.begin()
        self.assertEqual(self.kept, [])
        self.inner.end()
        self.assertEqual((self.sink.data, self.sink.ends, self.kept), (b"abc", ["end"], [b"abc"]))
        self.assert_told(None)

    def test_too_long(self) -> None:
        """It goes on all the same."""
        self.begin(b"a" * 6)
        self.inner.chunk(b"b" * 6)
        self.inner.end()
        self.assertEqual((len(self.sink.data), self.sink.ends, self.kept), (12, ["end"], []))

    def test_broken(self) -> None:
        error = StreamCut("broke")
        self.begin()
        self.inner.broke(error)
        self.assertEqual((self.sink.ends, self.kept), ([error], []))
        self.assert_told(error)

    def test_an_error_that_the_stream_tells(self) -> None:
        """The client has read it; those who watch hear of it; it is not kept."""
        error = UpstreamRefusal("told")
        self.begin()
        self.inner.end(told=error)
        self.assertEqual((self.sink.ends, self.kept), (["end"], []))
        self.assert_told(error)

    def test_the_inner_one_is_settled_before_the_client_sees_the_end(self) -> None:
        order: list[str] = []
        self.inner.on_done(lambda _: order.append("inner"))
        self.sink.end = lambda: order.append("end")  # type: ignore[method-assign]
        self.begin()
        self.inner.end()
        self.assertEqual(order, ["inner", "end"])


class SteeringTests(Case):
    """What the client does reaches the backend, in the same call."""

    def test_backpressure(self) -> None:
        flow: list[bool] = []
        self.inner.on_flow(flow.append)
        self.begin()
        self.outer.pause()
        self.assertEqual((self.source.calls, flow), (["resume", "pause"], [False]))
        self.inner.chunk(b"d")
        self.assertEqual(self.sink.data, b"abc")
        self.outer.resume()
        self.assertEqual((self.source.calls[-1], flow, self.sink.data), ("resume", [False, True], b"abcd"))

    def test_a_pause_in_the_middle_of_what_was_held(self) -> None:
        for piece in (b"a", b"b"):
            self.inner.chunk(piece)
        sink = Reacting(lambda _: self.outer.pause())
        self.outer.deliver(sink)
        self.assertEqual((sink.data, self.outer._held), ([b"a"], []))
        self.outer.resume()
        self.assertEqual(sink.data, [b"a", b"b"])

    def test_the_client_leaves(self) -> None:
        self.begin()
        self.outer.abandon()
        self.assertEqual((self.source.calls[-1], self.kept), ("abort", []))
        self.assertIsInstance(self.inner_told[0], ClientGone)
        self.assert_told(self.outer_told[0])

    def test_nobody_takes_it(self) -> None:
        error = UpstreamRefusal("given up")
        self.outer.abandon(error)
        self.assertEqual(self.source.calls, ["abort"])
        self.assert_told(error)

    def test_cut_from_the_outside(self) -> None:
        """As when the gateway stops."""
        error = ShuttingDown("stop")
        self.begin()
        self.outer.cut(error)
        self.assertEqual((self.source.calls[-1], self.sink.ends), ("abort", [error]))
        self.assert_told(error)

    def test_cut_from_the_inside_while_the_client_does_not_read(self) -> None:
        """As by a timeout: nothing that was held keeps the client from being told."""
        error = ClientGone("too slow")
        self.begin()
        self.outer.pause()
        self.inner.chunk(b"held")
        self.inner.cut(error)
        self.assertEqual((self.source.calls[-1], self.sink.ends, self.sink.data), ("abort", [error], b"abc"))
        self.assert_told(error)

    def test_cut_before_somebody_takes_it(self) -> None:
        error = StreamCut("late")
        self.inner.cut(error)
        self.outer.deliver(self.sink)
        self.assertEqual((self.source.calls, self.sink.ends), (["abort"], [error]))
        self.assert_told(error)

    def test_cut_from_the_outside_before_somebody_takes_it(self) -> None:
        """The backend is told at once; the rest, as without a tee, when there is somebody to tell."""
        error = ShuttingDown("stop")
        self.inner.chunk(b"a")
        self.outer.cut(error)
        self.assertEqual((self.source.calls, self.inner_told, self.outer_told), (["abort"], [], []))
        self.outer.deliver(self.sink)
        self.assertEqual((self.sink.data, self.sink.ends), (b"", [error]))
        self.assert_told(error)


REACTION = st.sampled_from(["", "", "pause", "pause resume", "abandon", "cut", "cut_inner", "chunk", "end"])
ACTION = st.sampled_from(
    ["chunk", "chunk", "end", "tell", "broke", "pause", "resume", "cut", "cut_inner", "abandon"]
)


class TeeMachine(RuleBasedStateMachine):
    """Backend, client and third parties call as they like, also from within the client."""

    def __init__(self) -> None:
        super().__init__()
        self.source = Source()
        self.inner = AnswerBody(self.source)
        self.told: dict[str, list[GatewayError | None]] = {"inner": [], "outer": []}
        self.kept: list[bytes] = []
        self.inner.on_done(self.told["inner"].append)
        self.tee = Tee(self.inner, 1000, self.kept.append)
        self.outer = self.tee.outer
        self.outer.on_done(self.told["outer"].append)
        self.sink = Reacting(self.react)
        self.sent: list[bytes] = []
        self.reactions: list[str] = []
        self.over = self.delivered = False

    @rule(reactions=st.lists(REACTION, max_size=3))
    def plan(self, reactions: list[str]) -> None:
        """What the client will do when it is given its next pieces."""
        self.reactions = reactions

    def react(self, _: bytes) -> None:
        for name in (self.reactions.pop(0) if self.reactions else "").split():
            self.do(name)

    @rule(name=ACTION)
    def act(self, name: str) -> None:
        self.do(name)

    @precondition(lambda self: not self.delivered)
    @rule()
    def deliver(self) -> None:
        self.delivered = True
        self.outer.deliver(self.sink)

    def do(self, name: str) -> None:
        if name == "chunk":
            data = b"%d;" % len(self.sent)
            if not self.over and not self.told["inner"]:
                self.sent.append(data)
            self.inner.chunk(data)
        elif name in ("pause", "resume", "abandon"):
            getattr(self.outer, name)()
        elif name == "cut":
            self.outer.cut(StreamCut("cut"))
        else:
            self.over = True
            {
                "end": self.inner.end,
                "tell": lambda: self.inner.end(told=UpstreamRefusal("told")),
                "broke": lambda: self.inner.broke(StreamCut("broke")),
                "cut_inner": lambda: self.inner.cut(StreamCut("cut inside")),
            }[name]()

    @invariant()
    def nothing_is_changed(self) -> None:
        assert self.sink.data == self.sent[: len(self.sink.data)]
        assert not self.outer._held, "the outer one holds something back"

    @invariant()
    def everybody_is_told_once(self) -> None:
        for told in (*self.told.values(), self.sink.ends):
            assert len(told) <= 1
        assert self.source.calls.count("abort") <= 1
        if self.told["outer"]:
            assert self.told["inner"] == self.told["outer"], "or the inner one is never settled"
        if self.told["inner"] and self.delivered:
            assert self.told["outer"] == self.told["inner"]

    @invariant()
    def only_what_is_complete_is_kept(self) -> None:
        complete = self.told["outer"] == [None]
        assert self.kept == ([b"".join(self.sent)] if complete else [])
        if complete:
            assert self.sink.data == self.sent
            assert self.sink.ends == [None]

    def teardown(self) -> None:
        """When the backend has ended and the client takes everything, all is settled."""
        self.reactions = []
        if not self.delivered:
            self.deliver()
        self.do("end")
        self.outer.resume()
        assert len(self.told["inner"]) == len(self.told["outer"]) == 1
        self.everybody_is_told_once()
        self.only_what_is_complete_is_kept()


class SequenceTests(SynchronousTestCase):
    """Many sequences."""

    def test_sequences(self) -> None:
        run_state_machine_as_test(
            TeeMachine, settings=settings(PROPERTY, max_examples=40, stateful_step_count=20)
        )
