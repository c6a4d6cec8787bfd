"""What waits to be written: on the event loop, where nothing may block."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from jairouter.auditing import FAILED, Event, IAudit
from jairouter.config.naming import relaxed
from jairouter.telemetry.audit.alarms import Alarms
from jairouter.telemetry.audit.condition import Condition, Standing
from jairouter.telemetry.audit.repeated import Repeated
from jairouter.telemetry.audit.waiting import Waiting
from jairouter.telemetry.audit.writer import ALWAYS, INTERVAL, NOBODY, Writer, Wrote

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from jairouter.telemetry.audit.line import Entry
    from jairouter.telemetry.audit.place import Place

BATCH: Final = 1000
"""Entries that are written in one go."""
SOON: Final = 0.1
"""Seconds for which an entry may wait for others."""

RunInThread = Callable[..., "Deferred[Any]"]

_WRITE: Final = "write"
_SYNC: Final = "sync"
_SWEEP: Final = "sweep"
_KINDS: Final = 1000
"""Kinds and results of events of which is remembered whether they are wanted."""


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


class Policy(NamedTuple):
    """What is recorded, and how soon.

    Attributes:
        buffer: Entries that wait, at most.
        aggregation: Seconds for which events are counted that are alike.
        fsync: `ALWAYS`, `INTERVAL` or `NEVER`.
        fsync_interval: Seconds, for `INTERVAL`.
        leave_out: Kinds of events that are not recorded, as `relaxed` writes them.
        wanted: Whether an event is, by its level.
    """

    buffer: int = 10_000
    aggregation: float = 60.0
    fsync: str = INTERVAL
    fsync_interval: float = 1.0
    leave_out: Collection[str] = frozenset()
    wanted: Callable[[Event], bool] = lambda event: True


@implementer(IAudit)
class AuditLog:
    """Has events written down, in batches and in threads, one at a time.

    Details of events must not be changed once they are recorded.

    Args:
        means: What it works with.
        writer: Writes; it is open.
        place: Where it writes.
        policy: What is recorded.

    Attributes:
        written: Entries that were written.
        place: Where they are.
    """

    _log = Logger()

    def __init__(self, means: Means, writer: Writer, place: Place, policy: Policy) -> None:
        self.written = 0
        self.place = place
        self._means, self._writer, self._policy = means, writer, policy
        self._alarms, self._condition = Alarms(means.clock), Condition()
        self._repeated = Repeated(policy.aggregation, means.today, self._alike)
        self._decided: dict[tuple[str, str], bool] = {}
        self._waiting = Waiting()
        self._busy = self._closed = self._sync_due = self._compress_due = False
        self._asked: deque[tuple[Callable[[], Any], Deferred[Any]]] = deque()
        self._closing: Deferred[None] | None = None

    @property
    def lost(self) -> int:
        """Events that could not be kept."""
        return self._condition.lost

    @property
    def behind(self) -> bool:
        """Whether events wait that cannot be written now, and so are in no file."""
        return bool(self._condition.why) and len(self._waiting) > 0

    def start(self) -> None:
        """Begin: what was strange about the files is recorded, and what is too old is deleted."""
        self._compress_due = True
        self._ask_writer("the audit log could not begin")

    def _ask_writer(self, fault: str) -> None:
        """Have it look at the file, which it does before it writes, and write nothing."""
        done: Deferred[Any] = Deferred()
        done.addCallbacks(self._heed, partial(self._fault, fault))
        self._asked.append((lambda: self._writer.write(()), done))
        self._work()

    def record(self, event: Event) -> None:
        """See `IAudit.record`."""
        if self._is_wanted(event):
            self._take(self._means.entry(event))

    def often(self, event: Event) -> None:
        """See `IAudit.often`."""
        # Each request comes here: whether it is wanted was asked when the first of its like came
        if not self._repeated.again(event) and self._is_wanted(event):
            self._repeated.add(event)
            if _SWEEP not in self._alarms:
                self._sweep_later()

    def standing(self) -> Standing:
        """How it stands with it."""
        file, waiting = str(self.place.files.path), len(self._waiting)
        return self._condition.standing({"file": file, "waiting": waiting, "written": self.written})

    def flush(self) -> Deferred[None]:
        """Have everything written that was recorded until now.

        Returns:
            Fires when that is done, or cannot be.
        """
        done = self._waiting.watch()
        self._work()
        return done

    def reopen(self) -> None:
        """Have the file opened anew if it was moved, as logrotate does; no event is waited for."""
        if not self._closed:
            self._ask_writer("the audit log could not be opened anew")

    def delete_older(self, seconds: float, who: Event = NOBODY) -> Deferred[tuple[int, int]]:
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
        self._alarms.stop_all()
        done: Deferred[None] = Deferred()
        self._closing = done
        self._work()
        return done

    def _is_wanted(self, event: Event) -> bool:
        key = event.kind, event.result
        wanted = self._decided.get(key)
        if wanted is None:
            wanted = relaxed(event.kind) not in self._policy.leave_out and self._policy.wanted(event)
            if len(self._decided) < _KINDS:
                self._decided[key] = wanted
        return wanted

    def _alike(self, event: Event, count: int, first: float, last: float) -> None:
        self._take(self._means.entry(event)._replace(number=count, first=first, last=last))

    def _take(self, entry: Entry) -> None:
        if self._closed or len(self._waiting) >= self._policy.buffer:
            self._condition.lose(len(self._waiting))
            return
        self._waiting.append(entry)
        if not self._busy and _WRITE not in self._alarms:
            self._alarms.set(_WRITE, 0.0 if self._policy.fsync == ALWAYS else SOON, self._work)

    def _sweep_later(self) -> None:
        due = self._repeated.next_due()
        if due is not None and not self._closed:
            # (A clock that is set back must not silence anybody)
            wait = min(due - self._means.today(), self._policy.aggregation)
            self._alarms.set(_SWEEP, wait, self._sweep)

    def _sweep(self) -> None:
        if self._repeated.sweep():
            self._alarms.set(_SWEEP, 0.0, self._sweep)
        else:
            self._sweep_later()

    def _work(self) -> None:
        """Do the next thing, if nothing is being done."""
        if self._busy:
            return
        self._alarms.stop(_WRITE)
        if self._asked:
            job, done = self._asked.popleft()
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
        condition = self._condition
        if condition.untold and len(self._waiting) < BATCH:
            lost = Event(
                "AUDIT_EVENTS_LOST",
                resource=str(self.place.files.path),
                result=FAILED,
                reason="there was no room for them",
                details={"lost": condition.untold},
            )
            self._waiting.append(self._means.entry(lost))
            condition.untold = 0
        self._run(self._writer.write, self._waiting.first(BATCH)).addBoth(self._wrote)

    def _wrote(self, result: Wrote | Failure) -> None:
        self._busy = False
        if not isinstance(result, Wrote):
            self._fault("writing to the audit log failed", result)
            result = Wrote(0, "a fault in the gateway")
        self._waiting.done(result.number)
        self._heed(result)
        by_interval = self._policy.fsync == INTERVAL and not self._closed
        if result.number and by_interval and _SYNC not in self._alarms:
            self._alarms.set(_SYNC, self._policy.fsync_interval, self._sync)
        if not result.why:
            self._work()
        elif self._closed:
            self._give_up()
        else:
            self._sync_due = self._sync_due or not self._waiting  # it is written, and not safe
            self._alarms.set(_WRITE, self._condition.patience, self._work)
        self._waiting.tell(failed=bool(result.why))

    def _heed(self, wrote: Wrote) -> None:
        self.written += wrote.number
        self._compress_due = self._compress_due or wrote.rotated
        self._condition.strange(wrote.notes)
        self._condition.went(wrote.why)

    def _give_up(self) -> None:
        """The gateway stops, and nothing more can be done."""
        self._condition.give_up(len(self._waiting))
        self._waiting.done(len(self._waiting))
        self._work()

    def _sync(self) -> None:
        self._sync_due = True
        self._work()

    def _synced(self, result: str | Failure) -> None:
        self._busy = False
        if not isinstance(result, str):
            self._fault("syncing the audit log failed", result)
            result = "a fault in the gateway"
        self._condition.went(result)
        if result and not self._closed:
            self._alarms.set(_SYNC, self._condition.patience, self._sync)
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

    def _rest(self) -> None:
        """Nothing is left to be done now."""
        closing, self._closing = self._closing, None
        if closing is not None:
            self._writer.close()
            closing.callback(None)

    def _fault(self, text: str, failure: Failure) -> None:
        self._log.failure(text, failure)
