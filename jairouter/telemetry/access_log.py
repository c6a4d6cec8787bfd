"""One line per request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger
from zope.interface import implementer

from jairouter.interfaces import IRecorder

if TYPE_CHECKING:
    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange


MAX_MODEL = 100
"""Characters of a model name that are logged: clients may write what they like there."""


_PLAIN = re.compile(r"[A-Za-z0-9._:/@+{}\[\]-]+")


@implementer(IRecorder)
class AccessLog:
    """Logs who asked what, who answered, and how it ended; never a body, a header or a key.

    Args:
        seconds: The clock.
    """

    _log = Logger()

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        request = exchange.request
        last = exchange.attempts[-1] if exchange.attempts else None
        self._log.info(
            "{client} POST {uri} {status} {sent}B {milliseconds:.1f}ms model={model} instance={instance} "
            "attempts={attempts} outcome={outcome} error={error} id={id}",
            client=request.client_ip,
            uri=request.route.path,
            status=status,
            sent=sent,
            milliseconds=(self._seconds() - exchange.started) * 1000,
            model=_fit(exchange.model),
            instance=last.instance.base_url if last else "-",
            attempts=len(exchange.attempts),
            outcome=last.outcome.value if last and last.outcome else "-",
            error=(error.code or error.type) if error else "-",
            id=request.id,
        )


def _fit(model: str) -> str:
    """A model name that cannot be taken for more than one field of a line."""
    model = model[:MAX_MODEL] or "-"
    return model if _PLAIN.fullmatch(model) else json.dumps(model)
