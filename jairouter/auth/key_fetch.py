"""Fetches the keys that somebody else publishes, over a connection of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.web.client import ResponseDone

from jairouter.task import as_deferred
from jairouter.upstream.connection import Connection
from jairouter.upstream.endpoints import Connector
from jairouter.upstream.outgoing import Outgoing, compose, origin_of

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from jairouter.timers import Timer
    from jairouter.upstream.endpoints import Dialing
    from jairouter.upstream.tls import BackendTls

TIMEOUT: Final = 5.0
"""Seconds for all of it: whoever shows a token waits as long."""
MOST_BYTES: Final = 256 * 1024

_HEADERS: Final = ((b"User-Agent", b"jairouter"), (b"Accept", b"application/jwk-set+json, application/json"))


class NotFetched(Exception):
    """There is no answer that could be used; the text says why."""


def fetch_keys(dialing: Dialing, url: str, tls: BackendTls | None) -> Deferred[bytes]:
    """Get a page, without following redirects: they might lead to where somebody else says which keys count.

    Args:
        dialing: To connect with.
        url: Of the page.
        tls: How the connection is secured; None for as the system does it.

    Returns:
        What is there. Fails with `NotFetched`, or with what kept the connection from being made. Cancelling
        it aborts the connection.
    """
    fetching: Deferred[bytes] = as_deferred(_fetch(dialing, url, tls))
    late: list[Timer] = []

    def too_late() -> None:
        late.append(timer)
        fetching.cancel()

    timer = dialing.wheel.start(TIMEOUT, too_late)

    def over(result: bytes | Failure) -> bytes | Failure:
        timer.cancel()
        if late:
            raise NotFetched(f"no answer within {TIMEOUT:g} seconds")
        return result

    fetching.addBoth(over)
    return fetching


async def _fetch(dialing: Dialing, url: str, tls: BackendTls | None) -> bytes:
    origin, host, target = origin_of(url.encode("ascii"), tls)
    head = compose(b"GET", host, target, _HEADERS, 0)
    connection = await Connector(dialing, origin, on_idle=Connection.close, on_lost=_nothing).connect()
    response = await connection.send(Outgoing(b"GET", head))
    reader = _Reader()
    response.deliverBody(reader)
    if response.code != 200:
        reader.done.addErrback(lambda _: None)
        reader.done.cancel()
        raise NotFetched(f"status {response.code}")
    return await reader.done


def _nothing(_: Connection) -> None:
    """Nobody else knows of the connection."""


class _Reader(Protocol):
    """Reads a body.

    Attributes:
        done: Fires at its end. Fails if it breaks off, or has too many bytes. Cancelling it aborts the
            connection.
    """

    transport: Any  # a BodyTransport

    def __init__(self) -> None:
        self.done: Deferred[bytes] = Deferred(self._given_up)
        self._data = bytearray()

    def dataReceived(self, data: bytes) -> None:
        """See `Protocol.dataReceived`."""
        self._data += data
        if len(self._data) > MOST_BYTES and not self.done.called:
            self.done.errback(NotFetched(f"more than {MOST_BYTES} bytes"))
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `Protocol.connectionLost`."""
        if self.done.called:
            return
        if reason.check(ResponseDone):
            self.done.callback(bytes(self._data))
        else:
            self.done.errback(reason)

    def _given_up(self, done: Deferred[bytes]) -> None:
        done.errback(CancelledError())  # before the connection says that it was aborted
        self.transport.abortConnection()
