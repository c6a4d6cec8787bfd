"""The addresses of backends that are given by name: looked up, kept for a while, and kept longer in need.

::

             look_up              answer                        older than `ttl`
    UNKNOWN ---------> ASKING -----------> KNOWN ----------------------------------> ASKING, and the last
                          |                  ^                                       addresses are still there
                          | no answer        | answer                                    |
                          v                  |               no answer, or none within   |
                       FAILED ---> ASKING ---+               `PATIENCE`: these are used, v
                       for `negative_ttl`                    for `max_stale` at most

Everybody who wants the same name waits for the same look-up, and only so many of these run at once: each may
hold one of the reactor's threads for a minute when the DNS server is dead, and uploads need threads too.
Names that were not found the last time get half of the look-ups at most: health checks ask for those again
and again, and the others must not wait behind them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Final

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IResolutionReceiver
from twisted.logger import Logger
from zope.interface import implementer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress, IHostnameResolver, IHostResolution

    from jairouter.timers import Timer, TimerWheel

Addresses = tuple[str, ...]
"""IP addresses in the order in which they should be tried."""

PATIENCE: Final = 1.0
"""Seconds that a look-up may take while there are old addresses; RFC 8767, section 5, proposes 1.8."""


@dataclass(frozen=True, slots=True)
class NameLimits:
    """How long addresses are kept.

    Attributes:
        ttl: Seconds for which addresses are used without asking; with 0 nothing is kept at all.
        negative_ttl: Seconds for which a name that was not found is not asked for again.
        max_stale: Seconds after `ttl` in which the last addresses are better than none.
        max_lookups: At once.
    """

    ttl: float = 30.0
    negative_ttl: float = 5.0
    max_stale: float = 300.0
    max_lookups: int = 4


class Names:
    """See the module's picture.

    Args:
        resolver: Gives the resolver to ask, each time anew: the reactor's may be replaced.
        wheel: What time it is, and for `PATIENCE`.
        limits: See `NameLimits`.
    """

    _log = Logger()

    def __init__(
        self, resolver: Callable[[], IHostnameResolver], wheel: TimerWheel, limits: NameLimits | None = None
    ) -> None:
        self._resolver = resolver
        self._wheel = wheel
        self._limits = limits or NameLimits()
        self._names: dict[str, _Name] = {}  # as many as are configured
        self._running = self._doubted = 0  # the latter are among the former
        self._queue: deque[_Name] = deque()
        self._doubtful: deque[_Name] = deque()

    def look_up(self, name: str) -> Deferred[Addresses]:
        """Find the addresses of a name.

        Returns:
            Fires with at least one address. With each call the next one of its family is first, so that
            connections are spread over all of them. Fails with `DNSLookupError`. Cancel it to wait no longer.
        """
        entry = self._names.get(name)
        if entry is None:
            entry = self._names[name] = _Name(name)
        now = self._wheel.seconds()
        if self._fresh(entry, now) or (entry.overdue and self._usable(entry, now)):
            return self._answer(entry, now)
        waiter: Deferred[Addresses] = Deferred(entry.leave)
        entry.waiting[waiter] = None
        if entry.patience is None and self._usable(entry, now):
            entry.patience = self._wheel.start(PATIENCE, lambda: self._impatient(entry))
        if not entry.wanted:
            entry.wanted = True
            entry.doubted = entry.asked is not None and entry.failed
            (self._doubtful if entry.doubted else self._queue).append(entry)
            self._ask()
        return waiter

    def _fresh(self, entry: _Name, now: float) -> bool:
        if not self._limits.ttl or entry.asked is None:
            return False
        # (The clock may have been set back)
        return 0 <= now - entry.asked < (self._limits.negative_ttl if entry.failed else self._limits.ttl)

    def _usable(self, entry: _Name, now: float) -> bool:
        limits = self._limits
        entry.since = min(entry.since, now)  # (where the clock was set back)
        return bool(limits.ttl and entry.found) and now - entry.since < limits.ttl + limits.max_stale

    def _answer(self, entry: _Name, now: float) -> Deferred[Addresses]:
        if not entry.failed or self._usable(entry, now):
            return succeed(entry.next())
        return fail(DNSLookupError(f"no address of {entry.name} is known"))

    def _ask(self) -> None:
        while (entry := self._next()) is not None:
            if not entry.waiting and not entry.overdue:
                entry.settle()  # nobody wants it any more
                continue
            self._running += 1
            self._doubted += entry.doubted
            self._resolver().resolveHostName(_Question(partial(self._answered, entry)), entry.name)

    def _next(self) -> _Name | None:
        most = self._limits.max_lookups
        if self._running >= most:
            return None
        if self._queue:
            return self._queue.popleft()
        if self._doubtful and self._doubted < max(1, most // 2):
            return self._doubtful.popleft()
        return None

    def _answered(self, entry: _Name, found: Addresses) -> None:
        self._running -= 1
        self._doubted -= entry.doubted
        now = entry.asked = self._wheel.seconds()
        entry.failed = not found
        if found:
            entry.found, entry.since = found, now
        elif self._usable(entry, now):
            self._log.warn("{name} cannot be looked up; its last known addresses are used", name=entry.name)
        entry.settle()
        self._release(entry)
        self._ask()

    def _impatient(self, entry: _Name) -> None:
        entry.patience, entry.overdue = None, True
        self._release(entry)

    def _release(self, entry: _Name) -> None:
        """Answer all who wait, with what there is."""
        now = self._wheel.seconds()
        for waiter in list(entry.waiting):
            if waiter in entry.waiting:  # not given up because of what another one did
                del entry.waiting[waiter]
                self._answer(entry, now).addCallbacks(waiter.callback, waiter.errback)


class _Name:
    """What is known about one name.

    Attributes:
        found: The addresses that were found last.
        since: When they were.
        asked: When a look-up ended last, or None.
        failed: Whether that one found nothing.
        wanted: Whether it is being looked up, or is in the queue for that.
        doubted: Whether it was not found before that.
        overdue: Whether that takes longer than `PATIENCE`.
        waiting: Who waits for the end of it.
        patience: For `PATIENCE`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: Addresses = ()
        self.since = 0.0
        self.asked: float | None = None
        self.failed = True
        self.wanted = self.doubted = self.overdue = False
        self.waiting: dict[Deferred[Addresses], None] = {}
        self.patience: Timer | None = None
        self._turn = 0

    def next(self) -> Addresses:
        """The addresses in order, for the next one who wants to connect."""
        self._turn += 1
        return _in_turn(self.found, self._turn - 1)

    def leave(self, waiter: Deferred[Addresses]) -> None:
        """Somebody waits no longer."""
        self.waiting.pop(waiter, None)
        if not self.waiting:
            self._stop_patience()

    def settle(self) -> None:
        """It is not being looked up any more."""
        self.wanted = self.overdue = False
        self._stop_patience()

    def _stop_patience(self) -> None:
        if self.patience is not None:
            self.patience.cancel()
            self.patience = None


