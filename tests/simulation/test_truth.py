"""The judge is judged: with a fault put into the gateway, some schedule must fail, and say why."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.body import AnswerBody
from jairouter.errors import GatewayError, UpstreamError
from jairouter.exchange import Outcome
from jairouter.filters.record import Record
from jairouter.request_body.held import HeldBody
from jairouter.traffic.permits import Permit
from jairouter.upstream.connection import Connection
from jairouter.upstream.receivers import PlainReceiver
from jairouter.web.relay import Relay
from tests.simulation.run import run


class JudgeTests(SynchronousTestCase):
    """Each test breaks one promise."""

    def assert_noticed(self, words: str, seeds: int = 12) -> None:
        """One of the first schedules must fail with these words."""
        said = []
        for seed in range(seeds):
            said += run(seed).faults
            self.flushLoggedErrors()
            if any(words in fault for fault in said):
                return
        self.fail(f"nothing was noticed but {[fault[:200] for fault in said][:10]}")

    def test_a_whole_world_without_a_fault(self) -> None:
        """Or the other tests would show nothing."""
        self.assertEqual(run(0).faults, [])
        self.flushLoggedErrors()

    def test_text_is_sent_twice(self) -> None:
        chunk = Relay.chunk

        def twice(relay: Relay, data: bytes) -> None:
            chunk(relay, data)
            if relay._event_stream:
                chunk(relay, data)

        self.patch(Relay, "chunk", twice)
        self.assert_noticed("a good stream was changed")

    def test_a_broken_body_counts_as_complete(self) -> None:
        def whole(receiver: PlainReceiver, reason: Any) -> None:
            receiver._over = True
            receiver.body.end()

        self.patch(PlainReceiver, "connectionLost", whole)
        self.assert_noticed("that no backend said", seeds=40)

    def test_a_broken_stream_ends_in_done(self) -> None:
        broke = Relay.broke

        def done(relay: Relay, error: GatewayError) -> None:
            relay._out.write(b"data: [DONE]\n\n")
            broke(relay, error)

        self.patch(Relay, "broke", done)
        self.assert_noticed("that the backend did not say")

    def test_a_broken_stream_says_nothing(self) -> None:
        self.patch(Relay, "broke", lambda relay, error: relay._finish())
        self.assert_noticed("0 error events in a stream that broke")

    def test_a_request_is_changed(self) -> None:
        make = HeldBody.__init__
        self.patch(HeldBody, "__init__", lambda body, data: make(body, data.replace(b'": ', b'":')))
        self.assert_noticed("the backend got other bytes")

    def test_a_permit_is_kept(self) -> None:
        settle = Permit.settle

        def keep(permit: Permit, outcome: Outcome) -> None:
            if permit._kind != "connection":
                settle(permit, outcome)

        self.patch(Permit, "settle", keep)
        self.assert_noticed("not at rest")

    def test_a_request_is_counted_twice(self) -> None:
        tell = Record._tell

        def twice(record: Record, *arguments: Any) -> None:
            tell(record, *arguments)
            tell(record, *arguments)

        self.patch(Record, "_tell", twice)
        self.assert_noticed("requests were begun")

    def test_answers_are_mixed_up(self) -> None:
        """The body of the answer before is sent instead."""
        last: list[bytes] = []
        take = AnswerBody.take

        def before(body: AnswerBody) -> bytes:
            last.append(take(body))
            return last[max(0, len(last) - 2)]

        self.patch(AnswerBody, "take", before)
        self.assert_noticed("that no backend said")

    def test_the_backend_is_not_told_that_the_client_left(self) -> None:
        abort = Connection.abort

        def later(connection: Connection, *reason: Any) -> None:
            connection._on_late = abort  # type: ignore[attr-defined]  # never called
            if reason:
                abort(connection, *reason)

        self.patch(Connection, "abort", later)
        self.assert_noticed("the backend was told at")

    def test_an_error_has_another_shape(self) -> None:
        self.patch(UpstreamError, "code", 502)
        self.assert_noticed("code or param is no string")

    def test_a_timer_is_left(self) -> None:
        self.patch(Relay, "_stop_timer", lambda relay: None)
        self.assert_noticed("in _silent")
