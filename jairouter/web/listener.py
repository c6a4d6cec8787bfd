"""The listening socket, and how it closes without breaking anything off.

::

                         open                  drain                 delay over        all closed, or timeout
    CLOSED ---------------------------> OPEN --------> LAME_DUCK -----------------> DRAINING --------> CLOSED
                                                       still serves,        listens no more,
                                                       health says 503      what is open goes on

The delay gives load balancers time to see the 503 and to send new connections elsewhere.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import deferLater
from twisted.logger import Logger

if TYPE_CHECKING:
    from twisted.internet.interfaces import IListeningPort

    from jairouter.web.data_plane import DataPlane
    from jairouter.web.site import GatewaySite

BACKLOG = 1024
FLUSH = 1.0
"""Seconds for what was cut off to reach its clients."""


class CannotListen(Exception):
    """The address cannot be listened on; says which and why."""


class _State(enum.Enum):
    CLOSED = "closed"
    OPEN = "open"
    LAME_DUCK = "lame duck"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True)
class DrainTimes:
    """How long stopping may take.

    Attributes:
        delay: Seconds between health's 503 and the closing of the listener.
        timeout: Seconds for which open requests may go on after that.
    """

    delay: float = 5.0
    timeout: float = 120.0


class Listener(Service):
    """See the module's picture.

    Args:
        reactor: Listens, and is the clock.
        site: Serves.
        data_plane: Knows what is under way.
        address: To listen on.
        port: To listen on; 0 for any that is free.
        times: For draining.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        site: GatewaySite,
        data_plane: DataPlane,
        address: str,
        port: int,
        times: DrainTimes,
    ) -> None:
        self._reactor = reactor
        self._site = site
        self._data_plane = data_plane
        self._address = address
        self._port_number = port
        self._times = times
        self._state = _State.CLOSED
        self._port: IListeningPort | None = None
        self._drained: Deferred[None] | None = None
        self._hurry: Deferred[None] | None = None
        self._hurried = False

    @property
    def ready(self) -> bool:
        """Whether new requests should be sent here."""
        return self._state is _State.OPEN

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return cast("int", self._port.getHost().port) if self._port is not None else 0  # type: ignore[attr-defined]

    def privilegedStartService(self) -> None:
        """See `IService.privilegedStartService`."""
        super().privilegedStartService()
        self.open()

    def startService(self) -> None:
        """See `IService.startService`."""
        super().startService()
        self.open()

    def open(self) -> None:
        """Begin to listen, if it does not listen already.

        Raises:
            CannotListen: The port is taken, or not ours to take.
        """
        if self._state is not _State.CLOSED:
            return
        try:
            self._port = self._reactor.listenTCP(
                self._port_number, self._site, backlog=BACKLOG, interface=self._address
            )
        except (CannotListenError, OSError) as error:
            reason = getattr(error, "socketError", error)
            raise CannotListen(f"cannot listen on {self._address}:{self._port_number}: {reason}") from None
        self._state = _State.OPEN
        scheme = "http" if self._site.handshakes is None else "https"
        text = "listening on {scheme}://{address}:{port}"
        self._log.info(text, scheme=scheme, address=self._address, port=self.port)

    def stopService(self) -> Deferred[None]:
        """See `IService.stopService`: fires when everything is closed."""
        super().stopService()
        return self.drain(at_once=True)

    def drain(self, *, at_once: bool = False) -> Deferred[None]:
        """Stop, without breaking off what can be finished in time.

        Args:
            at_once: Skip the delay. Asked for again while draining, cut off at once what is left.

        Returns:
            Fires when nothing is under way and nothing listens.
        """
        if self._drained is None:
            self._drained = Deferred.fromCoroutine(self._drain(0.0 if at_once else self._times.delay))
            self._drained.addErrback(lambda failure: self._log.failure("draining failed", failure=failure))
        elif at_once:
            self._hurried = True
            if self._hurry is not None:
                self._hurry.cancel()
        drained: Deferred[None] = Deferred()
        self._drained.addBoth(lambda _: drained.callback(None))
        return drained

    async def _drain(self, delay: float) -> None:
        if self._state is _State.CLOSED:
            return
        self._state = _State.LAME_DUCK
        self._log.info("draining: {open} requests are open", open=self._data_plane.open)
        if delay:
            await self._wait(delay, None)
        self._state = _State.DRAINING
        if self._port is not None:
            stopping = self._port.stopListening()
            if stopping is not None:
                await stopping
        self._site.drain()
        # Connections, not requests: the last bytes of an answer are on their way for as long as its client
        # takes to read them
        await self._wait(self._times.timeout, self._site.closed())
        if self._data_plane.open:
            self._log.warn("{open} requests are cut off", open=self._data_plane.open)
            self._data_plane.cut()
            await self._wait(FLUSH, self._site.closed(), last=True)
        self._site.abort()
        self._state = _State.CLOSED
        self._log.info("drained")

    async def _wait(self, seconds: float, event: Deferred[None] | None, *, last: bool = False) -> None:
        """Wait for `event`, at most so long; not at all in a hurry, unless it is for the last bytes."""
        if self._hurried and not last:
            return
        hurry = self._hurry = deferLater(self._reactor, seconds, _nothing)
        hurry.addErrback(_nothing)
        if event is not None:
            event.addBoth(lambda _: hurry.cancel())
        await hurry
        self._hurry = None


def _nothing(_: object = None) -> None:
    """Waiting is over."""
