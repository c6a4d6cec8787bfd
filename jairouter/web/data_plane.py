"""Where requests for models enter: from a rendered resource to the pipeline and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from jairouter.errors import GatewayError, InternalError, ShuttingDown
from jairouter.exchange import Exchange, Outcome
from jairouter.task import Task
from jairouter.web.incoming import exchange_request
from jairouter.web.relay import KeepAlive, Relay
from jairouter.web.request import GatewayRequest
from jairouter.web.routing_headers import added_lines

if TYPE_CHECKING:
    from twisted.web import http

    from jairouter.body import AnswerBody
    from jairouter.exchange import Answer, Route
    from jairouter.interfaces import IResponder
    from jairouter.timers import TimerWheel
    from jairouter.traffic.permits import Ledger, Permit
    from jairouter.web.request_ids import RequestIds


_NEUTRAL = Outcome.NEUTRAL  # looking into the class takes five times as long


class DataPlane:
    """Runs every exchange from its first byte to its last.

    Args:
        pipeline: Answers.
        ledger: Counts open requests.
        wheel: For keep-alive comments; also the clock.
        ids: Of requests.
        keep_alive: When silent streams get a comment.
        routing_headers: Whether answers say how they came to be.

    Attributes:
        pipeline: Answers; replaced when other settings come into force.
        cutting: While everything under way is cut off, why; else None.
    """

    _log = Logger()

    def __init__(
        self,
        pipeline: IResponder,
        ledger: Ledger,
        wheel: TimerWheel,
        ids: RequestIds,
        keep_alive: KeepAlive,
        *,
        routing_headers: bool = True,
    ) -> None:
        self.cutting: GatewayError | None = None
        self.pipeline = pipeline
        self._ledger = ledger
        self._wheel = wheel
        self._ids = ids
        self._keep_alive = keep_alive
        self._seconds = wheel.seconds if routing_headers else None
        self._calls: dict[_Call, None] = {}

    @property
    def open(self) -> int:
        """How many requests are under way."""
        return self._ledger.outstanding()["request"]

    @property
    def under_way(self) -> Mapping[tuple[str, bool], int]:
        """How many, by service and whether their answer is a stream."""
        return Counter(call.kind for call in self._calls)

    def serve(self, http_request: http.Request, route: Route) -> None:
        """Answer one request."""
        request = exchange_request(http_request, route, self._ids)
        exchange = Exchange(request, started=self._wheel.seconds())
        relay = Relay(http_request, self._wheel, self._keep_alive)
        permit, work = self._ledger.open("request"), self.pipeline.respond(exchange)
        call = _Call(self._calls, permit, exchange, relay, work, self._seconds)
        if isinstance(http_request, GatewayRequest):
            http_request.recorded = True  # the site then leaves it to the pipeline
            http_request.owner = call
        else:
            http_request.notifyFinish().addCallbacks(lambda _: call.answered(), lambda _: call.client_gone())
        call.task.start()
        if not call.decided:
            relay.wait_for(exchange)

    def cut(self) -> None:
        """End whatever is under way: the gateway stops and has waited long enough."""
        error = self.cutting = ShuttingDown("the gateway is shutting down", retry_after=1)
        try:
            for call in list(self._calls):
                try:
                    call.cut(error)
                except Exception:
                    self._log.failure("cutting off a request failed")
                    call.give_up()
        finally:
            self.cutting = None


class _Call:
    """One exchange between its client and the pipeline.

    Args:
        calls: All that are under way.
        permit: Settled when the client has its answer, or has left.
        exchange: What it is about.
        relay: To the client.
        work: The pipeline's.
        seconds: The clock, if answers say how they came to be.

    Attributes:
        decided: Whether there is an answer, or the reason for none.
    """

    __slots__ = ("_body", "_calls", "_exchange", "_permit", "_relay", "_seconds", "decided", "task")

    _log = Logger()

    def __init__(
        self,
        calls: dict[_Call, None],
        permit: Permit,
        exchange: Exchange,
        relay: Relay,
        work: Coroutine[Any, Any, Answer],
        seconds: Callable[[], float] | None,
    ) -> None:
        calls[self] = None
        self._calls = calls
        self._exchange = exchange
        self._seconds = seconds
        self._permit = permit
        self._relay = relay
        self._body: AnswerBody | None = None
        self.decided = False
        self.task = Task(work, self._returned, self._raised)

    @property
    def kind(self) -> tuple[str, bool]:
        """The service that is asked, and whether the answer is a stream."""
        return self._exchange.request.route.service, self._exchange.stream

    def answered(self) -> None:
        """See `Owner.answered`."""
        del self._calls[self]
        self._permit.settle(_NEUTRAL)

    def client_gone(self) -> None:
        """See `Owner.client_gone`."""
        # Whichever of the two is under way is told; the other is over or has not begun
        self.decided = True
        try:
            self._relay.client_gone()
            self.task.cancel()
        except Exception:
            self._log.failure("ending a request failed")
        finally:
            self.answered()

    def cut(self, error: GatewayError) -> None:
        """End it now."""
        if self._body is not None:
            self._body.cut(error)
        elif not self.decided:
            self.decided = True
            self.task.cancel()
            self._relay.fail(error, self._added())

    def _returned(self, answer: Answer) -> None:
        self.decided = True
        self._body = answer.body
        try:
            self._relay.answer(answer, self._added())
        except Exception:
            self._broken()

    def _raised(self, error: BaseException) -> None:
        if self.decided:
            return  # the client left, or cut() has told it
        self.decided = True
        if not isinstance(error, GatewayError):
            self._log.failure("answering failed")
            error = InternalError("the gateway failed to answer; its log says why")
        try:
            self._relay.fail(error, self._added())
        except Exception:
            self._broken()

    def _added(self) -> bytes:
        """The gateway's own headers."""
        seconds = self._seconds
        return added_lines(self._exchange, None if seconds is None else seconds())

    def _broken(self) -> None:
        """Even writing the answer failed: a fault of ours. Nothing may stay open because of it."""
        self._log.failure("relaying failed")
        self.give_up()

    def give_up(self) -> None:
        """Let neither side wait any more."""
        try:
            self._relay.give_up()
        except Exception:
            self._log.failure("giving up a request failed")
        if self._body is not None:
            self._body.abandon()  # the relay may not have got so far as to know it
