"""Record: what happened, told to metrics and the access log when it is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from zope.interface import implementer

from jairouter.errors import ClientGone, GatewayError, InternalError
from jairouter.interfaces import IResponder

if TYPE_CHECKING:
    from jairouter.exchange import Answer, Exchange
    from jairouter.interfaces import IRecorder, ITracer


@implementer(IResponder)
class Record:
    """Tells each recorder about each exchange exactly once, after its last byte.

    Args:
        inner: Answers.
        recorders: Are told.
        cut: Says why what is cancelled now is cancelled, or None when its client left.
        tracer: Knows the trace of each; None where nothing is traced.
    """

    _log = Logger()

    def __init__(
        self,
        inner: IResponder,
        recorders: Sequence[IRecorder],
        cut: Callable[[], GatewayError | None] = lambda: None,
        tracer: ITracer | None = None,
    ) -> None:
        self._inner = inner
        self._cut = cut
        self._records = tuple([each.record for each in recorders])
        self._tracer = tracer

    async def respond(self, exchange: Exchange) -> Answer:
        """See `IResponder.respond`."""
        if self._tracer is not None:
            exchange.trace = self._tracer.begin(exchange)
        try:
            answer = await self._inner.respond(exchange)
        except GatewayError as error:
            self._tell(exchange, error.status, 0, error)
            raise
        except CancelledError:
            reason = self._cut() or ClientGone("the client left before it was answered")
            self._tell(exchange, reason.status, 0, reason)
            raise
        except BaseException:
            fault = InternalError("the gateway failed to answer")
            exchange.give_up(fault)
            self._tell(exchange, 500, 0, fault)
            raise
        body = answer.body

        def done(error: GatewayError | None) -> None:
            # Once begun, an answer that breaks has been begun with its status; that the client left is 499
            replaced = error is not None and (error.status == 499 or not body.passed_on)
            self._tell(exchange, error.status if error and replaced else answer.status, body.passed_on, error)

        body.on_done(done)
        return answer

    def _tell(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None = None) -> None:
        if exchange.committed and status != 499:
            status = 200  # that is what the client has read; the error is told in the stream
        for record in self._records:
            try:
                record(exchange, status, sent, error)
            except Exception:
                # Whoever only looks on must not keep the rest from being settled, nor the answer back
                self._log.failure("a recorder failed")
