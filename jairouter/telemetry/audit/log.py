"""What waits to be written: on the event loop, where nothing may block."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from jairouter.auditing import FAILED, Event, IAudit
from jairouter.config.naming import relaxed
from jairouter.telemetry.audit.line import Entry
from jairouter.telemetry.audit.repeated import Repeated
from jairouter.telemetry.audit.writer import ALWAYS, INTERVAL, Writer, Wrote

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

    from jairouter.telemetry.audit.place import Place

BATCH: Final = 1000
"""Entries that are written in one go."""
SOON: Final = 0.1
"""Seconds for which an entry may wait for others."""
RETRY: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds from one attempt to write to the next."""

RunInThread = Callable[..., "Deferred[Any]"]


class Standing(NamedTuple):
    """How it stands with the record, for the health page.

    Attributes:
        status: ``UP`` or ``DEGRADED``.
        details: For those who may see them.
    """

    status: str
    details: dict[str, Any]


class Means(NamedTuple):
    """What an `AuditLog` works with.

    Attributes:
        clock: Tells when to write.
        run_in_thread: For what blocks.
        entry: Makes an entry of an event that happens now.
        today: Seconds since the epoch.
    """

    clock: IReactorTime
    run_in_thread: RunInThread
    entry: Callable[[Event], Entry]
    today: Callable[[], float]


