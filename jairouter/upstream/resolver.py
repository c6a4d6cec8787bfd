"""The system's resolver, in a thread, and never without an end."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IHostnameResolver, IHostResolution, IResolutionReceiver
from twisted.logger import Logger
from zope.interface import implementer

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IAddress
    from twisted.python.failure import Failure

_KINDS: Final = {socket.AF_INET: IPv4Address, socket.AF_INET6: IPv6Address}


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        raise NotImplementedError("a thread cannot be stopped")


@implementer(IHostnameResolver)
class SystemResolver:
    """Asks `getaddrinfo`, which reads /etc/hosts and asks DNS servers.

    Twisted's own does so too, but tells its receiver nothing when anything but `gaierror` is raised, as it is
    when no descriptor is left: whoever waits then waits for ever.

    Args:
        run_in_thread: Calls a function in a thread.
        getaddrinfo: That function.
    """

    _log = Logger()

    def __init__(
        self,
        run_in_thread: Callable[..., Deferred[Any]],
        getaddrinfo: Callable[..., Any] = socket.getaddrinfo,
    ) -> None:
        self._run_in_thread = run_in_thread
        self._getaddrinfo = getaddrinfo

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """See `IHostnameResolver.resolveHostName`."""
        resolution = _Resolution(hostName)
        kind = socket.SOCK_STREAM if transportSemantics == "TCP" else socket.SOCK_DGRAM
        wanted = _KINDS.values() if addressTypes is None else addressTypes

        def found(answers: Any) -> None:
            for family, *_, address in answers:
                if _KINDS.get(family) in wanted:
                    resolutionReceiver.addressResolved(_KINDS[family](transportSemantics, *address))

        def failed(failure: Failure) -> None:
            # Both kinds of trouble look the same to the receiver: no address
            self._log.warn("looking up {name} failed: {reason}", name=hostName, reason=failure.value)

        resolutionReceiver.resolutionBegan(resolution)
        # (`maybeDeferred`: when no thread can be started, Twisted's pool raises that here)
        asked = maybeDeferred(
            self._run_in_thread, self._getaddrinfo, hostName, portNumber, socket.AF_UNSPEC, kind
        )
        asked.addCallback(found).addErrback(failed)
        asked.addCallback(lambda _: resolutionReceiver.resolutionComplete())
        return resolution
