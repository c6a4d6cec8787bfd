"""When a request is sent once more, and when not."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.logger import LogLevel, formatEvent, globalLogPublisher

from jairouter.exchange import Phase
from jairouter.request_body.held import HeldBody
from jairouter.upstream.wire import WireBody
from tests.upstream.rig import OK, Phases, Upload
from tests.upstream.test_agent import AgentCase


class SentOnceMoreTests(AgentCase):
    """A connection that was kept open dies just as it is used again."""

    def setUp(self) -> None:
        super().setUp()
        self.old = self.used_once()

    def test_on_a_fresh_connection(self) -> None:
        answer = self.ask(WireBody(HeldBody(b"body")))
        self.lose(self.old, ConnectionLost())
        fresh = self.accept()
        self.assertEqual(fresh.value(), self.old.value())
        self.say(fresh, OK)
        self.assertEqual(self.successResultOf(answer).code, 200)
        self.assert_at_rest()

    def test_not_on_another_old_one(self) -> None:
        """The backend was restarted: all the old ones are dead."""
        first, second = self.ask(), self.ask()
        other = self.accept()
        self.say(other, OK)
        self.successResultOf(second)
        self.lose(self.old)
        self.assertNoResult(first)
        self.say(self.accept(), OK)
        self.successResultOf(first)
        self.assert_at_rest()

    def test_just_within_the_race(self) -> None:
        answer = self.ask()
        self.reactor.advance(1.0)
        self.lose(self.old)
        self.say(self.accept(), OK)
        self.successResultOf(answer)

    def test_not_when_the_backend_had_time_to_begin(self) -> None:
        """It may have died of this very prompt; the next one must not."""
        answer = self.ask(WireBody(HeldBody(b"poison")))
        self.reactor.advance(1.01)
        self.lose(self.old, ConnectionLost())
        self.failureResultOf(answer, ConnectionLost)
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.assert_at_rest()

    def test_is_logged(self) -> None:
        told: list[Any] = []
        note: Any = told.append
        globalLogPublisher.addObserver(note)
        self.addCleanup(globalLogPublisher.removeObserver, note)
        answer = self.ask()
        self.lose(self.old)
        self.say(self.accept(), OK)
        self.successResultOf(answer)
        (event,) = [event for event in told if event["log_namespace"] == "jairouter.upstream.agent.Agent"]
        self.assertIs(event["log_level"], LogLevel.info)
        self.assertIn("10.0.0.1:9000 was closed as it was used again", formatEvent(event))

    def test_once_only(self) -> None:
        answer = self.ask()
        self.lose(self.old)
        self.lose(self.accept(), ConnectionLost())
        self.failureResultOf(answer, ConnectionLost)
        self.assertEqual(self.accepted, len(self.reactor.tcpClients))
        self.assert_at_rest()

    def test_not_when_it_was_answered(self) -> None:
        """A single byte says that the backend was at work."""
        answer = self.ask()
        self.say(self.old, b"H")
        self.lose(self.old)
        self.failureResultOf(answer, ConnectionDone)
        self.assertEqual(len(self.reactor.tcpClients), 1)

    def test_not_on_a_first_use(self) -> None:
        """A backend that hangs up on a new connection means it."""
        self.lose(self.old)
        answer = self.ask()
        self.lose(self.accept())
        self.failureResultOf(answer, ConnectionDone)
        self.assertEqual(len(self.reactor.tcpClients), 2)

    def test_not_when_the_body_is_gone(self) -> None:
        upload = Upload()
        answer = self.ask(WireBody(upload))
        upload.send(b"x")
        self.lose(self.old)
        self.failureResultOf(answer, ConnectionDone)
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.assert_at_rest()

    def test_not_when_the_body_is_gone_by_then(self) -> None:
        """Of an upload that is still arriving, only the beginning is kept."""
        upload = Upload(replayable=True)
        answer = self.ask(WireBody(upload))
        upload.send(b"x")
        upload.replayable = False
        self.lose(self.old)
        self.failureResultOf(answer, ConnectionDone)
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.assert_at_rest()

    def test_with_a_body_that_can_be_sent_again(self) -> None:
        upload = Upload(replayable=True)
        answer = self.ask(WireBody(upload))
        self.lose(self.old)
        self.assertEqual(upload.calls[0], "start")
        self.say(self.accept(), OK)
        self.assertEqual(upload.calls.count("start"), 2)
        self.successResultOf(answer)

    def test_fresh_connection_refused(self) -> None:
        answer = self.ask()
        self.lose(self.old)
        self.refuse()
        self.failureResultOf(answer, ConnectionRefusedError)
        self.assert_at_rest()

    def test_cancelled_meanwhile(self) -> None:
        answer = self.ask()
        self.lose(self.old)
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assert_at_rest()

    def test_phases(self) -> None:
        attempt = Phases()
        self.ask(attempt=attempt)
        self.lose(self.old)
        self.accept()
        expected = [Phase.SENDING, Phase.WAITING, Phase.CONNECTING, Phase.SENDING, Phase.WAITING]
        self.assertEqual(attempt.entered, expected)
