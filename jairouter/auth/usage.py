"""How much each key is used: counted here, and kept in a document with what others have counted.

Requests are counted in memory, and every half minute what has come since is added to the document. So
gateways that share a store add up, and a restart forgets nothing; a gateway that is killed takes at most
half a minute's counts with it. The limits of `requests-per-day` go by the same document: after a restart
they go on where they were, and with several gateways a key may exceed its limit by what the others let
through in half a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from zope.interface import implementer

from jairouter.caller import Kind
from jairouter.dates import DAY, date_of
from jairouter.interfaces import IRecorder

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from jairouter.auth.keys import KeyRing
    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange
    from jairouter.store.document import Document

INTERVAL: Final = 30.0
"""Seconds between two additions to the document."""

_MOST: Final = 253_402_300_799
"""The last second that can be written as a date, and more requests than there will ever be."""
_KEY: Final = Kind.KEY  # looking into the class takes five times as long


class _Counts:
    """Of one key, since the last addition."""

    __slots__ = ("day", "failed", "last", "succeeded", "today")

    def __init__(self) -> None:
        self.succeeded = self.failed = self.today = self.day = 0
        self.last = 0

    def add(self, other: _Counts) -> None:
        """Add what was counted before that."""
        self.succeeded += other.succeeded
        self.failed += other.failed
        self.last = max(self.last, other.last)
        if other.day > self.day:
            self.day, self.today = other.day, other.today
        elif other.day == self.day:
            self.today += other.today


@implementer(IRecorder)
class Usage:
    """See the module.

    A request counts when it is over, whatever became of it; it has failed if its status is 400 or more, or
    its answer broke off.

    Args:
        document: What is kept.
        ring: The keys, and what they may ask for on a day.
        today: Seconds since the epoch.
    """

    _log = Logger()

    def __init__(self, document: Document, ring: KeyRing, today: Callable[[], float]) -> None:
        self._document = document
        self._ring = ring
        self._today = today
        self._counts: dict[str, _Counts] = {}
        self._adding: dict[str, _Counts] = {}  # until it is known that they are in the document
        self._turn = DeferredLock()
        self._failing = False
        document.call_on_change(self._learn)
        ring.charged = self._charged  # also for those that are yet to come
        self._learn()

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        known = exchange.known
        if known is None or known.kind is not _KEY:
            return
        counts = self._counts.get(known.name)
        if counts is None:
            counts = self._counts[known.name] = _Counts()
        if status < 400 and error is None:
            counts.succeeded += 1
        else:
            counts.failed += 1
        counts.last = now = int(self._today())
        day = now // DAY
        if day != counts.day:
            counts.day, counts.today = day, 0
        counts.today += 1

    def of(self, name: str) -> dict[str, Any]:
        """How much one key was used, with what has not been added yet."""
        sum_, day = _Counts(), int(self._today() // DAY)
        sum_.day = day
        for pending in (self._counts, self._adding):
            if name in pending:
                sum_.add(pending[name])
        kept = self._kept(name)
        succeeded = _number(kept, "succeeded") + sum_.succeeded
        failed = _number(kept, "failed") + sum_.failed
        last = max(_number(kept, "lastUsedAt"), sum_.last)
        return {
            "total": succeeded + failed,
            "succeeded": succeeded,
            "failed": failed,
            "today": sum_.today + (_number(kept, "today") if kept.get("day") == day else 0),
            "lastUsedAt": date_of(last) if last else None,
        }

    def flush(self) -> Deferred[None]:
        """Add to the document what has come since. Never fails: what cannot be added now is added later."""
        return self._turn.run(self._flush)

    def forget(self, names: Iterable[str]) -> Deferred[None]:
        """Forget keys that there are no more. Never fails."""
        gone = list(names)

        def edit(document: dict[str, Any]) -> None:
            for name in gone:
                _usage(document).pop(name, None)

        for name in gone:
            self._counts.pop(name, None)
        return self._document.change(edit).addErrback(self._failed)

    def _flush(self) -> Deferred[None]:
        known = self._ring.keys
        adding = {name: counts for name, counts in self._counts.items() if name in known}
        charged = {name: each for name, each in self._ring.allowances.items() if each.charged}
        spent = [(name, each.day, each.charged) for name, each in charged.items()]
        if not adding and not charged:
            return succeed(None)
        self._adding, self._counts = adding, {}

        def edit(document: dict[str, Any]) -> set[str]:
            usage = _usage(document)
            for name, counts in adding.items():
                _add(usage, name, counts)
            return {name for name, day, used in spent if _of_day(usage, name, day, "charged", used)}

        def added(kept: set[str]) -> None:
            self._failing = False
            self._adding = {}
            for name, day, used in spent:
                # Else the clock was ahead once, and the document is: it goes on counting here
                if name in kept:
                    charged[name].settle(day, used)

        return self._document.change(edit).addCallbacks(added, self._not_added)

    def _not_added(self, failure: Failure) -> None:
        adding, self._adding = self._adding, {}
        for name, counts in adding.items():
            self._counts.setdefault(name, _Counts()).add(counts)
        self._failed(failure)

    def _failed(self, failure: Failure) -> None:
        if not self._failing:  # once, not every half minute
            self._log.error("the usage of keys cannot be kept: {why}", why=failure.getErrorMessage())
        self._failing = True

    def _learn(self) -> None:
        for name, allowance in self._ring.allowances.items():
            allowance.learn(*self._charged(name))

    def _charged(self, name: str) -> tuple[int, int]:
        """The last day on which requests were charged to a key, and how many, as the document says."""
        kept = self._kept(name)
        return _number(kept, "day"), _number(kept, "charged")

    def _kept(self, name: str) -> Mapping[str, Any]:
        return _mapping(_mapping(self._document.value.get("usage")).get(name))


class UsageAdding(Service):
    """Has usage added to its document every half minute, and when the gateway stops.

    Args:
        usage: What is counted.
        clock: Tells when.
    """

    def __init__(self, usage: Usage, clock: IReactorTime) -> None:
        self._usage = usage
        self._loop = LoopingCall(usage.flush)
        self._loop.clock = clock

    def startService(self) -> None:
        """See `IService.startService`."""
        super().startService()
        self._loop.start(INTERVAL, now=False)

    def stopService(self) -> Deferred[None]:
        """See `IService.stopService`: over when all is added, or could not be."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        return self._usage.flush()


