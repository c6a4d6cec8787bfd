"""Tests for `jairouter.traffic.retry`."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.body import AnswerBody
from jairouter.config.settings.retrying import RetrySettings
from jairouter.errors import (
    BadRequest,
    ClientGone,
    DeadlineExceeded,
    GatewayError,
    InternalError,
    ModelNotFound,
    NoRoom,
    PoolExhausted,
    RateLimited,
    ShuttingDown,
    StreamCut,
    UpstreamError,
    UpstreamRefusal,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from jairouter.exchange import Answer, Attempt, Exchange, HeaderPairs, Phase
from jairouter.traffic.budget import RetryBudget
from jairouter.traffic.exclusion import Exclusion, Reason
from jairouter.traffic.retry import Declined, RetryPolicy
from tests.filters.inner import exchange, group, instance, request
from tests.fuzz.examples import examples
from tests.request_body.rig import Client


def policy(ratio: float = 0.0, floor: float = 100.0, seed: int = 0, **given: Any) -> RetryPolicy:
    """Decides; what is not given is as in the configuration, but for the budget."""
    settings = RetrySettings().model_copy(update=given)
    return RetryPolicy(settings, RetryBudget(ratio, floor, 10), Random(seed))


def failed(
    phase: Phase = Phase.WAITING, status: int = 0, headers: HeaderPairs = (), again: bool = False, **made: Any
) -> Exchange:
    """An exchange that came at 0, one of whose three instances has failed."""
    result = exchange(request(headers=headers))
    result.group = group(instance(**made), instance(), instance(), again=again)
    return attempted(result, 0, phase, status)


def attempted(result: Exchange, index: int, phase: Phase = Phase.WAITING, status: int = 0) -> Exchange:
    """One more attempt of it has failed."""
    assert result.group is not None
    attempt = Attempt(result.group.instances[index], lambda: 0.0)
    attempt.phase, attempt.status = phase, status
    result.attempts.append(attempt)
    return result


def answer(status: int, *headers: tuple[bytes, bytes]) -> Answer:
    """A whole one."""
    return Answer(status, headers, AnswerBody.of(b"{}"))


LOST = UpstreamError("lost")


class ClassTests(SynchronousTestCase):
    """What happened decides whether another attempt is wanted."""

    def reasons(
        self, failure: Answer | GatewayError, phase: Phase = Phase.WAITING, status: int = 0
    ) -> set[str]:
        """Which words of `on` lead to another attempt."""
        words = ("connect", "reset", "timeout", "429", "500", "502", "503", "504", "5xx")
        case = failed(phase, status)
        return {
            word for word in words if policy(on=(word,)).decide(case, 0, failure, 0.0) is not Declined.CLASS
        }

    def test_not_connected(self) -> None:
        for error, phase in (
            (UpstreamUnreachable("refused"), Phase.CONNECTING),
            (UpstreamUnreachable("not found"), Phase.WAITING),
            (UpstreamTimeout("late"), Phase.CONNECTING),
            (UpstreamError("lost"), Phase.CONNECTING),
            (PoolExhausted("busy"), Phase.QUEUED),
            (DeadlineExceeded("late"), Phase.QUEUED),
        ):
            self.assertEqual(self.reasons(error, phase), {"connect"}, (error, phase))

    def test_lost(self) -> None:
        self.assertEqual(self.reasons(LOST), {"reset"})
        self.assertEqual(self.reasons(LOST, Phase.SENDING), {"reset"})
        self.assertEqual(self.reasons(StreamCut("before its first event"), Phase.RECEIVING, 200), {"reset"})

    def test_late(self) -> None:
        self.assertEqual(self.reasons(UpstreamTimeout("late")), {"timeout"})
        self.assertEqual(self.reasons(UpstreamTimeout("late"), Phase.RECEIVING, 200), {"timeout"})

    def test_statuses(self) -> None:
        for status in (500, 502, 503, 504):
            self.assertEqual(self.reasons(answer(status), status=status), {str(status), "5xx"})
        self.assertEqual(self.reasons(answer(529), status=529), {"5xx"})
        self.assertEqual(self.reasons(answer(429), status=429), {"429"})
        for status in (400, 401, 403, 404, 408, 409, 422):
            self.assertEqual(self.reasons(answer(status), status=status), set())

    def test_refused_in_a_stream(self) -> None:
        """An error as the first event counts as the status it means."""
        self.assertEqual(self.reasons(UpstreamRefusal("full", status=503), status=200), {"503", "5xx"})
        self.assertEqual(self.reasons(UpstreamRefusal("slow", status=429), status=200), {"429"})
        self.assertEqual(self.reasons(UpstreamRefusal("too long", status=400), status=200), set())

    def test_no_answer_to_speak_of(self) -> None:
        """A redirect, a stream without events: the backend was there, and the client would get 502."""
        self.assertEqual(self.reasons(LOST, Phase.RECEIVING, 302), {"502", "5xx"})

    def test_never(self) -> None:
        """What no other instance does better."""
        for error in (
            RateLimited("ours"),
            ClientGone("gone"),
            ShuttingDown("stopping"),
            BadRequest("yours"),
            ModelNotFound("yours"),
            NoRoom("ours"),
            InternalError("ours"),
            DeadlineExceeded("the client was slow"),
        ):
            for phase in (Phase.SENDING, Phase.WAITING):
                self.assertEqual(self.reasons(error, phase), set(), (error, phase))

    def test_ours_are_never(self) -> None:
        """Whatever the phase: the client's fault and the gateway's own are nobody else's."""
        for error in (
            RateLimited("ours"),
            BadRequest("yours"),
            ShuttingDown("stopping"),
            InternalError("ours"),
        ):
            self.assertEqual(self.reasons(error, Phase.QUEUED), set(), error)


