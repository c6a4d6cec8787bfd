"""Pick: one instance for one attempt, held until the last byte of its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError
from zope.interface import implementer

from jairouter.errors import GatewayError, InternalError, NoHealthyUpstream, RateLimited
from jairouter.exchange import Attempt, Outcome
from jairouter.filters.pause import pause
from jairouter.interfaces import IResponder
from jairouter.traffic.exclusion import Reason
from jairouter.traffic.limiters.by_name import kind_of
from jairouter.traffic.outcomes import outcome_of_answer, outcome_of_error
from jairouter.traffic.permits import Permit

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from jairouter.exchange import Answer, Exchange, HeaderPairs
    from jairouter.traffic.group import Choice, Group
    from jairouter.traffic.permits import Ledger

_SUCCEEDED, _FAILED, _THROTTLED, _NEUTRAL, _ABANDONED = Outcome  # looking into it takes five times as long

WAIT = 5.0
"""Seconds after which to ask again, where nothing says how long an instance stays away."""


@implementer(IResponder)
class Pick:
    """Asks the group once per attempt, and settles what the attempt holds exactly once.

    Args:
        inner: Answers, from the instance picked.
        ledger: Lends the permits.
        clock: Seconds, and waits.
    """

    def __init__(self, inner: IResponder, ledger: Ledger, clock: IReactorTime) -> None:
        self._inner = inner
        self._ledger = ledger
        self._clock = clock
        self._seconds = clock.seconds

    async def respond(self, exchange: Exchange) -> Answer:
        """See `IResponder.respond`."""
        group = exchange.group
        if group is None:
            raise InternalError("the model was not looked up")
        usual = group.key_of is None and not exchange.attempts
        choice = group.choose(self._seconds(), b"") if usual else self._choose(exchange, group)
        instance = choice.instance
        if instance is None:
            exchange.excluded = choice.excluded
            raise _nobody(exchange, choice, self._seconds())
        attempt = Attempt(instance, self._seconds, choice.excluded, len(choice.candidates))
        exchange.attempts.append(attempt)
        held = _Held(self._ledger, attempt, group, self._seconds)
        try:
            if held.wait:
                await pause(self._clock, held.wait)
                exchange.waited += held.wait
                attempt.progress()  # the wait for its turn is not one for a connection
                exchange.turn_to(attempt)  # meanwhile a hedge may have begun
            answer = await self._inner.respond(exchange)
            attempt.body = answer.body
            if attempt.status == 429:
                self._cool_down(exchange, group, attempt, answer.headers)
            live = instance.live
            if (live.suspect or live.latency is not None) and 200 <= attempt.status < 300:
                held.answering()
        except GatewayError as error:
            outcome = outcome_of_error(error)
            held.settle(outcome)
            if outcome is _THROTTLED:
                self._cool_down(exchange, group, attempt, ())
            raise
        except CancelledError:
            held.settle(_ABANDONED)
            raise
        except BaseException:
            # A fault of ours says nothing about the instance, but its slot must come back
            held.settle(_NEUTRAL)
            raise
        answer.body.on_done(held.done)
        return answer

    def _cool_down(self, exchange: Exchange, group: Group, attempt: Attempt, headers: HeaderPairs) -> None:
        if group.cool_down is not None:
            doubtful = len(group.instances) == 1 or any(
                each.outcome is _THROTTLED for each in exchange.attempts if each is not attempt
            )
            group.cool_down.throttled(
                exchange.request, attempt.instance, headers, self._seconds(), doubtful=doubtful
            )

    def _choose(self, exchange: Exchange, group: Group) -> Choice:
        key = exchange.key
        if key is None:
            key = exchange.key = b"" if group.key_of is None else group.key_of(exchange)
        return group.choose(self._seconds(), key, exchange.tried, exchange.busy)


class _Held(Permit):
    """What an attempt holds of its instance: its slot, and its place under the instance's own limit.

    Attributes:
        wait: Seconds for which it has to wait before it goes on.
    """

    __slots__ = ("_attempt", "_outliers", "_place", "_seconds", "_ticket", "wait")

    def __init__(self, ledger: Ledger, attempt: Attempt, group: Group, seconds: Callable[[], float]) -> None:
        live = attempt.instance.live
        self._attempt = attempt
        self._outliers = group.outliers
        self._seconds = seconds
        self._place: Permit | None = None
        self.wait = 0.0
        limiter = live.limiter
        if limiter is not None:
            self.wait = limiter.take(attempt.began)
            if limiter.lends:
                turn = attempt.began + self.wait
                self._place = ledger.open("limit", lambda _: limiter.give_back(seconds(), turn))
        self._ticket = live.acquire(attempt.began)
        Permit.__init__(self, ledger, "attempt")  # (`super` takes longer than all that it does)

    def answering(self) -> None:
        """A good answer has begun; it may take an hour to end."""
        attempt = self._attempt
        live = attempt.instance.live
        if live.suspect:
            live.answering(self._ticket, self._seconds())
        if live.latency is not None:
            live.latency.observe(attempt.answered - attempt.sent, attempt.answered)

    def done(self, error: GatewayError | None) -> None:
        """The answer's body is over."""
        self._attempt.body = None
        if error is None and 200 <= self._attempt.status < 300:
            self.settle(_SUCCEEDED)
        else:
            self.settle(outcome_of_answer(self._attempt.status, error))

    def settle(self, outcome: Outcome) -> None:
        """See `IPermit.settle`."""
        Permit.settle(self, outcome)
        attempt = self._attempt
        attempt.outcome = outcome
        now = attempt.ended = self._seconds()
        live = attempt.instance.live
        live.settle(self._ticket, outcome, now)
        if self._place is not None:
            self._place.settle(outcome)
        if live.latency is not None and outcome is _FAILED:
            live.latency.failed((attempt.answered or now) - attempt.sent, now)
        # (where it ends no row of failures, a success says nothing to them)
        if self._outliers is not None and (live.failures or outcome is not _SUCCEEDED):
            self._outliers.settled(attempt.instance, outcome, now, attempt.began)


def _nobody(exchange: Exchange, choice: Choice, now: float) -> GatewayError:
    """Why there is no instance, and when there may be one."""
    times = [why.until - now for _, why in choice.excluded if why.until is not None]
    wait = max(min(times), 0.001) if times else WAIT
    model = exchange.model[:100]
    reasons = {why.reason for _, why in choice.excluded} - _CONFIGURED
    if Reason.LIMITED in reasons:
        limited = next(each for each, why in choice.excluded if why.reason is Reason.LIMITED).live.limiter
        return RateLimited(
            f"every instance of the model {model!r} is at its limit",
            retry_after=wait,
            limit=("instance", kind_of(limited) if limited is not None else ""),
        )
    if reasons == {Reason.COOLING}:
        # They are well, and asked for fewer requests: who hears 503 looks for what is broken
        return RateLimited(f"every instance of the model {model!r} throttles requests", retry_after=wait)
    return NoHealthyUpstream(f"no instance of the model {model!r} takes requests now", retry_after=wait)


_CONFIGURED = frozenset({Reason.DRAINED, Reason.TIER})
"""Reasons that say nothing about now."""
