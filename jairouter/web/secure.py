r"""A client's connection over TLS: what a channel has for a transport in place of the TCP connection.

::

                   complete            the channel ends it, or the client says farewell
    HANDSHAKE ------------------> SECURED ------------------------------------------> ENDED
        |                                                                               ^
        +--> FAILED: the client is told why, and has as long to close as for its head --+

Twisted's own TLS transport would do, but not as well. It writes at the next turn of the reactor, and then
through epoll (see `jairouter.eager`). It waits for the client's farewell before it closes, which most never
send, so that a drain would wait for idle clients. It closes neither one direction alone, which the answer to
an upload that is too large needs, nor without farewell, which alone says that an answer without length is
not whole.

The channel knows the connection from its first moment: its limits count from there, handshake included.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from OpenSSL import SSL
from twisted.internet.interfaces import IConsumer, IPushProducer, ISSLTransport
from twisted.internet.protocol import connectionDone
from zope.interface import implementer

from jairouter.eager import eager_write, unsent
from jairouter.errors import BadRequest
from jairouter.web.client_address import peer_address
from jairouter.web.client_certificate import shown_to
from jairouter.web.errors import refusal
from jairouter.web.handshakes import NothingInCommon, reason_for
from jairouter.web.over_tcp import OverTcp

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure

    from jairouter.web.channel import Channel
    from jairouter.web.client_certificate import ClientCertificate
    from jairouter.web.handshakes import Handshakes

RECORD: Final = 16 * 1024
"""Most bytes in one record of TLS (RFC 8446, section 5.1)."""

_OVERHEAD: Final = 512
"""More than encryption adds to one record, and all that may have waited to go out with it."""

_USUAL: Final = 32
"""As much as that is usually, and less than there is with anything that TLS itself would answer."""

UNREAD: Final = 64 * 1024
"""Bytes that TLS itself has answered, and a client has left unread, for which it is taken for gone: new keys
(RFC 8446, section 4.6.3) and refusals to negotiate anew may be asked for without end, in 25 bytes each."""

_HANDSHAKE: Final = 22
"""The first byte of a record that is part of a handshake (RFC 8446, section 5.1)."""


@implementer(ISSLTransport, IConsumer, IPushProducer)
class SecureTransport(OverTcp):
    """See the module's picture.

    Args:
        channel: What is secured.
        handshakes: Begins them.

    Attributes:
        farewell: Whether the client is told at the end that all was said (``close_notify``).
    """

    farewell = True

    def __init__(self, channel: Channel, handshakes: Handshakes) -> None:
        self._channel: Channel | None = channel
        self._handshakes = handshakes
        # What comes ahead of all, also of TLS: that is how HAProxy writes its header
        self._take_header: Callable[[bytes], bytes] | None = getattr(channel, "take_header", None)
        self._began = self._secured = self._failed = self._ended = False
        self._distrust = ""
        self._unread = 0  # bytes at most, of those that TLS itself has answered
        self._tls: SSL.Connection | None = None
        self._write_below: Callable[[bytes], None]
        self._shown: ClientCertificate | None = None

    # -- called by Twisted --------------------------------------------------

    def connectionMade(self) -> None:
        """See `Protocol.connectionMade`."""
        self._write_below = eager_write(self.transport)
        self._tls = self._handshakes.begin(self)
        assert self._channel is not None
        self._channel.makeConnection(self)

    def dataReceived(self, data: bytes) -> None:
        """See `Protocol.dataReceived`."""
        if self._secured:
            assert self._tls is not None
            self._tls.bio_write(data)
            self._read(len(data))
        elif not (self._failed or self._ended):
            if self._take_header is not None:
                data = self._take_header(data)
            if data:
                self._shake_hands(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `Protocol.connectionLost`."""
        if self._began and not (self._secured or self._failed):
            if self._ended:
                self._fail("timeout", "it was not complete in time, or had to make room")
            else:
                self._fail("left", "the client has left")
        channel, self._channel = self._channel, None
        self._ended = True
        self._tls = None  # with the channel, what would be rings for the garbage collector
        self._take_header = None
        if channel is not None:
            channel.connectionLost(reason)

    # -- the handshake ------------------------------------------------------

    def distrusted(self, why: str) -> None:
        """OpenSSL will end the handshake, and not say why (called by `Handshakes`)."""
        self._distrust = why

    def _shake_hands(self, data: bytes) -> None:
        tls = self._tls
        assert tls is not None
        if not self._began and data[0] != _HANDSHAKE:
            self._not_tls(data)
            return
        self._began = True
        tls.bio_write(data)
        try:
            tls.do_handshake()
        except SSL.WantReadError:
            self._flush()
        except (SSL.Error, NothingInCommon) as error:
            self._flush()  # it says why
            label, told = reason_for(error)
            self._fail(label, self._distrust or told)
            self._hang_up()
        else:
            self._secured = True
            self._flush()
            self._read(len(data))  # what has come with the last of it

    def _not_tls(self, data: bytes) -> None:
        """Somebody speaks something else, most often HTTP."""
        channel = self._channel
        assert channel is not None
        if data[:1].isalpha():
            told = BadRequest("this port speaks HTTPS: the address has to begin with https://")
            self._write_below(refusal(told, channel.site.date(), channel.site.ids.new()))
            self._fail("http", "it speaks HTTP without TLS")
        else:
            self._fail("not_tls", "it does not speak TLS")
        self._hang_up()

    def _fail(self, label: str, told: str) -> None:
        self._failed = True
        channel = self._channel
        peer = channel.client_ip if channel is not None else peer_address(self.transport.getPeer())
        self._handshakes.failed(peer, label, told)

    def _hang_up(self) -> None:
        """Close, but let the client read why: closing with unread bytes might overtake that.

        Until it closes as well, it is one that the channel waits for, though not for long.
        """
        self._ended = True
        self.transport.loseWriteConnection()

    @property
    def client_certificate(self) -> ClientCertificate | None:
        """Who the client is, if it has shown a certificate."""
        if self._shown is None and self._secured and self._tls is not None and self._handshakes.asks:
            self._shown = shown_to(self._tls)
        return self._shown

    def getPeerCertificate(self) -> Any:
        """See `ISSLTransport.getPeerCertificate`."""
        return None if self._tls is None else self._tls.get_peer_certificate()

    # -- reading ------------------------------------------------------------

    def _read(self, size: int) -> None:
        """Pass on all that has come, in one piece, as it would without TLS.

        Args:
            size: Bytes that have come, encrypted.
        """
        tls, channel = self._tls, self._channel
        assert tls is not None
        pieces: list[bytes] = []
        left = broken = False
        try:
            while True:
                pieces.append(tls.recv(RECORD))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            left = True
        except SSL.Error:
            broken = True
        if pieces and channel is not None:
            channel.dataReceived(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if broken or size > sum(map(len, pieces)) + len(pieces) * _USUAL:
            self._answer()  # there was more than what is passed on
        if left:
            # As without TLS, that means that it waits for no answer
            self._end()
        if left or broken:
            self._close_at_once()

    def _answer(self) -> None:
        """Send what TLS itself answers. Nobody pauses its questions: the channel does not hear of them."""
        before = unsent(self.transport)  # what is written goes out at once, unless the client does not read
        self._unread = (self._unread if before else 0) + self._flush()
        if before and self._unread > UNREAD:
            self.abortConnection()

    def _close_at_once(self) -> None:
        """Close, without waiting for the client to read."""
        self._ended = True
        if unsent(self.transport):
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()

    # -- writing ------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """See `ITransport.write`. It goes out at once, as far as the socket takes it."""
        tls = self._tls
        if self._ended or not self._secured or tls is None:
            return
        size = len(data)
        try:
            if size <= RECORD:
                if size:
                    tls.send(data)
            else:
                rest = memoryview(data)
                while rest:
                    rest = rest[tls.send(rest[:RECORD]) :]
        except SSL.Error:
            self.abortConnection()
            return
        self._flush(size + (size // RECORD + 1) * _OVERHEAD)

    def _flush(self, most: int = 2 * RECORD) -> int:
        """Send what OpenSSL has ready, and return how many bytes that is."""
        tls, sent = self._tls, 0
        if tls is None:
            return sent
        try:
            while True:
                data = tls.bio_read(most)
                sent += len(data)
                self._write_below(data)
                if len(data) < most:
                    break
        except SSL.WantReadError:
            pass  # nothing
        return sent

    # -- closing ------------------------------------------------------------

    def loseConnection(self) -> None:
        """See `ITransport.loseConnection`. The client's farewell is not waited for (RFC 8446, 6.1)."""
        self._end()
        self.transport.loseConnection()

    def loseWriteConnection(self) -> None:
        """See `ITCPTransport.loseWriteConnection`."""
        self._end()
        self.transport.loseWriteConnection()

    def stopProducing(self) -> None:
        """See `IProducer.stopProducing`."""
        self.loseConnection()

    def abortConnection(self) -> None:
        """See `ITCPTransport.abortConnection`. Without farewell: not all was said."""
        self._ended = True
        self.transport.abortConnection()

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        if self.farewell and self._secured and self._tls is not None:
            with suppress(SSL.Error):
                self._tls.shutdown()
            self._flush()