class DecideTests(SynchronousTestCase):
    """Whether there is another attempt where one is wanted."""

    def test_waits(self) -> None:
        """Anything up to a bound that doubles: full jitter."""
        for made, bound in ((0, 0.025), (1, 0.05), (3, 0.2), (5, 0.8), (6, 1.0), (5000, 1.0)):
            waits = [
                policy(seed=seed, max_retries=9999).decide(failed(), made, LOST, 0.0) for seed in range(40)
            ]
            numbers = [wait for wait in waits if isinstance(wait, float)]
            self.assertEqual(len(numbers), 40)
            self.assertTrue(max(numbers) <= bound, (made, max(numbers)))
            self.assertTrue(max(numbers) > bound * 0.8 and min(numbers) < bound * 0.2, (made, numbers))

    def test_no_delay(self) -> None:
        self.assertEqual(policy(delay=0.0).decide(failed(), 0, LOST, 0.0), 0.0)

    def test_max_retries(self) -> None:
        self.assertIsInstance(policy().decide(failed(), 1, LOST, 0.0), float)
        self.assertIs(policy().decide(failed(), 2, LOST, 0.0), Declined.MAX_RETRIES)
        self.assertIs(policy(max_retries=0).decide(failed(), 0, LOST, 0.0), Declined.MAX_RETRIES)

    def test_max_retries_of_the_instance(self) -> None:
        """The instance at which the attempt failed lowers or raises the number."""
        self.assertIs(policy().decide(failed(max_retries=0), 0, LOST, 0.0), Declined.MAX_RETRIES)
        self.assertIsInstance(policy().decide(failed(max_retries=5), 4, LOST, 0.0), float)
        self.assertIsInstance(policy().decide(attempted(failed(max_retries=0), 1), 1, LOST, 0.0), float)

    def test_deadline(self) -> None:
        """The wait itself counts: no attempt begins after it."""
        self.assertIsInstance(policy(delay=0.0).decide(failed(), 0, LOST, 60.0), float)
        self.assertIs(policy(delay=0.0).decide(failed(), 0, LOST, 60.1), Declined.DEADLINE)
        self.assertIs(policy().decide(failed(), 0, LOST, 60.0), Declined.DEADLINE)

    def test_client_waits_no_longer(self) -> None:
        case = failed(headers=((b"X-Stainless-Read-Timeout", b"7.5"),))
        self.assertIsInstance(policy(delay=0.0).decide(case, 0, LOST, 7.5), float)
        self.assertIs(policy(delay=0.0).decide(case, 0, LOST, 7.6), Declined.CLIENT)
        case.committed = True  # and gets comments, each of which it is content with
        self.assertIsInstance(policy(delay=0.0).decide(case, 0, LOST, 7.6), float)

    def test_no_such_time(self) -> None:
        """What is no number says nothing; it must not be a fault either."""
        for value in (b"", b"None", b"NOT_GIVEN", b"-1", b"inf", b"nan", b"1e9", b"\xff", b"9" * 400):
            case = failed(headers=((b"x-stainless-read-timeout", value),))
            self.assertIsInstance(policy().decide(case, 0, LOST, 5.0), float, value)

    def test_body_is_gone(self) -> None:
        case = failed()
        upload = Client(b"some")
        case.body = upload
        self.assertIs(policy().decide(case, 0, LOST, 0.0), Declined.BODY)
        upload.replayable = True
        self.assertIsInstance(policy().decide(case, 0, LOST, 0.0), float)

    def test_nobody_else(self) -> None:
        case = attempted(attempted(failed(), 1), 2)
        self.assertIs(policy().decide(case, 0, LOST, 0.0), Declined.NOBODY)

    def test_nobody_else_takes_requests(self) -> None:
        case = failed()
        assert case.group is not None
        for each in case.group.instances[1:]:
            each.live.eject(100.0, 0.0)
        self.assertIs(policy().decide(case, 0, LOST, 0.0), Declined.NOBODY)

    def test_budget(self) -> None:
        few = policy(floor=0.1)
        self.assertIsInstance(few.decide(failed(), 0, LOST, 0.0), float)
        self.assertIs(few.decide(failed(), 0, LOST, 0.0), Declined.BUDGET)

    def test_budget_is_charged_for_attempts_only(self) -> None:
        few = policy(floor=0.1)
        few.decide(failed(), 2, LOST, 0.0)
        few.decide(failed(), 0, BadRequest("yours"), 0.0)
        few.decide(attempted(attempted(failed(), 1), 2), 0, LOST, 0.0)
        few.decide(failed(), 0, LOST, 99.0)
        self.assertIsInstance(few.decide(failed(), 0, LOST, 0.0), float)