@implementer(IAudit)
class AuditLog:
    """Has events written down, in batches and in threads, one at a time.

    Details of events must not be changed once they are recorded.

    Args:
        means: What it works with.
        writer: Writes; it is open.
        place: Where it writes.
        buffer: Entries that wait, at most.
        aggregation: Seconds for which events are counted that are alike.
        fsync: `ALWAYS`, `INTERVAL` or `NEVER`.
        fsync_interval: Seconds, for `INTERVAL`.
        leave_out: Kinds of events that are not recorded, as `relaxed` writes them.
        wanted: Whether an event is, by its level.

    Attributes:
        lost: Events that could not be kept.
        written: Lines that were.
        place: Where they are.
    """

    _log = Logger()

    def __init__(
        self,
        means: Means,
        writer: Writer,
        place: Place,
        buffer: int = 10_000,
        aggregation: float = 60.0,
        fsync: str = INTERVAL,
        fsync_interval: float = 1.0,
        leave_out: Collection[str] = frozenset(),
        wanted: Callable[[Event], bool] = lambda event: True,
    ) -> None:
        self.lost = self.written = 0
        self.place = place
        self._means, self._writer, self._buffer = means, writer, buffer
        self._leave_out, self._wanted = frozenset(leave_out), wanted
        self._decided: dict[tuple[str, str], bool] = {}
        self._sync_after = fsync_interval if fsync == INTERVAL else None
        self._soon = 0.0 if fsync == ALWAYS else SOON
        self._waiting: deque[Entry] = deque()
        self._repeated = Repeated(aggregation, means.today, self._alike)
        self._untold = 0  # events that were lost since the last line about it
        self._why = ""
        self._failures = 0
        self._busy = self._closed = self._sync_due = self._compress_due = False
        self._timers: dict[str, IDelayedCall] = {}
        self._asked: list[tuple[Callable[[], Any], Deferred[Any]]] = []
        self._taken = self._done = 0  # entries that ever waited, and those that do no more
        self._flushes: list[tuple[int, Deferred[None]]] = []
        self._closing: Deferred[None] | None = None

    def start(self) -> None:
        """Begin: what was strange about the files is recorded, and what is too old is deleted."""
        self._compress_due = True
        self._asked.append((lambda: self._writer.write(()), self._begun()))
        self._work()

    def record(self, event: Event) -> None:
        """See `IAudit.record`."""
        if self._is_wanted(event):
            self._take(self._means.entry(event))

    def often(self, event: Event) -> None:
        """See `IAudit.often`."""
        wanted = self._decided.get((event[0], event[4]))
        if wanted or (wanted is None and self._is_wanted(event)):
            self._repeated.add(event)
            if "sweep" not in self._timers:
                self._sweep_later()

    def standing(self) -> Standing:
        """How it stands with it."""
        details: dict[str, Any] = {
            "file": str(self.place.files.path),
            "waiting": len(self._waiting),
            "written": self.written,
            "lost": self.lost,
        }
        return (
            Standing("DEGRADED", {**details, "reason": self._why}) if self._why else Standing("UP", details)
        )

    def flush(self) -> Deferred[None]:
        """Have everything written that was recorded until now.

        Returns:
            Fires when that is done, or cannot be.
        """
        if not self._waiting:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._flushes.append((self._taken, done))
        self._work()
        return done

    def delete_older(self, seconds: float, **who: str) -> Deferred[tuple[int, int]]:
        """Delete files that were put aside before that long; see `Writer.delete_older`.

        Returns:
            How many files, and up to which line. Fails with `OSError`.
        """
        done: Deferred[tuple[int, int]] = Deferred()
        if self._closed:
            return succeed((0, 0))
        self._asked.append((lambda: self._writer.delete_older(seconds, who), done))
        self._work()
        return done

    def close(self) -> Deferred[None]:
        """Write all that there is, and let go of the file. Events that come later are lost.

        Returns:
            Fires when that is done, or cannot be.
        """
        if self._closed:
            return succeed(None)
        self._repeated.sweep(all_of_them=True)
        self._closed = self._sync_due = True
        for name in tuple(self._timers):
            self._stop(name)
        done: Deferred[None] = Deferred()
        self._closing = done
        self._work()
        return done

    def _is_wanted(self, event: Event) -> bool:
        key = event.kind, event.result
        wanted = self._decided.get(key)
        if wanted is None:
            wanted = relaxed(event.kind) not in self._leave_out and self._wanted(event)
            if len(self._decided) < 1000:  # kinds are words of ours, of which there are few
                self._decided[key] = wanted
        return wanted

    def _alike(self, event: Event, count: int, first: float, last: float) -> None:
        self._take(self._means.entry(event)._replace(number=count, first=first, last=last))

    def _take(self, entry: Entry) -> None:
        if self._closed or len(self._waiting) >= self._buffer:
            self._lose(1)
            return
        self._waiting.append(entry)
        self._taken += 1
        if not self._busy and "write" not in self._timers:
            self._later("write", self._soon, self._work)

    def _lose(self, number: int) -> None:
        if not self._untold and not self._closed:
            self._log.error(
                "events are lost that the audit log should have: more than {most} wait", most=self._buffer
            )
        self.lost += number
        self._untold += number

    def _sweep_later(self) -> None:
        due = self._repeated.next_due()
        if due is not None and not self._closed:
            self._later("sweep", max(0.0, due - self._means.today()), self._sweep)

    def _sweep(self) -> None:
        if self._repeated.sweep():
            self._later("sweep", 0.0, self._sweep)
        else:
            self._sweep_later()

    def _work(self) -> None:
        """Do the next thing, if nothing is being done."""
        if self._busy:
            return
        self._stop("write")
        if self._asked:
            job, done = self._asked.pop(0)
            self._run(job).addBoth(self._did_what_was_asked, done)
        elif self._waiting:
            self._write()
        elif self._sync_due:
            self._sync_due = False
            self._run(self._writer.sync).addBoth(self._synced)
        elif self._compress_due and not self._closed:
            self._compress_due = False
            self._run(self.place.files.compress).addBoth(self._compressed)
        else:
            self._rest()

    def _run(self, job: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        self._busy = True
        return self._means.run_in_thread(job, *arguments)

    def _write(self) -> None:
        batch = list(islice(self._waiting, BATCH))
        if self._untold and len(batch) == len(self._waiting):
            lost = Event(
                "AUDIT_EVENTS_LOST",
                resource=str(self.place.files.path),
                result=FAILED,
                reason="there was no room for them",
                details={"lost": self._untold},
            )
            entry = self._means.entry(lost)
            self._waiting.append(entry)
            self._taken += 1
            batch.append(entry)
            self._untold = 0
        self._run(self._writer.write, batch).addBoth(self._wrote)

    def _wrote(self, result: Wrote | Failure) -> None:
        self._busy = False
        if not isinstance(result, Wrote):
            self._fault("writing to the audit log failed", result)
            result = Wrote(0, "a fault in the gateway")
        for _ in range(result.number):
            self._waiting.popleft()
        self._done += result.number
        self._compress_due = self._compress_due or result.rotated
        self._heed(result)
        if result.number and self._sync_after is not None and "sync" not in self._timers and not self._closed:
            self._later("sync", self._sync_after, self._sync)
        if result.why and self._closed:
            self._give_up()
        elif result.why:
            self._later("write", RETRY[min(self._failures, len(RETRY)) - 1], self._work)
        else:
            self._work()
        self._flushed(bool(result.why))

    def _heed(self, wrote: Wrote) -> None:
        self.written += wrote.number
        for note in wrote.notes:
            self._log.warn(
                "audit log: {kind}: {why} {details}", kind=note.kind, why=note.reason, details=note.details
            )
        self._went(wrote.why, "audit events cannot be written")

    def _went(self, why: str, what: str) -> None:
        """Something went well, or did not: say so when that has changed."""
        if why:
            self._failures += 1
            if why != self._why:
                self._log.error("{what}: {why}; they are kept, and tried again", what=what, why=why)
        else:
            self._failures = 0
            if self._why:
                self._log.info("audit events can be written again")
        self._why = why

    def _give_up(self) -> None:
        """The gateway stops, and nothing more can be done."""
        number = len(self._waiting) + self._untold
        self.lost += len(self._waiting)
        self._done += len(self._waiting)
        self._waiting.clear()
        self._log.error("{number} audit events are lost: {why}", number=number, why=self._why)
        self._work()

    def _sync(self) -> None:
        self._sync_due = True
        self._work()

    def _synced(self, result: str | Failure) -> None:
        self._busy = False
        if not isinstance(result, str):
            self._fault("syncing the audit log failed", result)
        else:
            self._went(result, "audit events cannot be forced to disk")
            if result and not self._closed:
                self._later("sync", RETRY[min(self._failures, len(RETRY)) - 1], self._sync)
        self._work()

    def _compressed(self, result: Failure | None) -> None:
        self._busy = False
        if result is not None:
            self._log.warn("old audit logs are not compressed: {why}", why=result.getErrorMessage())
        self._work()

    def _did_what_was_asked(self, result: Any, done: Deferred[Any]) -> None:
        self._busy = False
        done.callback(result)  # a failure, too
        self._work()

    def _begun(self) -> Deferred[Any]:
        begun: Deferred[Any] = Deferred()
        return begun.addCallbacks(self._heed, lambda failure: self._fault("the audit log failed", failure))

    def _flushed(self, failed: bool) -> None:
        """Tell those who wait for what is written now, or cannot be."""
        told = [done for target, done in self._flushes if failed or target <= self._done]
        self._flushes = [each for each in self._flushes if not failed and each[0] > self._done]
        for done in told:
            done.callback(None)

    def _rest(self) -> None:
        """Nothing is left to be done now."""
        closing, self._closing = self._closing, None
        if closing is not None:
            self._writer.close()
            closing.callback(None)

    def _fault(self, text: str, failure: Failure) -> None:
        self._log.failure(text, failure)

    def _later(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        def due() -> None:
            del self._timers[name]
            call()

        self._stop(name)
        self._timers[name] = self._means.clock.callLater(seconds, due)

    def _stop(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
