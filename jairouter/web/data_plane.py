"""Where requests for models enter: from a rendered resource to the pipeline and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from jairouter.errors import GatewayError, InternalError, ShuttingDown
from jairouter.exchange import Exchange, Outcome
from jairouter.web.errors import break_off
from jairouter.web.incoming import exchange_request, header_pairs, request_id_of
from jairouter.web.relay import KeepAlive, Relay

if TYPE_CHECKING:
    from twisted.python.failure import Failure
    from twisted.web import http

    from jairouter.body import AnswerBody
    from jairouter.exchange import Answer, Route
    from jairouter.interfaces import IResponder
    from jairouter.timers import TimerWheel
    from jairouter.traffic.permits import Ledger
    from jairouter.web.request_ids import RequestIds


class DataPlane:
    """Runs every exchange from its first byte to its last.

    Args:
        pipeline: Answers.
        ledger: Counts open requests.
        wheel: For keep-alive comments; also the clock.
        ids: Of requests.
        keep_alive: When silent streams get a comment.

    Attributes:
        cutting: While everything under way is cut off, why; else None.
    """

    _log = Logger()

    def __init__(
        self, pipeline: IResponder, ledger: Ledger, wheel: TimerWheel, ids: RequestIds, keep_alive: KeepAlive
    ) -> None:
        self.cutting: GatewayError | None = None
        self._pipeline = pipeline
        self._ledger = ledger
        self._wheel = wheel
        self._ids = ids
        self._keep_alive = keep_alive
        self._bodies: dict[AnswerBody, None] = {}
        self._works: dict[Deferred[Answer], Relay] = {}

    @property
    def open(self) -> int:
        """How many requests are under way."""
        return self._ledger.outstanding()["request"]

    def serve(self, http_request: http.Request, route: Route) -> None:
        """Answer one request."""
        http_request.recorded = True  # type: ignore[attr-defined]  # the site then leaves it to the pipeline
        pairs = header_pairs(http_request)
        request_id = request_id_of(http_request) or self._ids.id_for(pairs)
        http_request.setHeader(b"X-Request-Id", request_id.encode("ascii"))
        request = exchange_request(http_request, route, request_id, pairs)
        exchange = Exchange(request, started=self._wheel.seconds())
        permit = self._ledger.open("request")
        relay = Relay(http_request, self._wheel, self._keep_alive)
        work: Deferred[Answer] = Deferred.fromCoroutine(self._pipeline.respond(exchange))
        self._works[work] = relay

        def gone(_: Failure) -> None:
            # Whichever of the two is under way is told; the other is over or has not begun
            relay.client_gone()
            work.cancel()

        def over(_: object) -> None:
            permit.settle(Outcome.NEUTRAL)

        ended = http_request.notifyFinish().addErrback(gone)
        ended.addErrback(lambda failure: self._log.failure("ending a request failed", failure=failure))
        ended.addCallback(over)
        work.addCallbacks(self._answered, self._failed, callbackArgs=(work, relay), errbackArgs=(work, relay))
        work.addErrback(self._broken, relay, http_request)
        if work in self._works:
            relay.wait_for(exchange)

    def cut(self) -> None:
        """End whatever is under way: the gateway stops and has waited long enough."""
        error = self.cutting = ShuttingDown("the gateway is shutting down", retry_after=1)
        try:
            self._cut(error)
        finally:
            self.cutting = None

    def _cut(self, error: GatewayError) -> None:
        for work, relay in list(self._works.items()):
            self._works.pop(work)
            work.cancel()
            relay.fail(error)
        for body in list(self._bodies):
            body.cut(error)

    def _answered(self, answer: Answer, work: Deferred[Answer], relay: Relay) -> None:
        self._works.pop(work, None)
        self._bodies[answer.body] = None
        answer.body.on_done(lambda _: self._bodies.pop(answer.body, None))
        relay.answer(answer)

    def _failed(self, failure: Failure, work: Deferred[Answer], relay: Relay) -> None:
        self._works.pop(work, None)
        if failure.check(CancelledError):
            return  # the client left, or cut() has told it
        if failure.check(GatewayError):
            relay.fail(cast("GatewayError", failure.value))
            return
        self._log.failure("answering failed", failure=failure)
        relay.fail(InternalError("the gateway failed to answer; its log says why"))

    def _broken(self, failure: Failure, relay: Relay, http_request: http.Request) -> None:
        """Even writing the answer failed: a fault of ours. Nothing may stay open because of it."""
        self._log.failure("relaying failed", failure=failure)
        relay.client_gone()
        if http_request.channel is not None:
            break_off(http_request)
