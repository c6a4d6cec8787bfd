"""When a request is sent once more, and when not."""

from __future__ import annotations

from traceback import walk_tb
from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
)
from twisted.logger import LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from jairouter.errors import ClientGone
from jairouter.exchange import HeaderPairs, Phase
from jairouter.interfaces import IRequestBody
from jairouter.request_body.held import HeldBody
from jairouter.upstream.agent import RACE
from jairouter.upstream.wire import WireBody
from tests.upstream.rig import OK, Phases, Producer, Upload
from tests.upstream.test_agent import URL, AgentCase


class AgainCase(AgentCase):
    """A connection that was kept open dies just as it is used again."""

    def setUp(self) -> None:
        super().setUp()
        self.old = self.used_once()

    def assert_not_again(self, answer: Deferred[Any], error: type[Exception]) -> None:
        """It fails, and nothing more is tried."""
        self.failureResultOf(answer, error)
        self.assertEqual(self.accepted, len(self.reactor.tcpClients))
        self.assert_at_rest()


class SentOnceMoreTests(AgainCase):
    """Requests of the gateway: `Agent.post`."""

    def test_on_a_fresh_connection(self) -> None:
        answer = self.ask(HeldBody(b"body"))
        self.lose(self.old, ConnectionLost())
        fresh = self.accept()
        self.assertEqual(fresh.value(), self.old.value())
        self.assertTrue(fresh.value().endswith(b"\r\n\r\nbody"))
        self.say(fresh, OK)
        self.assertEqual(self.successResultOf(answer).code, 200)
        self.assert_at_rest()

    def test_however_it_was_lost(self) -> None:
        for error in (ConnectionDone(), ConnectionLost(), ConnectionAborted()):
            answer = self.ask()
            self.lose(self.wires[-1], error)
            self.say(self.accept(), OK)
            self.assertEqual(self.successResultOf(answer).code, 200)

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

    def test_on_an_old_one_that_was_waited_for(self) -> None:
        """It was used before, whether it was idle or had to be waited for."""
        first, second = self.ask(), self.ask()
        self.accept()
        third = self.ask()
        self.say(self.old, OK)
        self.successResultOf(first)
        self.lose(self.old)
        self.assertNoResult(third)
        self.say(self.accept(), OK)
        self.successResultOf(third)
        self.say(self.wires[1], OK)
        self.successResultOf(second)
        self.assert_at_rest()

    def test_just_within_the_race(self) -> None:
        answer = self.ask()
        self.reactor.advance(RACE)
        self.lose(self.old)
        self.say(self.accept(), OK)
        self.successResultOf(answer)

    def test_not_when_the_backend_had_time_to_begin(self) -> None:
        """It may have died of this very prompt; the next one must not."""
        answer = self.ask(HeldBody(b"poison"))
        self.reactor.advance(RACE + 0.01)
        self.lose(self.old, ConnectionLost())
        self.assert_not_again(answer, ConnectionLost)

    def test_race_begins_when_it_is_sent(self) -> None:
        """The time in which a connection was waited for does not count."""
        busy = [self.ask(), self.ask()]
        self.accept()
        answer = self.ask()
        self.reactor.advance(RACE * 5)
        self.say(self.old, OK)
        self.successResultOf(busy[0])
        self.reactor.advance(RACE)
        self.lose(self.old)
        self.say(self.accept(), OK)
        self.successResultOf(answer)

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

    def test_nothing_of_it_is_kept(self) -> None:
        """Twisted tells all losses by one and the same error, whose traceback must not collect prompts."""
        shared = Failure(ConnectionDone())
        for _ in range(3):
            answer = self.ask()
            self.wires[-1].protocol.connectionLost(shared)
            self.say(self.accept(), OK)
            self.successResultOf(answer)
        assert shared.value is not None
        self.assertEqual(list(walk_tb(shared.value.__traceback__)), [])

    def test_once_only(self) -> None:
        answer = self.ask()
        self.lose(self.old)
        self.lose(self.accept(), ConnectionLost())
        self.assert_not_again(answer, ConnectionLost)

    def test_not_when_it_was_answered(self) -> None:
        """A single byte says that the backend was at work."""
        answer = self.ask()
        self.say(self.old, b"H")
        self.lose(self.old)
        self.assert_not_again(answer, ConnectionDone)

    def test_not_on_a_first_use(self) -> None:
        """A backend that hangs up on a new connection means it."""
        self.lose(self.old)
        answer = self.ask()
        self.lose(self.accept())
        self.assert_not_again(answer, ConnectionDone)
        self.assertEqual(self.accepted, 2)

    def test_not_when_something_else_went_wrong(self) -> None:
        """Only a loss looks like the race."""
        answer = self.ask()
        self.lose(self.old, SSL.Error())
        self.assert_not_again(answer, SSL.Error)

    def test_not_when_it_was_the_client_who_broke_off(self) -> None:
        upload = Upload(replayable=True)
        answer = self.ask(upload)
        upload.break_off()
        self.assert_not_again(answer, ClientGone)

    def test_not_when_the_body_is_gone(self) -> None:
        upload = Upload()
        answer = self.ask(upload)
        upload.send(b"x")
        self.lose(self.old)
        self.assert_not_again(answer, ConnectionDone)

    def test_not_when_the_body_is_gone_by_then(self) -> None:
        """Of an upload that is still arriving, only the beginning is kept."""
        upload = Upload(replayable=True)
        answer = self.ask(upload)
        upload.send(b"x")
        upload.replayable = False
        self.lose(self.old)
        self.assert_not_again(answer, ConnectionDone)

    def test_with_a_body_that_can_be_sent_again(self) -> None:
        upload = Upload(replayable=True)
        answer = self.ask(upload)
        self.lose(self.old)
        self.assertEqual(upload.calls[0], "start")
        self.say(self.accept(), OK)
        self.assertEqual(upload.calls.count("start"), 2)
        self.successResultOf(answer)

    def test_with_a_body_that_can_be_sent_again_by_then(self) -> None:
        """What counts is how things stand when the connection is lost."""
        upload = Upload()
        answer = self.ask(upload)
        upload.replayable = True
        self.lose(self.old)
        self.say(self.accept(), OK)
        self.successResultOf(answer)

    def test_fresh_connection_refused(self) -> None:
        answer = self.ask()
        self.lose(self.old)
        self.refuse()
        self.assert_not_again(answer, ConnectionRefusedError)

    def test_cancelled_meanwhile(self) -> None:
        answer = self.ask()
        self.lose(self.old)
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertTrue(self.reactor.connectors[1].stoppedConnecting)
        self.assert_at_rest()

    def test_cancelled_on_the_fresh_connection(self) -> None:
        answer = self.ask()
        self.lose(self.old)
        fresh = self.accept()
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertTrue(fresh.aborted)
        self.assert_at_rest()


