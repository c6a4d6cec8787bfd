"""What travels between treq and our agent besides what `IAgent` knows.

treq wraps every agent it is given in agents that add ``Accept-Encoding``, unpack gzip and keep cookies.
A proxy wants none of that: it must pass on what it was given. `WireHeaders` are header pairs exactly as
on the wire; to those wrappers they look empty and unchangeable, so nothing is added, unpacked or kept.
`InstanceUrl` answers treq's questions about a URL from what was worked out once per instance.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from hyperlink import URL
from treq.cookies import IndexableCookieJar
from twisted.internet.defer import Deferred
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from jairouter.interfaces import IBodySink

if TYPE_CHECKING:
    from twisted.internet.interfaces import IConsumer

    from jairouter.errors import GatewayError
    from jairouter.exchange import Attempt, HeaderPairs
    from jairouter.interfaces import IRequestBody


class WireHeaders(Headers):
    """Header pairs as on the wire, opaque to treq's wrappers.

    Attributes:
        pairs: The headers, in order.
        attempt: Told about the phases of the request, or None.
    """

    def __init__(self, pairs: HeaderPairs, attempt: Attempt | None = None) -> None:
        super().__init__()
        self.pairs = pairs
        self.attempt = attempt

    def copy(self) -> WireHeaders:
        """Itself: treq copies before it adds, and adding does nothing here."""
        return self

    def hasHeader(self, name: Any) -> bool:
        """Claims a Cookie header, so that treq asks no jar for one."""
        return True

    def addRawHeader(self, name: Any, value: Any) -> None:
        """Nothing is added."""

    def setRawHeaders(self, name: Any, values: Any) -> None:
        """Nothing is replaced."""


class InstanceUrl(URL):
    """A URL whose text was worked out once; parsing it anew costs 40 us per request.

    Args:
        text: The absolute URL, ASCII, percent-encoded as it shall be sent.

    Raises:
        hyperlink.URLParseError: It is no URL.
    """

    def __init__(self, text: str) -> None:
        url = URL.from_text(text)
        super().__init__(
            url.scheme, url.host, url.path, url.query, url.fragment, url.port, url.rooted, url.userinfo
        )
        self._text = text

    def asking(self, query: str) -> InstanceUrl:
        """The same address with a query, which is not looked into: it is sent as it was received."""
        url = copy(self)
        url._text = f"{self._text}?{query}"
        return url

    def to_uri(self) -> InstanceUrl:
        """Itself: it is ASCII."""
        return self

    def to_text(self, with_password: bool = False) -> str:
        """The text it was made of."""
        return self._text


class NoCookies(IndexableCookieJar):
    """A cookie jar that keeps nothing: a shared jar would hand one client's cookies to another."""

    def set_cookie(self, cookie: Any) -> None:
        """Kept nowhere."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Nothing is looked for."""

    def add_cookie_header(self, request: Any) -> None:
        """There is none."""


@implementer(IBodyProducer)
class WireBody:
    """A request body in the form that treq and `IAgent` take.

    Attributes:
        body: The body; our agent writes one that is held in memory together with the head.
        length: Bytes, or `UNKNOWN_LENGTH`.
    """

    def __init__(self, body: IRequestBody) -> None:
        self.body = body
        self.length: int | str = UNKNOWN_LENGTH if body.length is None else body.length

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See `IBodyProducer.startProducing`. The Deferred fails when the client stops half-way."""
        finished: Deferred[None] = Deferred(lambda _: self.body.stop())
        self.body.start(_ConsumerSink(consumer, finished))
        return finished

    def pauseProducing(self) -> None:
        """See `IPushProducer.pauseProducing`."""
        self.body.pause()

    def resumeProducing(self) -> None:
        """See `IPushProducer.resumeProducing`."""
        self.body.resume()

    def stopProducing(self) -> None:
        """See `IProducer.stopProducing`."""
        self.body.stop()


@implementer(IBodySink)
class _ConsumerSink:
    """Writes a request body to the consumer that the agent gave."""

    def __init__(self, consumer: IConsumer, finished: Deferred[None]) -> None:
        self._consumer = consumer
        self._finished = finished

    def chunk(self, data: bytes) -> None:
        """See `IBodySink.chunk`."""
        self._consumer.write(data)

    def end(self) -> None:
        """See `IBodySink.end`."""
        self._finished.callback(None)

    def broke(self, error: GatewayError) -> None:
        """See `IBodySink.broke`."""
        self._finished.errback(error)
