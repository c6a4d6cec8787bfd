"""The page that Prometheus reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError
from twisted.web.server import NOT_DONE_YET

from jairouter.errors import GatewayError, InternalError, PermissionDenied
from jairouter.refusals import Forbidden
from jairouter.telemetry.metrics.exposition import Form
from jairouter.web.accepting import takes_gzip, wants_openmetrics
from jairouter.web.asking import client_of
from jairouter.web.resources import Page, refuse, refuse_method, write_page

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    from jairouter.telemetry.metrics.exposition import Exposition

TEXT: Final = b"text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = b"application/openmetrics-text; version=1.0.0; charset=utf-8"


class Prometheus(Page):
    """All metrics, as OpenMetrics 1.0 or in the text format 0.0.4, compressed or not: as the client likes it.

    Args:
        exposition: Writes them.
    """

    everybody = True

    def __init__(self, exposition: Exposition) -> None:
        super().__init__()
        self._exposition = exposition

    def render(self, request: Any) -> int:
        """See `Resource.render`."""
        if request.method not in (b"GET", b"HEAD"):
            return refuse_method(request, b"GET, HEAD")
        _, fields = client_of(request)
        form = Form(
            wants_openmetrics(fields.get(b"accept", b"")), takes_gzip(fields.get(b"accept-encoding", b""))
        )

        def write(page: bytes) -> None:
            request.responseHeaders.addRawHeader(b"Vary", b"Accept, Accept-Encoding")  # (CORS has one, too)
            if form.compressed:
                request.setHeader(b"Content-Encoding", b"gzip")
            write_page(request, 200, OPENMETRICS if form.openmetrics else TEXT, page)

        return answer_with(request, self._exposition.page(form).addCallback(write))


def answer_with(request: Any, answering: Deferred[None]) -> int:
    """Leave a request to something that answers it later.

    Args:
        request: What is answered.
        answering: Fires when it is; is cancelled when its client leaves. If it fails, the client is told so,
            and nothing else than what a `GatewayError` or `Forbidden` says.

    Returns:
        What `render` then returns.
    """
    finished = request.notifyFinish()

    def failed(failure: Failure) -> None:
        error = failure.value
        if isinstance(error, Forbidden):  # (a page of the actuator says it as other pages do)
            error = PermissionDenied(error.message)
        if isinstance(error, GatewayError):
            refuse(request, error)
        elif not isinstance(error, CancelledError):
            refuse(request, InternalError("the metrics cannot be shown; the log says why"))

    def left(_: object) -> None:
        answering.cancel()

    finished.addErrback(left)
    answering.addErrback(failed)
    return NOT_DONE_YET
