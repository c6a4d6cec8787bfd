"""A site on a network in memory, resources to put into it, and a reader of what its clients receive."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import httptools
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET

from jairouter.timers import TimerWheel
from jairouter.web.client_address import TrustedProxies
from jairouter.web.request_ids import RequestIds
from jairouter.web.site import ConnectionLimits, GatewaySite
from tests.fakes import Client, Network

ADDRESS = ("127.0.0.1", 80)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Echo(Resource):
    """An ordinary resource of twisted.web: answers at once with what it was asked.

    Attributes:
        seen: (method, path, body) of every request that reached it.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[bytes, bytes, bytes]] = []

    def render(self, request: Any) -> bytes:
        body = request.content.read()
        self.seen.append((request.method, request.path, body))
        return b"%b %b %b" % (request.method, request.path, body)


class Later(Resource):
    """A resource whose requests the test answers by hand."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Any] = []
        self.gone: list[Any] = []

    def render(self, request: Any) -> int:
        self.requests.append(request)
        request.notifyFinish().addErrback(lambda _: self.gone.append(request))
        return NOT_DONE_YET

    def answer(self, body: bytes, index: int = 0) -> None:
        """Answer the oldest request that is not answered."""
        request = self.requests.pop(index)
        request.setHeader(b"Content-Length", b"%d" % len(body))
        request.write(body)
        request.finish()


class Taker(Later):
    """As Later, but rendered when the head is there: its body is in `request.upload`."""

    takes_upload = True


@dataclass
class Received:
    """One answer as a client received it."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False


class _Reader:
    def __init__(self) -> None:
        self.answers: list[Received] = []
        self.headers: dict[str, str] = {}
        self.parser = httptools.HttpResponseParser(self)

    def on_message_begin(self) -> None:
        self.headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.answers.append(Received(self.parser.get_status_code(), self.headers))

    def on_body(self, data: bytes) -> None:
        self.answers[-1].body += data

    def on_message_complete(self) -> None:
        self.answers[-1].complete = True


def answers(data: bytes | bytearray) -> list[Received]:
    """Every answer in what a client received."""
    reader = _Reader()
    reader.parser.feed_data(bytes(data))
    return reader.answers


class Serving:
    """A site that serves one tree.

    Args:
        root: The tree.
        limits: Of its connections.
        proxies: Who may speak for others.

    Attributes:
        counted: (method, path, status) of each answer that was counted.
        secure: Whether its clients speak TLS.
    """

    secure = False

    def __init__(
        self,
        root: IResource,
        limits: ConnectionLimits | None = None,
        proxies: TrustedProxies | None = None,
    ) -> None:
        self.network = Network()
        self.counted: list[tuple[str, str, int]] = []
        self.site = GatewaySite(
            root,
            TimerWheel(self.network),
            self.network,
            limits or ConnectionLimits(),
            RequestIds(random.Random(0)),
            lambda method, uri, status, seconds: self.counted.append((method, uri, status)),
            proxies,
        )
        self.network.listenTCP(ADDRESS[1], self.site, interface=ADDRESS[0])

    def client(self) -> Client:
        """A new connection."""
        return self.network.connect(*ADDRESS)

    def ask(self, *pieces: bytes) -> Client:
        """Connect, send and let it travel, piece by piece."""
        client = self.client()
        for piece in pieces:
            client.send(piece)
            self.run()
        return client

    def run(self, seconds: float = 0.0) -> None:
        """Let bytes travel and time pass."""
        self.network.run(seconds)

    def server_end(self, client: Client) -> Any:
        """The transport at the site's end of a client's connection."""
        wire: Any = client.transport
        return wire.peer

    def channel(self, client: Client) -> Any:
        """The channel at the site's end."""
        return self.server_end(client).protocol

    def unread(self, client: Client) -> int:
        """Bytes that a client has sent and the site has not read."""
        wire: Any = client.transport
        waiting = (
            *wire._outbox,
            *wire.peer._inbox,
        )  # the network's own books, which it does not show otherwise
        return sum(map(len, waiting))

    def close(self) -> list[Any]:
        """Close everything. Returns the delayed calls that are left, which should be none."""
        self.site.abort()
        self.run(10)
        return list(self.network.getDelayedCalls())


def post(body: bytes, path: bytes = b"/", *headers: bytes) -> bytes:
    """A POST request with Content-Length."""
    lines = [b"POST %b HTTP/1.1" % path, b"Host: x", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(*pieces: bytes, trailer: bytes = b"") -> bytes:
    """A POST request in chunks."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return (
        head + b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in pieces) + b"0\r\n" + trailer + b"\r\n"
    )