class SameInstanceTests(SynchronousTestCase):
    """With `same-instance`, one that was tried is tried again when all were."""

    def setUp(self) -> None:
        self.case = attempted(attempted(failed(again=True), 1), 2)

    def test_tried_again(self) -> None:
        self.assertIsInstance(policy().decide(self.case, 0, LOST, 0.0), float)

    def test_retry_after_is_waited_for(self) -> None:
        wait = policy().decide(self.case, 0, answer(503, (b"Retry-After", b"1")), 0.0)
        self.assertEqual(wait, 1.0)

    def test_retry_after_is_short(self) -> None:
        """The backoff is waited for all the same."""
        decides = policy(delay=1.0)
        wait = decides.decide(self.case, 0, answer(503, (b"retry-after-ms", b"1")), 0.0)
        assert isinstance(wait, float)
        self.assertGreater(wait, 0.1)

    def test_one_that_gets_no_traffic(self) -> None:
        """It is not another one that need not be waited for."""
        case = exchange()
        case.group = group(instance(), instance(weight=0), again=True)
        attempted(case, 0)
        self.assertEqual(policy().decide(case, 0, answer(503, (b"Retry-After", b"1")), 0.0), 1.0)

    def test_retry_after_is_too_long(self) -> None:
        verdict = policy().decide(self.case, 0, answer(429, (b"Retry-After", b"2")), 0.0)
        self.assertIs(verdict, Declined.NOBODY)

    def test_another_one_need_not_be_waited_for(self) -> None:
        wait = policy().decide(failed(again=True), 0, answer(429, (b"Retry-After", b"2")), 0.0)
        assert isinstance(wait, float)
        self.assertLess(wait, 0.025)


class BeginTests(SynchronousTestCase):
    """What a request adds to the budget."""

    def deposits(self, retry_count: bytes = b"") -> bool:
        decides = policy(ratio=1.0, floor=0.0)
        decides.begin(exchange(request()._replace(retry_count=retry_count)), 0.0)
        return decides.budget.withdraw(0.0)

    def test_request(self) -> None:
        self.assertTrue(self.deposits())
        self.assertTrue(self.deposits(b"0"))
        self.assertTrue(self.deposits(b"0, 0"))

    def test_other_models(self) -> None:
        """It is one request, however many models are asked for it."""
        decides = policy(ratio=1.0, floor=0.0)
        decides.begin(failed(), 0.0)
        self.assertFalse(decides.budget.withdraw(0.0))
        nobody = exchange(request())
        nobody.excluded = ((instance(), Exclusion(Reason.DOWN)),)
        decides.begin(nobody, 0.0)
        self.assertFalse(decides.budget.withdraw(0.0))

    def test_client_retry(self) -> None:
        for value in (b"1", b"2", b"10", b"0, 1"):
            self.assertFalse(self.deposits(value))


class PropertyTests(SynchronousTestCase):
    """Whatever happens."""

    @given(
        st.integers(0, 5),
        st.floats(0, 100),
        st.floats(0, 5),
        st.floats(0, 5),
        st.sampled_from((200, 404, 503)),
    )
    @examples(40)
    def test_verdicts(self, made: int, now: float, delay: float, most: float, status: int) -> None:
        """A wait is never longer than it may be, and never ends after the deadline."""
        decides = policy(max_retries=3, delay=delay, max_delay=most, timeout=50.0)
        verdict = decides.decide(failed(status=status), made, answer(status), now)
        if isinstance(verdict, Declined):
            self.assertTrue(verdict.word)
        else:
            self.assertEqual((status, made < 3), (503, True))
            self.assertTrue(0 <= verdict <= most and now + verdict <= 50, verdict)
