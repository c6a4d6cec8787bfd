"""Probes: what is asked of a backend to find out whether it is well.

Each opens a connection of its own and closes it afterwards. One that is kept alive would say little (a
backend that accepts nothing new may still answer on it), and the pool is for requests: a probe that waits
there behind requests calls a busy backend dead, and one that does not takes the place of a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from OpenSSL import SSL
from twisted.internet import error as net
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.web.client import ResponseDone
from zope.interface import implementer

from jairouter.interfaces import IProbe
from jairouter.task import as_deferred
from jairouter.upstream.connection import Connection
from jairouter.upstream.endpoints import Connector
from jairouter.upstream.failures import BadAddress, BadAnswer, CheckFailed, NoVerdict, is_ours
from jairouter.upstream.outgoing import Origin, Outgoing, compose, origin_of
from jairouter.upstream.receivers import PlainReceiver
from jairouter.upstream.tls import CertificateRefused

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from twisted.python.failure import Failure

    from jairouter.exchange import HeaderPairs
    from jairouter.traffic.instance import Instance
    from jairouter.upstream.endpoints import Dialing
    from jairouter.upstream.response import Response

USER_AGENT: Final = b"jairouter-health-check"

MOST_BODY: Final = 64 * 1024
"""Bytes of an answer that are waited for; a list of models is far smaller, a page for browsers may not be."""


@implementer(IProbe)
class HttpProbe:
    """Asks for a page, with the headers and the TLS of requests. Every answer below 500 is a good one.

    Of an answer that is not complete nobody knows whether the backend is well; of one that is long, the
    beginning will do.

    Args:
        dialing: To connect with.
        path: Below the instance's base URL.
    """

    def __init__(self, dialing: Dialing, path: str) -> None:
        self._dialing = dialing
        self._path = path

    def probe(self, instance: Instance) -> Deferred[None]:
        """See `IProbe.probe`."""
        return as_deferred(_explained(self._ask(instance)))

    async def _ask(self, instance: Instance) -> None:
        address = (instance.base_url + self._path).encode("ascii")
        origin, host, target = origin_of(address, instance.tls)
        head = compose(b"GET", host, target, _headers(instance), 0)
        connection = await _connect(self._dialing, origin)
        response = await connection.send(Outgoing(b"GET", head))
        if response.code >= 500:
            response.deliverBody(PlainReceiver(discard=True))
            raise CheckFailed(f"status {response.code}")
        await _read(response)


@implementer(IProbe)
class TcpProbe:
    """Connects to the host and port of the base URL, and closes the connection. TLS plays no part.

    Args:
        dialing: To connect with.
    """

    def __init__(self, dialing: Dialing) -> None:
        self._dialing = dialing

    def probe(self, instance: Instance) -> Deferred[None]:
        """See `IProbe.probe`."""
        return as_deferred(_explained(self._connect(instance)))

    async def _connect(self, instance: Instance) -> None:
        origin, _, _ = origin_of(instance.base_url.encode("ascii"))
        connection = await _connect(self._dialing, Origin(False, origin.host, origin.port))
        connection.close()


def _headers(instance: Instance) -> HeaderPairs:
    ours = ((b"User-Agent", USER_AGENT), (b"Accept", b"*/*"))
    return (*(pair for pair in ours if pair[0].lower() not in instance.header_names), *instance.headers)


def _connect(dialing: Dialing, origin: Origin) -> Deferred[Connection]:
    return Connector(dialing, origin, on_idle=Connection.close, on_lost=_nothing).connect()


def _nothing(_: Connection) -> None:
    """Nobody else knows of the connection."""


def _read(response: Response) -> Deferred[None]:
    reader = _Reader()
    response.deliverBody(reader)
    return reader.done


class _Reader(Protocol):
    """Reads a body and throws it away.

    Attributes:
        done: Fires at the end of the body, or when `MOST_BODY` have come; fails if it breaks off. Cancelling
            it aborts the connection.
    """

    transport: Any  # a BodyTransport

    def __init__(self) -> None:
        self.done: Deferred[None] = Deferred(self._given_up)
        self._left = MOST_BODY

    def dataReceived(self, data: bytes) -> None:
        """See `Protocol.dataReceived`."""
        self._left -= len(data)
        if self._left < 0 and not self.done.called:
            self.done.callback(None)
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `Protocol.connectionLost`."""
        if self.done.called:
            return
        if reason.check(ResponseDone):
            self.done.callback(None)
        else:
            self.done.errback(reason)

    def _given_up(self, done: Deferred[None]) -> None:
        done.errback(CancelledError())  # before the connection says that it was aborted
        self.transport.abortConnection()


async def _explained(asking: Coroutine[Any, Any, None]) -> None:
    """Say in words of our own what went wrong.

    Raises:
        CheckFailed: With the backend, or on the way there.
        NoVerdict: Here.
    """
    try:
        await asking
    except Exception as error:
        if is_ours(error):
            raise NoVerdict("the gateway cannot open more connections at present") from None
        for kinds, words in _WORDS:
            if isinstance(error, kinds):
                raise CheckFailed(words or str(error)) from None
        raise


_WORDS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((net.ConnectionRefusedError,), "connection refused"),
    ((net.NoRouteError,), "no route to the host"),
    ((net.TimeoutError, net.TCPTimedOutError, TimeoutError), "no connection in time"),
    ((net.DNSLookupError,), "its name cannot be looked up"),
    ((BadAddress, CertificateRefused), ""),
    ((net.ConnectError,), "no connection to the host"),
    ((BadAnswer,), "its answer is not valid HTTP"),
    ((SSL.Error,), "no secure connection to it can be made"),
    ((net.ConnectionClosed, OSError), "the connection was lost before the answer was complete"),
)
"""What each kind of error means, the narrower kinds first; nothing where it says so itself."""
