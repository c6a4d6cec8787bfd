"""Connecting to a host that has a name: to all of its addresses, one after the other, until one answers.

This is RFC 8305 ("happy eyeballs"). Twisted's `HostnameEndpoint` does nearly the same, with two differences
that count here. It waits 300 ms after *every* attempt, also after one that was refused at once (its issues
9345 and 8202): with a backend on this machine that listens on 127.0.0.1 only, each connection to
``localhost`` would take that long, and so would every failure to connect, while another instance could have
answered. And cancelled during the look-up it fails as if the name did not exist, so that a client who leaves
is taken for a backend that is broken.
"""

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectError, NoRouteError, TimeoutError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from jairouter.upstream.failures import Forbidden

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IProtocol, IProtocolFactory

    from jairouter.timers import TimerWheel
    from jairouter.upstream.names import Addresses, Names
    from jairouter.upstream.outbound import Watch

STAGGER: Final = 0.25
"""Seconds after which the next address is tried beside one that has not answered; RFC 8305, section 5."""


@implementer(IStreamClientEndpoint)
class AddressEndpoint:
    """An IP address and a port.

    Args:
        reactor: To connect with.
        watch: Says whether it may be connected to.
        address: The address.
        port: The port.
        timeout: Seconds.
    """

    def __init__(self, reactor: Any, watch: Watch, address: str, port: int, timeout: float) -> None:
        self._watch = watch
        self._address = address
        self._there = address_endpoint(reactor, address, port, timeout)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See `IStreamClientEndpoint.connect`."""
        try:
            self._watch.check(self._address, (self._address,))
        except Forbidden as error:
            return fail(error)
        connecting: Deferred[IProtocol] = self._there.connect(protocolFactory)
        return connecting


def address_endpoint(reactor: Any, address: str, port: int, timeout: float) -> IStreamClientEndpoint:
    """The endpoint of an IP address."""
    if ":" not in address:
        return TCP4ClientEndpoint(reactor, address, port, timeout)
    return _IPv6Endpoint(reactor, address, port, timeout)


class _IPv6Endpoint(TCP6ClientEndpoint):
    """Says that there is no way to an address where this machine has no IPv6.

    Linux says then that it cannot assign an address of ours (EADDRNOTAVAIL), which over IPv4 means that all
    ports are taken.
    """

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See `IStreamClientEndpoint.connect`."""
        connecting: Deferred[IProtocol] = super().connect(protocolFactory)
        return connecting.addErrback(_no_way)


def _no_way(failure: Failure) -> Failure:
    if failure.check(ConnectError) and getattr(failure.value, "osError", None) == errno.EADDRNOTAVAIL:
        return Failure(NoRouteError(errno.EADDRNOTAVAIL, "this machine has no IPv6"))
    return failure


@implementer(IStreamClientEndpoint)
class NamedEndpoint:
    """A host with a name, and a port.

    Args:
        reactor: To connect with.
        wheel: For the timeout.
        names: Knows the addresses.
        watch: Says which of them may be connected to.
        host: The name.
        port: The port.
        timeout: Seconds for the look-up and all attempts together.
    """

    def __init__(
        self,
        reactor: Any,
        wheel: TimerWheel,
        names: Names,
        watch: Watch,
        host: str,
        port: int,
        timeout: float,
    ) -> None:
        self.reactor = reactor
        self.wheel = wheel
        self.names = names
        self.watch = watch
        self.host = host
        self.port = port
        self.timeout = timeout

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See `IStreamClientEndpoint.connect`."""
        return _Race(self, protocolFactory).run()


class _Race:
    """One connection in the making."""

    def __init__(self, endpoint: NamedEndpoint, factory: IProtocolFactory) -> None:
        self._endpoint = endpoint
        self._factory = factory
        self._result: Deferred[IProtocol] = Deferred(lambda _: self._end())
        self._over = False
        self._left: deque[str] = deque()
        self._under_way: dict[Deferred[Any], None] = {}
        self._next_call: IDelayedCall | None = None

    def run(self) -> Deferred[IProtocol]:
        """Begin. The Deferred fires with the first connection; cancel it to give up."""
        endpoint = self._endpoint
        self._timer = endpoint.wheel.start(endpoint.timeout, lambda: self._fail(Failure(TimeoutError())))
        self._follow(endpoint.names.look_up(endpoint.host), self._found, self._fail)
        return self._result

    def _follow(self, work: Deferred[Any], done: Any, failed: Any) -> None:
        """Take note of what is under way, so that it can be given up."""

        def over(result: Any) -> Any:
            self._under_way.pop(work, None)
            return result

        def unless_over(result: Any, then: Any) -> None:
            if not self._over:
                then(result)

        self._under_way[work] = None
        work.addBoth(over).addCallbacks(unless_over, unless_over, (done,), {}, (failed,))

    def _found(self, addresses: Addresses) -> None:
        try:
            self._left.extend(self._endpoint.watch.check(self._endpoint.host, addresses))
        except Forbidden:
            self._fail(Failure())
        else:
            self._try_next()

    def _try_next(self) -> None:
        if self._next_call is not None and self._next_call.active():
            self._next_call.cancel()
        self._next_call = None
        endpoint, address = self._endpoint, self._left.popleft()
        there = address_endpoint(endpoint.reactor, address, endpoint.port, endpoint.timeout)
        attempt = there.connect(self._factory)
        if self._left:
            self._next_call = endpoint.reactor.callLater(STAGGER, self._try_next)
        self._follow(attempt, self._connected, self._refused)

    def _connected(self, protocol: IProtocol) -> None:
        self._end()
        self._result.callback(protocol)

    def _refused(self, failure: Failure) -> None:
        if self._left:
            self._try_next()
        elif not self._under_way:
            self._fail(failure)

    def _fail(self, failure: Failure) -> None:
        self._end()
        self._result.errback(failure)

    def _end(self) -> None:
        """Nothing that is still under way counts any more."""
        self._over = True
        self._timer.cancel()
        if self._next_call is not None and self._next_call.active():
            self._next_call.cancel()
        for work in list(self._under_way):
            work.cancel()