def _usage(document: dict[str, Any]) -> dict[str, Any]:
    usage = document.get("usage")
    if not isinstance(usage, dict):
        usage = document["usage"] = {}
    return usage


def _add(usage: dict[str, Any], name: str, counts: _Counts) -> None:
    entry = _entry(usage, name)
    entry["succeeded"] = _number(entry, "succeeded") + counts.succeeded
    entry["failed"] = _number(entry, "failed") + counts.failed
    entry["lastUsedAt"] = max(_number(entry, "lastUsedAt"), counts.last)
    _of_day(usage, name, counts.day, "today", counts.today)


def _of_day(usage: dict[str, Any], name: str, day: int, what: str, count: int) -> bool:
    """Add to what is counted by day.

    Returns:
        Whether it was added: what belongs to a day before that of the document is not.
    """
    entry = _entry(usage, name)
    if day > _number(entry, "day"):
        entry |= {"day": day, "today": 0, "charged": 0}
    if day == _number(entry, "day"):
        entry[what] = _number(entry, what) + count
        return True
    return False


def _entry(usage: dict[str, Any], name: str) -> dict[str, Any]:
    entry = usage.get(name)
    if not isinstance(entry, dict):
        entry = usage[name] = {}
    return entry


def _number(entry: Mapping[str, Any], name: str) -> int:
    """A whole number that is not negative; 0 where there is none, or somebody has damaged it."""
    value = entry.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 <= value <= _MOST else 0


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
