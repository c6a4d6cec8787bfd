"""An error answer that comes when the client has been told 200 already: it becomes an error event."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from zope.interface import implementer

from jairouter.errors import UpstreamError, render
from jairouter.interfaces import IBodySink

if TYPE_CHECKING:
    from jairouter.errors import GatewayError

MAX_ERROR = 64 * 1024
"""Bytes of an error answer that are passed on."""


@implementer(IBodySink)
class ErrorAnswer:
    """Collects the body of an error answer, which is short, and tells it when it is complete.

    Args:
        status: Of the answer.
        tell: Takes the error as JSON, an object with a member ``error``.
    """

    def __init__(self, status: int, tell: Callable[[bytes], None]) -> None:
        self._status = status
        self._tell = tell
        self._body = bytearray()

    def chunk(self, data: bytes) -> None:
        """See `IBodySink.chunk`."""
        self._body += data[: MAX_ERROR + 1 - len(self._body)]

    def end(self) -> None:
        """See `IBodySink.end`."""
        body = bytes(self._body)
        if len(body) > MAX_ERROR or not _is_error(body):
            body = render(UpstreamError(f"the backend failed with status {self._status}"))
        self._tell(body)

    def broke(self, error: GatewayError) -> None:
        """See `IBodySink.broke`."""
        self._tell(render(error))


def _is_error(body: bytes) -> bool:
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return False
    return isinstance(decoded, dict) and bool(decoded.get("error"))
