"""Any sequence of calls on an answer's body, sensible or not, also from within the sink."""

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

from jairouter.body import AnswerBody
from jairouter.errors import GatewayError, StreamCut, UpstreamRefusal
from tests.codec.properties import PROPERTY
from tests.filters.inner import Source
from tests.test_body import Sink

REACTION = st.sampled_from(["", "", "pause", "pause resume", "abandon", "cut", "chunk", "end", "broke"])


class BodyMachine(RuleBasedStateMachine):
    """Source, sink and third parties call as they like."""

    def __init__(self) -> None:
        super().__init__()
        self.source = Source()
        self.body = AnswerBody(self.source)
        self.sink = Sink(self.react)
        self.done: list[GatewayError | None] = []
        self.body.on_done(self.done.append)
        self.accepted: list[bytes] = []
        self.over = False  # the source has ended, or was told to
        self.delivered = False
        self.number = 0
        self.reactions: list[str] = []

    @rule(reactions=st.lists(REACTION, max_size=3))
    def plan(self, reactions: list[str]) -> None:
        """What the sink will do when it is given its next pieces."""
        self.reactions = reactions

    def react(self, _: bytes) -> None:
        for name in (self.reactions.pop(0) if self.reactions else "").split():
            getattr(self, f"do_{name}")()

    @rule(
        name=st.sampled_from(["chunk", "chunk", "end", "tell", "broke", "pause", "resume", "cut", "abandon"])
    )
    def act(self, name: str) -> None:
        getattr(self, f"do_{name}")()

    @precondition(lambda self: not self.delivered)
    @rule()
    def deliver(self) -> None:
        self.delivered = True
        self.body.deliver(self.sink)

    @precondition(lambda self: not self.delivered and self.body.whole)
    @rule()
    def take(self) -> None:
        self.delivered = True
        assert self.body.take() == b"".join(self.accepted)
        assert self.done == [None]
        assert not self.sink.data
        assert not self.sink.ends
        self.sink.data, self.sink.ends = list(self.accepted), [None]  # as if it had been delivered

    def do_chunk(self) -> None:
        self.number += 1
        data = b"%d;" % self.number
        if not self.over and not self.done:
            self.accepted.append(data)
        self.body.chunk(data)

    def do_end(self) -> None:
        self.over = True
        self.body.end()

    def do_tell(self) -> None:
        self.over = True
        self.body.end(told=UpstreamRefusal("told"))

    def do_broke(self) -> None:
        self.over = True
        self.body.broke(StreamCut("broke"))

    def do_pause(self) -> None:
        self.body.pause()

    def do_resume(self) -> None:
        self.body.resume()

    def do_cut(self) -> None:
        before = len(self.source.calls)
        already = self.over
        self.over = True
        self.body.cut(StreamCut("cut"))
        assert not (already and "abort" in self.source.calls[before:]), "aborted after its own end"

    def do_abandon(self) -> None:
        before = len(self.source.calls)
        already = self.over
        self.over = True
        self.body.abandon()
        assert not (already and "abort" in self.source.calls[before:]), "aborted after its own end"

    @invariant()
    def bytes_are_delivered_in_order_and_once(self) -> None:
        assert self.sink.data == self.accepted[: len(self.sink.data)]
        assert self.body.passed_on == len(b"".join(self.sink.data))

    @invariant()
    def the_end_is_told_once(self) -> None:
        assert len(self.done) <= 1
        assert len(self.sink.ends) <= 1
        if self.sink.ends:
            assert self.done, "the sink heard of the end, the watchers did not"
        if self.done and self.done[0] is None:
            assert self.sink.data == self.accepted
            assert self.sink.ends == [None]

    @invariant()
    def an_aborted_source_is_left_alone(self) -> None:
        assert self.source.calls.count("abort") <= 1
        if "abort" in self.source.calls:
            assert self.source.calls[-1] == "abort"

    def teardown(self) -> None:
        """When the source has ended and the client takes everything, it is over on both sides."""
        self.reactions = []
        if not self.delivered:
            self.deliver()
        self.do_end()
        self.body.resume()
        assert len(self.done) == 1
        self.the_end_is_told_once()
        self.bytes_are_delivered_in_order_and_once()


class BodySequenceTests(SynchronousTestCase):
    """Many sequences."""

    def test_sequences(self) -> None:
        run_state_machine_as_test(
            BodyMachine, settings=settings(PROPERTY, max_examples=200, stateful_step_count=30)
        )
