r"""A client's request body as the channel receives it.

::

               start                        end, broke, stop
    WAITING ----------> FLOWING <--> PAUSED -----------------> OVER

Until somebody wants the body, and while nobody keeps up with it, at most `HELD` bytes are kept and the
connection is not read: backpressure reaches the client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from zope.interface import implementer

from jairouter.errors import ClientGone
from jairouter.interfaces import IRequestBody
from jairouter.request_body.pieces import Pieces

if TYPE_CHECKING:
    from jairouter.errors import GatewayError
    from jairouter.interfaces import IBodySink

HELD = 64 * 1024
"""Bytes kept before the connection is read no more; Twisted reads 64 KB at a time."""


class IncomingConnection(Protocol):
    """What an upload needs of its connection."""

    def pause_upload(self) -> None:
        """Read no more."""

    def resume_upload(self) -> None:
        """Read on."""

    def upload_wanted(self) -> None:
        """Somebody wants the body: the client may be told to go on (``100 Continue``)."""


@implementer(IRequestBody)
class Upload:
    """See the module's picture.

    Args:
        connection: Where the body comes from.
        length: From Content-Length, or None for a chunked body.
    """

    __slots__ = (  # there is one for every open stream
        "_connection",
        "_error",
        "_held",
        "_over",
        "_reading",
        "_sink",
        "complete",
        "length",
        "paused",
    )
    replayable = False

    def __init__(self, connection: IncomingConnection, length: int | None) -> None:
        self.length = length
        self.complete = length == 0
        self.paused = False
        self._connection: IncomingConnection | None = connection
        self._held = Pieces()
        self._sink: IBodySink | None = None
        self._error: GatewayError | None = None
        self._reading = True
        self._over = False

    @property
    def awaited(self) -> bool:
        """Whether more can come at any time, so that it is the client who is slow if nothing does."""
        return self._reading and not self.paused and (self._sink is not None or self._over)

    @property
    def data(self) -> bytes | None:
        """The whole body, when all of it is here and none was passed on."""
        if self.complete and self._sink is None and not self._over and self._error is None:
            return self._held.joined()
        return None

    # -- for the channel ----------------------------------------------------

    def received(self, data: bytes) -> None:
        """Bytes came."""
        if self._over:
            return
        if self._sink is not None and not self.paused and not self._held.size:
            self._sink.chunk(data)
            return
        self._held.append(data)
        if self._held.size >= HELD and self._reading and self._connection is not None:
            self._reading = False
            self._connection.pause_upload()

    def finished(self) -> None:
        """The last byte came."""
        self.complete = True
        self._read_on()  # there is nothing left to hold back, and a client that leaves must be noticed
        self._flush()

    def lost(self, error: GatewayError | None = None) -> None:
        """No more will come, though more was due."""
        if not self.complete and self._error is None:
            self._error = error or ClientGone("the client left before its request was complete")
            self._flush()
        self._connection = None

    # -- for who wants the body ---------------------------------------------

    def start(self, sink: IBodySink) -> None:
        """See `IRequestBody.start`. The body is there once."""
        if self._sink is not None or self._over:
            raise RuntimeError("an upload can be read once")
        self._sink = sink
        if not self.complete and self._connection is not None:
            self._connection.upload_wanted()
        self._flush()

    def pause(self) -> None:
        """See `IRequestBody.pause`."""
        self.paused = True

    def resume(self) -> None:
        """See `IRequestBody.resume`."""
        self.paused = False
        self._flush()

    def stop(self) -> None:
        """See `IRequestBody.stop`. What still comes is dropped."""
        self._over = True
        self._sink = None
        self._held.clear()
        self._read_on()

    def _flush(self) -> None:
        while self._held.size and self._sink is not None and not self.paused:
            self._sink.chunk(self._held.take())
        if self._held.size or self._sink is None or self.paused:
            return
        if self._error is not None or self.complete:
            sink, self._sink = self._sink, None
            self._over = True
            if self._error is not None:
                sink.broke(self._error)
            else:
                sink.end()
        else:
            self._read_on()

    def _read_on(self) -> None:
        if not self._reading and self._connection is not None:
            self._reading = True
            self._connection.resume_upload()
