"""How lines get into the file. All of it blocks, and is called in threads, by one at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jairouter.auditing import FAILED, Event
from jairouter.dates import DAY
from jairouter.telemetry.audit.chain import Link
from jairouter.telemetry.audit.current import Current
from jairouter.telemetry.audit.files import reason_of
from jairouter.telemetry.audit.head import NoHead, read_head, write_head
from jairouter.telemetry.audit.reconciling import reconciled
from jairouter.telemetry.audit.tail import tail_of_old

if TYPE_CHECKING:
    from jairouter.telemetry.audit.files import OldFile
    from jairouter.telemetry.audit.line import Entry
    from jairouter.telemetry.audit.place import Place

ALWAYS: Final = "always"
INTERVAL: Final = "interval"
NEVER: Final = "never"

NOBODY: Final = Event("AUDIT_FILES_DELETED", action="DELETE")
"""The event when files are deleted because they are too old, or too many."""


class AuditUnusable(Exception):
    """No record can be kept; the text says why."""


class Rules(NamedTuple):
    """How files are kept.

    Attributes:
        max_size: Bytes at which a new file is begun.
        max_files: Old files that are kept.
        retention: Seconds for which they are; 0 for ever.
        mode: Who may read them.
        fsync: `ALWAYS`, `INTERVAL` or `NEVER`.
    """

    max_size: int = 100 * 1024 * 1024
    max_files: int = 30
    retention: float = 90 * DAY
    mode: int = 0o600
    fsync: str = INTERVAL


class Wrote(NamedTuple):
    """What came of writing.

    Attributes:
        number: How many entries are in the file now; they are the first of those that were given.
        why: Why the others are not, or are not safe; empty when all is well.
        notes: What was found to be strange about the files meanwhile, which is recorded too.
        rotated: Whether a new file was begun.
    """

    number: int
    why: str = ""
    notes: tuple[Event, ...] = ()
    rotated: bool = False


class Writer:
    """Writes lines into the file.

    Args:
        place: Where.
        rules: How files are kept.
        entry: Makes an entry of an event that happens now.
        today: Seconds since the epoch.
    """

    def __init__(
        self, place: Place, rules: Rules, entry: Callable[[Event], Entry], today: Callable[[], float]
    ) -> None:
        self._files, self._form, self._chain = place
        self._rules, self._entry, self._today = rules, entry, today
        self._current = Current(self._files.path, rules.mode)
        self._link = Link()
        self._limit = rules.max_size
        self._said: list[Event] = []
        self._pruned = 0.0
        self._rotated = False

    def open(self) -> None:
        """Begin, or go on where the record ended.

        Raises:
            AuditUnusable: It cannot be written.
        """
        path = self._files.path
        try:
            path.parent.mkdir(0o750, parents=True, exist_ok=True)
            self._current.open()
            self._go_on()
            self._save()
        except OSError as error:
            self.close()
            told = f"the audit log {error.filename or path} cannot be written: {reason_of(error)}"
            raise AuditUnusable(told) from None

    def write(self, entries: Sequence[Entry]) -> Wrote:
        """Write entries; what cannot be written leaves no trace in the file.

        Args:
            entries: In their order.
        """
        self._said, self._rotated, done, why = [], False, 0, ""
        try:
            self._current.ready()
            self._tell()
            self._prune()
            while done < len(entries):
                done += self._write_some(entries[done:])
            if self._rules.fsync == ALWAYS:
                self._sync()
            elif self._rules.fsync == NEVER:
                self._save()
        except OSError as error:
            why = self._why(error)
        return Wrote(done, why, tuple(self._said), self._rotated)

    def sync(self) -> str:
        """Force to disk what was written.

        Returns:
            Why that failed; empty when it did not.
        """
        try:
            if self._current.is_open:
                self._sync()
        except OSError as error:
            return self._why(error)
        return ""

    def delete_older(self, seconds: float, note: Event = NOBODY) -> tuple[int, int]:
        """Delete files that were put aside before that long; the chain says so.

        Args:
            seconds: How long ago.
            note: The event, with who wants it.

        Returns:
            How many files, and up to which line there are none any more.

        Raises:
            OSError: It cannot be done.
        """
        self._current.ready()
        too_old = [each for each in self._files.old() if each.ended < self._today() - seconds]
        self._delete(too_old, note)
        return len(too_old), too_old[-1].seq if too_old else 0

    def close(self) -> None:
        """Let go of the file."""
        self._current.close()

    def _go_on(self) -> None:
        """Find out where the chain ended."""
        tail = self._current.tail()
        if not tail.seals and not tail.strange:
            try:
                tail = tail_of_old(self._files)
            except OSError as error:
                # (The note of the end says where to go on: that is no reason not to start)
                told = f"the file before cannot be read: {reason_of(error)}"
                self._current.strange.append(("AUDIT_FILE_CHANGED", told, {}))
        try:
            head, why = read_head(self._files.head, self._chain), ""
        except NoHead as no_head:
            head, why = None, str(no_head)
        self._link, wrong = reconciled(tail, head, why, self._chain)
        self._current.strange += wrong

    def _tell(self) -> None:
        """Record what was strange."""
        strange = self._current.strange
        while strange:
            self._append_note(self._note(*strange[0]))
            strange.pop(0)

    def _write_some(self, entries: Sequence[Entry]) -> int:
        """Write as many as fit into the file; begin another one if it is full."""
        lines, link, size = [], self._link, self._current.size
        for entry in entries:
            line, after = self._chain.sealed(self._form.written(entry), link, self._form.json)
            if size and size + len(line) > self._limit:
                break
            lines.append(line)
            link, size = after, size + len(line)
        if not lines:
            self._rotate()
            return 0
        self._current.append(b"".join(lines))
        self._link = link
        return len(lines)

    def _rotate(self) -> None:
        self._sync()
        try:
            self._files.put_aside(self._link.seq, self._today())
        except OSError as error:
            # Better a file that is too large than none
            self._limit = self._current.size + self._rules.max_size
            self._append_note(self._note("AUDIT_ROTATION_FAILED", reason_of(error), {}))
            return
        self._limit = self._rules.max_size
        self._rotated = True
        self._current.close()
        self._current.open()
        self._forget()

    def _prune(self) -> None:
        """Once a day look for files that are too old."""
        now = self._today()
        if abs(now - self._pruned) >= DAY:
            self._pruned = now
            self._forget()

    def _forget(self) -> None:
        old, rules = self._files.old(), self._rules
        too_many = len(old) - rules.max_files
        oldest = self._today() - rules.retention if rules.retention else 0.0
        self._delete([each for at, each in enumerate(old) if at < too_many or each.ended < oldest], NOBODY)

    def _delete(self, files: list[OldFile], note: Event) -> None:
        if files:
            details = {"files": [each.path.name for each in files], "through": files[-1].seq}
            # First it is noted, and for good: who sees the note and the files has lost nothing
            self._append_line(note._replace(resource=str(self._files.path), details=details))
            self._sync()
            self._files.delete(files)

    def _append_note(self, note: Event) -> None:
        self._append_line(note)
        self._said.append(note)

    def _append_line(self, event: Event) -> None:
        """Into the present file, even if that is full: a new one would have others deleted again."""
        body = self._form.written(self._entry(event))
        line, link = self._chain.sealed(body, self._link, self._form.json)
        self._current.append(line)
        self._link = link

    def _sync(self) -> None:
        if self._rules.fsync != NEVER:
            self._current.sync()
        self._save()

    def _save(self) -> None:
        sync = self._rules.fsync != NEVER
        write_head(self._files.head, self._link, self._chain, self._rules.mode, sync)

    def _note(self, kind: str, reason: str, details: Mapping[str, Any]) -> Event:
        return Event(kind, resource=str(self._files.path), result=FAILED, reason=reason, details=details)

    def _why(self, error: OSError) -> str:
        return f"{error.filename or self._files.path}: {reason_of(error)}"