@implementer(IResolutionReceiver)
class _Question:
    """One look-up under way."""

    def __init__(self, answered: Callable[[Addresses], None]) -> None:
        self._answered = answered
        self._found: dict[str, None] = {}

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """See `IResolutionReceiver.resolutionBegan`."""

    def addressResolved(self, address: IAddress) -> None:
        """See `IResolutionReceiver.addressResolved`."""
        if isinstance(address, IPv4Address | IPv6Address):
            self._found[address.host] = None

    def resolutionComplete(self) -> None:
        """See `IResolutionReceiver.resolutionComplete`."""
        self._answered(tuple(self._found))


def _in_turn(addresses: Addresses, turn: int) -> Addresses:
    """Mix the families (RFC 8305, section 4), and begin in each with another address each time.

    Example: of ``a1 a2 b1`` in turn 0 ``a1 b1 a2``, in turn 1 ``a2 b1 a1``. Which family comes first is what
    the system's resolver knows best (RFC 6724), so that stays.
    """
    families: dict[bool, list[str]] = {}
    for each in addresses:
        families.setdefault(":" in each, []).append(each)
    mixed = zip_longest(*(_rotated(family, turn) for family in families.values()))
    return tuple(each for each in chain.from_iterable(mixed) if each is not None)


def _rotated(family: list[str], turn: int) -> Iterator[str]:
    start = turn % len(family)
    return iter(family[start:] + family[:start])
