"""Timeout: each phase of an attempt may take so long, and all of them together so long."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.errors import ClientGone, DeadlineExceeded, GatewayError, PoolExhausted, UpstreamTimeout
from jairouter.exchange import Phase
from jairouter.filters.paced import PacedBody
from jairouter.interfaces import IResponder
from jairouter.task import current_task
from jairouter.timers import Sweep

if TYPE_CHECKING:
    from jairouter.body import AnswerBody
    from jairouter.exchange import Answer, Attempt, Exchange
    from jairouter.timers import Timer, TimerWheel
    from jairouter.traffic.instance import Instance


@dataclass(frozen=True, slots=True)
class PhaseLimits:
    """Seconds.

    Attributes:
        queued: Waiting for a connection to become free.
        connect: Connecting, name look-up and TLS included.
        send: Without progress while the request goes out. The time in which the client does not bring
            more of it does not count: that is limited where it is read.
        first_byte: From the last byte of the request to the first of the answer; on an event stream to
            the first event, whatever comments come before it.
        read: Without a byte while the answer comes in. The time in which the client does not read does not
            count.
        blocked: Without the client's reading any of the answer.
        total: All of it, or None; an instance may have a limit of its own instead, and another one that an
            event stream only has to begin in.
    """

    queued: float = 45.0
    connect: float = 10.0
    send: float = 60.0
    first_byte: float = 60.0
    read: float = 60.0
    blocked: float = 60.0
    total: float | None = None

    @property
    def shortest(self) -> float:
        """The shortest of them."""
        return min(*(self.of(phase) for phase in Phase), math.inf if self.total is None else self.total)

    def of(self, phase: Phase) -> float:
        """The limit of one phase."""
        return getattr(self, _LIMITS[phase])  # type: ignore[no-any-return]  # each of them is a float


_LIMITS = {
    Phase.QUEUED: "queued",
    Phase.CONNECTING: "connect",
    Phase.SENDING: "send",
    Phase.WAITING: "first_byte",
    Phase.RECEIVING: "read",
    Phase.BLOCKED: "blocked",
}


@implementer(IResponder)
class Timeout:
    """Ends an attempt that takes too long; the instance is to blame for that.

    Args:
        inner: Answers.
        wheel: The timers.
        limits: How long is too long.
    """

    def __init__(self, inner: IResponder, wheel: TimerWheel, limits: PhaseLimits) -> None:
        self._inner = inner
        self._wheel = wheel
        self._limits = limits
        # No deadline is nearer than the shortest limit, so a look in each such time misses none
        self._watches: Sweep[_Watch] = Sweep(wheel, limits.shortest, _Watch.look)

    async def respond(self, exchange: Exchange) -> Answer:
        """See `IResponder.respond`."""
        body, paced = exchange.body, None
        if body.data is None:
            exchange.body = paced = PacedBody(body, partial(_sending_anew, exchange.attempt))
        watch = _Watch(self._wheel, self._limits, self._watches, exchange.attempts[-1], paced)
        try:
            answer = await self._inner.respond(exchange)
        except BaseException:
            watch.stop()
            # Whatever the cancelled attempt made of it, the timeout is the reason
            if watch.error is not None:
                raise watch.error from None
            raise
        finally:
            exchange.body = body
        if answer.body.whole:
            watch.stop()
        else:
            watch.follow(answer)
        return answer


class _Watch:
    """Looks now and then how late an attempt is.

    Progress and a new phase only move `Attempt.since`: a request that is answered in time, and a stream of
    small events, cost nothing here.
    """

    __slots__ = (
        "_attempt",
        "_body",
        "_end",
        "_end_of_stream",
        "_limits",
        "_paced",
        "_task",
        "_timer",
        "_watches",
        "_wheel",
        "error",
    )

    def __init__(
        self,
        wheel: TimerWheel,
        limits: PhaseLimits,
        watches: Sweep[_Watch],
        attempt: Attempt,
        paced: PacedBody | None,
    ) -> None:
        self.error: GatewayError | None = None
        self._wheel = wheel
        self._limits = limits
        self._watches = watches
        self._attempt = attempt
        self._task = current_task()
        self._paced = paced
        self._body: AnswerBody | None = None
        instance = attempt.instance
        total = limits.total if instance.timeout is None else instance.timeout
        self._end = self._end_of_stream = None if total is None else wheel.seconds() + total
        self._timer: Timer | None = None  # while the deadline is nearer than the next look
        if instance.timeout is None and instance.answer_timeout is None:
            watches.add(self)
        else:
            self._begin_with_its_own(instance)

    def _begin_with_its_own(self, instance: Instance) -> None:
        """The instance has limits of its own, which may be nearer than the next look."""
        now = self._wheel.seconds()
        if instance.answer_timeout is not None:
            answered = now + instance.answer_timeout
            self._end = answered if self._end is None else min(answered, self._end)
        if self._end is not None and self._end - now < self._limits.shortest:
            self._timer = self._wheel.start(self._end - now, self.look)
        else:
            self._watches.add(self)

    def follow(self, answer: Answer) -> None:
        """The answer has begun; from now on its body is watched."""
        self._body = body = answer.body
        if answer.event_stream:
            self._end = self._end_of_stream
        self._attempt.enter(Phase.RECEIVING)
        body.on_flow(self._flow)
        body.on_done(self._over)

    def stop(self) -> None:
        """Nothing to watch now."""
        self._watches.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _over(self, _: GatewayError | None) -> None:
        self.stop()

    def _flow(self, reading: bool) -> None:
        self._attempt.enter(Phase.RECEIVING if reading else Phase.BLOCKED)

    def look(self) -> None:
        """End it if it is late."""
        self._timer = None
        deadline = self._deadline()
        left = math.inf if deadline is None else deadline - self._wheel.seconds()
        if left <= 0:
            self._end_it()
        elif left < self._limits.shortest:
            self._timer = self._wheel.start(left, self.look)
        else:
            self._watches.add(self)

    def _end_it(self) -> None:
        self.error = self._late()
        if self._body is not None:
            self._body.cut(self.error)
        else:
            self._task.cancel()

    def _deadline(self) -> float | None:
        limit = self._limit()
        if limit is None:
            return self._end
        # A head that drips, or comments before the first event, are not what the client waits for
        since = self._attempt.sent if self._unanswered() else self._attempt.since
        deadline = since + limit
        return deadline if self._end is None else min(deadline, self._end)

    def _limit(self) -> float | None:
        if self._waits_for_client():
            return None  # limited where it is read
        if self._unanswered():
            return self._limits.first_byte
        return self._limits.of(self._attempt.phase)

    def _unanswered(self) -> bool:
        """Whether the request is out and nothing that counts has come: a head alone does not."""
        return self._body is None and self._attempt.phase in (Phase.WAITING, Phase.RECEIVING)

    def _waits_for_client(self) -> bool:
        sending = self._attempt.phase is Phase.SENDING
        return sending and self._paced is not None and not self._paced.paused

    def _late(self) -> GatewayError:
        phase = self._attempt.phase
        if self._end is not None and self._wheel.seconds() >= self._end:
            # In the queue, or while it is the client who is slow, the instance is not to blame
            blameless = phase in (Phase.QUEUED, Phase.BLOCKED) or self._waits_for_client()
            kind = DeadlineExceeded if blameless else UpstreamTimeout
            return kind("the backend's answer was not complete in time")
        if phase is Phase.BLOCKED:
            return ClientGone("the client did not read its answer in time")
        if phase is Phase.QUEUED:
            return PoolExhausted("no connection to the model's backend became free in time", retry_after=1)
        return UpstreamTimeout(_TOO_SLOW[phase])


_TOO_SLOW = {
    Phase.CONNECTING: "the backend could not be reached in time",
    Phase.SENDING: "the backend did not take the request in time",
    Phase.WAITING: "the backend did not begin to answer in time",
    Phase.RECEIVING: "the backend stopped in the middle of its answer",
}


def _sending_anew(attempt: Attempt) -> None:
    """Whoever the request waits for now, the backend or the client, it has not waited for them before."""
    if attempt.phase is Phase.SENDING:
        attempt.enter(Phase.SENDING)
