"""Whether an attempt that failed is followed by another one, and after which wait."""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING

from jairouter.errors import (
    DeadlineExceeded,
    GatewayError,
    PoolExhausted,
    StreamCut,
    UpstreamError,
    UpstreamRefusal,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from jairouter.exchange import Phase
from jairouter.headers import joined
from jairouter.traffic.cool_down import retry_after

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from jairouter.config.settings.retrying import RetrySettings
    from jairouter.exchange import Answer, Attempt, Exchange, HeaderPairs
    from jairouter.traffic.budget import RetryBudget

_READ_TIMEOUT = b"x-stainless-read-timeout"
_SECONDS = re.compile(rb"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_NOT_CONNECTED = (Phase.QUEUED, Phase.CONNECTING)
_MOST_DOUBLINGS = 60


class Declined(enum.Enum):
    """Why there is no further attempt."""

    def __init__(self, word: str) -> None:
        self.word = word

    CLASS = "class"
    """What happened is nothing after which another attempt is wanted."""
    MAX_RETRIES = "max-retries"
    """There were as many as there may be."""
    BODY = "body"
    """The request body is not there any more: the client sends it only once."""
    DEADLINE = "deadline"
    """The time for further attempts is over."""
    CLIENT = "client"
    """The client waits no longer."""
    NOBODY = "nobody"
    """No other instance takes requests now."""
    BUDGET = "budget"
    """There are too many retries already."""


class RetryPolicy:
    """Decides for one service.

    Args:
        settings: What is configured.
        budget: Of the service.
        random: For the jitter.
    """

    def __init__(self, settings: RetrySettings, budget: RetryBudget, random: Random) -> None:
        self.budget = budget
        self._on = frozenset(_spelt_out(settings.on))
        self._max_retries = settings.max_retries
        self._delay = settings.delay
        self._max_delay = settings.max_delay
        self._timeout = settings.timeout
        self._random = random

    def begin(self, exchange: Exchange, now: float) -> None:
        """A request came. What is itself a client's retry earns no further ones.

        Nor does one for which another model was asked before, or an outage would pay for its own retries.

        Args:
            exchange: It may have come long ago, if its body was long or it had to wait for its turn.
            now: The clock's seconds.
        """
        # (an exchange that nobody took before was asked for as well)
        known = exchange.attempts or exchange.excluded
        if not known and not exchange.request.retry_count.strip(b" 0,"):
            self.budget.deposit(now)

    def covers(self, failure: Answer | GatewayError, attempt: Attempt) -> bool:
        """Whether another instance may do better.

        Args:
            failure: An answer, or why there is none.
            attempt: Whose it is.
        """
        if isinstance(failure, GatewayError):
            return _reason(failure, attempt) in self._on
        return failure.status in self._on

    def decide(
        self, exchange: Exchange, made: int, failure: Answer | GatewayError, now: float
    ) -> float | Declined:
        """Say what follows an attempt that failed. The budget is charged for what is allowed.

        Args:
            exchange: Its last attempt is the one that failed.
            made: Further attempts that there were already.
            failure: A failed answer, or why there is none.
            now: The clock's seconds.

        Returns:
            Seconds to wait before the next attempt, or why there must be none.
        """
        attempt = exchange.attempt
        if not self.covers(failure, attempt):
            return Declined.CLASS
        limit = attempt.instance.max_retries
        if made >= (self._max_retries if limit is None else limit):
            return Declined.MAX_RETRIES
        if exchange.body.data is None and not exchange.body.replayable:
            return Declined.BODY
        wait = self._backoff(exchange, made, failure, now)
        if wait is None:
            return Declined.NOBODY
        return self.late(exchange, now + wait) or self._pay(now) or wait

    def late(self, exchange: Exchange, then: float) -> Declined | None:
        """Why no further attempt may begin at some time, as far as that is a matter of time."""
        elapsed = then - exchange.started
        if elapsed > self._timeout:
            return Declined.DEADLINE
        if not exchange.committed:  # a client that gets comments waits on
            patience = _patience(exchange.request.headers)
            if patience is not None and elapsed > patience:
                return Declined.CLIENT
        return None

    def _pay(self, now: float) -> Declined | None:
        return None if self.budget.withdraw(now) else Declined.BUDGET

    def _backoff(
        self, exchange: Exchange, made: int, failure: Answer | GatewayError, now: float
    ) -> float | None:
        """How long to wait, or None when there is nobody to wait for.

        Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture
        Blog): with 25 ms and 1 s, anything up to 25, 50, 100, ... 1000 ms.
        """
        bound = min(self._max_delay, self._delay * 2.0 ** min(made, _MOST_DOUBLINGS))
        wait = self._random.random() * bound
        group = exchange.group
        tried = exchange.tried
        if group is None:
            return None
        if group.again and all(each in tried or not each.weight for each in group.instances):
            told = told_wait(failure, now)
            if told:  # by one of those that are left; it may be resting until then
                return max(wait, told) if told <= self._max_delay else None
        return wait if group.could_choose(now, tried) else None


def told_wait(failure: Answer | GatewayError, today: float) -> float | None:
    """How long a failure itself asks to wait, in seconds.

    Args:
        failure: An answer, or why there is none.
        today: Seconds since the epoch, which the reactor's clock counts, for answers that name a date.
    """
    if isinstance(failure, GatewayError):
        return failure.retry_after
    return retry_after(failure.headers, today)


def reason_of(failure: Answer | GatewayError, attempt: Attempt) -> str:
    """What went wrong, for metrics: a status, or a word of the configuration."""
    if isinstance(failure, GatewayError):
        return str(_reason(failure, attempt) or "other")
    return str(failure.status)


def _reason(error: GatewayError, attempt: Attempt) -> str | int | None:
    """What went wrong in the words of the configuration; None for what no other instance does better."""
    if isinstance(error, UpstreamRefusal):
        return error.status
    if isinstance(error, UpstreamUnreachable | PoolExhausted):
        return "connect"
    if isinstance(error, UpstreamError | DeadlineExceeded) and attempt.phase in _NOT_CONNECTED:
        return "connect"
    if isinstance(error, UpstreamTimeout):
        return "timeout"
    if isinstance(error, UpstreamError):
        # With a head but no event or a redirect it did answer, something that is no answer
        return "reset" if not attempt.status or isinstance(error, StreamCut) else error.status
    return None


def _spelt_out(reasons: Iterable[str]) -> Iterable[str | int]:
    for reason in reasons:
        if reason == "5xx":
            yield from range(500, 600)
        else:
            yield int(reason) if reason.isdigit() else reason


def _patience(headers: HeaderPairs) -> float | None:
    """How long the client waits for an answer, in seconds, if it says so as OpenAI's SDKs do."""
    text = joined(headers, _READ_TIMEOUT).strip()
    return float(text) if _SECONDS.fullmatch(text) else None