class SentOnceMoreByRequestTests(SentOnceMoreTests):
    """Requests of others, `IAgent.request`, when the body is one of the gateway's or there is none."""

    def ask(
        self,
        body: IRequestBody | None = None,
        attempt: Phases | None = None,
        uri: bytes = URL,
        pairs: HeaderPairs = (),
    ) -> Deferred[Any]:
        """Send a request, as Twisted's and treq's users do."""
        return self.agent.request(b"POST", uri, None, None if body is None else WireBody(body))

    def test_not_with_a_body_of_somebody_else(self) -> None:
        """Nobody knows whether it can be produced a second time."""
        producer = Producer(4)
        answer = self.agent.request(b"POST", URL, None, producer)
        self.lose(self.old)
        self.assertEqual(producer.stopped, 1)
        self.assert_not_again(answer, ConnectionDone)


class PhaseTests(AgainCase):
    """What the attempt hears of it."""

    def test_of_a_body_in_memory(self) -> None:
        attempt = Phases()
        self.ask(attempt=attempt)
        self.lose(self.old)
        self.accept()
        self.assertEqual(attempt.entered, [Phase.WAITING, Phase.CONNECTING, Phase.WAITING])

    def test_of_an_upload(self) -> None:
        attempt, upload = Phases(), Upload(replayable=True)
        self.ask(upload, attempt)
        self.lose(self.old)
        self.accept()
        upload.end()
        expected = [Phase.SENDING, Phase.CONNECTING, Phase.SENDING, Phase.WAITING]
        self.assertEqual(attempt.entered, expected)
