r"""One client connection: requests come in, answers go out, under twisted.web's Request and Resource.

Requests are answered one at a time, in the order in which they came::

      bytes --> inbox --> events --> the request being answered, and its body
                            ^                       |
                            +---- the next one <----+

The next one waits while an answer is under way, while the client does not read the answers it has got,
and, after `AT_ONCE` answers, for the rest of the reactor. The connection is read all the same (into the
inbox, as long as there is room), because that is how a client that leaves is noticed.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.web.http_headers import Headers
from zope.interface import implementer

from jairouter.eager import eager_write
from jairouter.errors import BadRequest, RequestTimeout
from jairouter.twisted_headers import pairs_of
from jairouter.web.client_address import Client, peer_address
from jairouter.web.closing import Closing, delivery
from jairouter.web.errors import refusal
from jairouter.web.facade import RequestTransport
from jairouter.web.inbox import Inbox
from jairouter.web.patience import Owes, Patience
from jairouter.web.presence import Presence
from jairouter.web.request_parser import END, Head
from jairouter.web.upload import Upload

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IProducer
    from twisted.python.failure import Failure

    from jairouter.web.client_certificate import ClientCertificate
    from jairouter.web.request import GatewayRequest
    from jairouter.web.site import GatewaySite

AT_ONCE = 16
"""Requests of one connection that are begun before the others have their turn."""


@implementer(IPushProducer)
class Channel(RequestTransport):
    """See the module's picture.

    Args:
        site: What is served, and its limits.

    Attributes:
        proxied: Whether a proxy said ahead of all requests whose connection it is.
    """

    proxied = False

    def __init__(self, site: GatewaySite) -> None:
        self.site = self.factory = site
        self._inbox = Inbox(site.limits.head)
        self._current: GatewayRequest | None = None
        self._incoming: Upload | None = None  # its body, until the last byte has come
        self._serving = self._closing = False
        self._begun = 0  # requests
        self._choked = False  # the client does not read
        self._reading = True
        self._upload_full = False
        self._breath: IDelayedCall | None = None
        self._patience = Patience(site.wheel, site.limits, self._owed, self._late)
        self._presence = Presence(site.wheel, self.abortConnection)
        self._end = Closing(site.wheel, self._patience)

    # -- called by Twisted --------------------------------------------------

    def connectionMade(self) -> None:
        """See `Protocol.connectionMade`."""
        self.site.channels[self] = None
        self.transport.setTcpNoDelay(True)
        self.write = eager_write(self.transport)  # type: ignore[method-assign,assignment]  # the same, sooner
        self._start_producing()
        self._patience.watch()

    def dataReceived(self, data: bytes) -> None:
        """See `Protocol.dataReceived`."""
        if self._closing:
            self._end.heard()
        else:
            if self._incoming is not None:
                self._patience.came()
            self._inbox.put(data)
            self._serve()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `Protocol.connectionLost`: whoever works for this client is told at once."""
        self.site.forget(self)
        self._closing = True
        self._patience.close()
        self._presence.close()
        self._inbox.close()
        if self._breath is not None:
            self._breath.cancel()
            self._breath = None
        request, self._current, self._incoming = self._current, None, None
        if request is not None:
            request.connectionLost(reason)
            request.producer = None  # which knows the request: a ring, found by the garbage collector only
            if isinstance(request.upload, Upload):
                request.upload.lost()

    # -- backpressure: called by the transport while no request has a producer ------------------

    def pauseProducing(self) -> None:
        """See `IPushProducer.pauseProducing`: the client does not read what it was sent."""
        self._choked = True

    def resumeProducing(self) -> None:
        """See `IPushProducer.resumeProducing`: it has read it."""
        self._choked = False
        self._serve()

    def stopProducing(self) -> None:
        """See `IProducer.stopProducing`: `connectionLost` follows."""

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """See `RequestTransport.registerProducer`: we hear no more of what was unread until now."""
        self._choked = False
        super().registerProducer(producer, streaming)

    # -- answering, one at a time -------------------------------------------

    def _serve(self) -> None:
        """Go on with what has come. A loop, since answers may be complete at once."""
        if self._serving or self._breath is not None:
            return
        self._serving = True
        try:
            if self._incoming is not None:
                self._take_body()
            begun = 0
            while begun < AT_ONCE and self._begin():
                begun += 1
        finally:
            self._serving = False
        if self._closing:
            return
        if begun == AT_ONCE and self._current is None and self._inbox.waiting:
            self._breath = self.site.reactor.callLater(0, self._go_on)
        self._mind_reading()
        if self._current is None or self._incoming is not None:
            self._patience.watch()  # (else nothing is owed, and when the timer goes off it finds that out)

    def _go_on(self) -> None:
        self._breath = None
        self._serve()

    def _begin(self) -> bool:
        """Begin with the next request, if it can be begun now and there is one."""
        if self._closing or self._current is not None or self._choked:
            return False
        head = self._inbox.take()
        if isinstance(head, Head):
            request = self._current = self.site.requestFactory(self, head)
            self._begun += 1
            if self._begun == self.site.limits.max_requests:
                request.keep_alive = False
            if isinstance(request.upload, Upload):
                self._incoming = request.upload
                self._take_body()
                if self._incoming is None and not request.upload.complete:
                    request.fault = request.fault or self._inbox.error  # no resource sees it
            request.process()
        elif self._inbox.error is not None:
            self.write(refusal(self._inbox.error, self.site.date(), self.site.ids.new()))
            self.site.refused(self._inbox.error)
            self._linger()
        return head is not None

    def _take_body(self) -> None:
        """Pass on what has come of the body that is arriving."""
        while self._incoming is not None and not self._closing:
            upload, event = self._incoming, self._inbox.take()
            if isinstance(event, bytes):
                upload.received(event)
            elif event is END:
                self._incoming = None
                upload.finished()
            elif self._inbox.error is not None:
                self._incoming = None
                upload.lost(self._inbox.error)
            else:
                break

    def whole_body(self) -> bytes | None:
        """All of the body that belongs to the head that came last, if it came with it."""
        return self._inbox.whole_body()

    @cached_property
    def client_ip(self) -> str:
        """The address at the other end."""
        return peer_address(self.transport.getPeer())

    @cached_property
    def client(self) -> Client | None:
        """Who sends all the requests of this connection; None if it is a trusted proxy's."""
        proxies = self.site.proxies
        return Client(self.client_ip) if proxies is None else proxies.sole_client(self.client_ip)

    @property
    def client_certificate(self) -> ClientCertificate | None:
        """Who the client is by the certificate that it has shown, if it has; only known while it is there."""
        return getattr(self.transport, "client_certificate", None)

    def requestDone(self, request: GatewayRequest) -> None:
        """Called by the request: its answer is complete."""
        self._current = None
        request.over()
        self._patience.answered()
        if not request.upload.complete:
            self._linger()
        elif not request.keep_alive or self.site.draining:
            unread = self._inbox.waiting or not self._reading
            # Nothing unread yet says little: more may come while the answer goes out
            if unread or delivery(self.transport) is not None:
                self._linger(quiet=not unread)
            else:
                self._close()
        elif self._inbox.waiting or self._breath is not None:
            self._serve()
        elif not (self._serving or self._closing):
            self._patience.watch()

    # -- closing ------------------------------------------------------------

    def close_if_idle(self) -> None:
        """Close, unless a request is being answered or read."""
        idle = self._current is None and not self._inbox.waiting and not self._inbox.in_head
        if idle and not self._closing:
            self._close()

    @property
    def spare_since(self) -> float | None:
        """See `Patience.spare_since`; the patience is not told when a request is under way."""
        if self._current is not None:
            return None
        return self._end.spare_since if self._closing else self._patience.spare_since

    @property
    def delivered(self) -> bool:
        """Whether the client has got all that it was sent, as far as the kernel says."""
        state = delivery(self.transport)
        return not self._choked and (state is None or state[1])

    def break_off(self) -> None:
        """Close in the middle of an answer; what was written before the break goes out."""
        if self.isSecure():
            self.transport.farewell = False  # which would say that it was all
        self._close()

    def loseConnection(self) -> None:
        """See `RequestTransport.loseConnection`."""
        self._close()

    def _close(self) -> None:
        """Close when all that is written has gone out."""
        self._closing = True
        self._last_words()
        self._end.begin(self.transport, lingers=False)
        self.transport.loseConnection()

    def _linger(self, *, quiet: bool = False) -> None:
        """Close, but let the client read the answer first although it has sent more, or still does.

        Closing with unread bytes makes the kernel send a reset, which may overtake the answer.
        """
        self._closing = True
        self._last_words()
        self._end.begin(self.transport, lingers=True, quiet=quiet)
        self.transport.loseWriteConnection()
        self._read(on=True)

    # -- time ---------------------------------------------------------------

    def _owed(self) -> Owes:
        current = self._current
        if self._breath is not None:
            return Owes.NOTHING  # what it has sent waits for us
        if current is None:
            return Owes.HEAD if self._inbox.in_head and not self._choked else Owes.REQUEST
        return Owes.NOTHING if current.upload.complete else Owes.BODY

    def _late(self, owes: Owes) -> None:
        if owes is Owes.REQUEST:
            if self._choked:
                self._linger()  # what it has asked since then waits for nothing
            else:
                self.close_if_idle()
        elif owes is Owes.HEAD:
            self._inbox.fail(RequestTimeout("the request's head took too long to arrive"))
            self._serve()
        elif self._incoming is not None and not self._incoming.awaited:
            self._patience.came()  # it is we who keep the client waiting
            self._patience.watch()
        else:
            self._inbox.fail(RequestTimeout("the request's body took too long to arrive"))
            self._serve()

    # -- reading, and for uploads -------------------------------------------

    def pause_upload(self) -> None:
        """See `IncomingConnection.pause_upload`."""
        self._upload_full = True
        self._mind_reading()

    def resume_upload(self) -> None:
        """See `IncomingConnection.resume_upload`."""
        self._upload_full = False
        self._patience.came()
        self._mind_reading()

    def _mind_reading(self) -> None:
        on = not self._upload_full and not self._inbox.full
        if on is not self._reading and not self._closing:
            self._read(on=on)

    def _read(self, *, on: bool) -> None:
        self._reading = on
        if on:
            self._presence.stop()
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()
            self._presence.watch(self.transport)

    def upload_wanted(self) -> None:
        """See `IncomingConnection.upload_wanted`."""
        self._patience.came()
        current = self._current
        if current is not None and current.expects_continue and not current.startedWriting:
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    # -- for twisted.web's Request ------------------------------------------

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """Write the head of the answer to the current request."""
        lines = [b"%b %b %b\r\n" % (version, code, reason)]
        lines += [b"%b: %b\r\n" % pair for pair in pairs_of(headers)]
        if self._current is not None:
            self._current.framed = bool(self._current.chunked) or headers.hasHeader(b"content-length")
            lines.append(self.persistence(self._current))
        lines.append(b"\r\n")
        self.write(b"".join(lines))

    def forget_head(self) -> None:
        """An answer begins that may take an hour: keep nothing that saves a little on the next request."""
        self._inbox.forget_head()

    def persistence(self, request: GatewayRequest) -> bytes:
        """The header that says what becomes of the connection; empty where that goes without saying."""
        old = request.clientproto == b"HTTP/1.0"
        if self.site.draining or not request.upload.complete or (old and not request.framed):
            request.keep_alive = False
        if not request.keep_alive:
            return b"Connection: close\r\n"
        return b"Connection: keep-alive\r\n" if old else b""

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Called by twisted.web's Request, in whose contract it is: a form's body is not what it says."""
        if self._current is not None:
            self._current.refuse(BadRequest("the request's body is not valid multipart/form-data"))
