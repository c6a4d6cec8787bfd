"""How lines get into the file. All of it blocks, and is called in threads, by one at a time."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jairouter.auditing import FAILED, Event
from jairouter.telemetry.audit.chain import Link
from jairouter.telemetry.audit.files import DAY, reason_of
from jairouter.telemetry.audit.head import NoHead, read_head, write_head
from jairouter.telemetry.audit.reconciling import reconciled
from jairouter.telemetry.audit.tail import mend, tail_of, tail_of_old

if TYPE_CHECKING:
    from jairouter.telemetry.audit.files import OldFile
    from jairouter.telemetry.audit.line import Entry
    from jairouter.telemetry.audit.place import Place

ALWAYS: Final = "always"
INTERVAL: Final = "interval"
NEVER: Final = "never"


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
        why: Why the others are not; empty when all are.
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
        self,
        place: Place,
        rules: Rules,
        entry: Callable[[Event], Entry],
        today: Callable[[], float],
    ) -> None:
        self._files, self._form, self._chain = place
        self._rules = rules
        self._entry, self._today = entry, today
        self._number = -1
        self._size = 0
        self._link = Link()
        self._notes: list[Event] = []
        self._said: list[Event] = []
        self._broken = False  # what stands behind `_size` is the half of a batch
        self._pruned = 0.0
        self._rotated = False
        self._limit = rules.max_size

    def open(self) -> None:
        """Begin, or go on where the record ended.

        Raises:
            AuditUnusable: It cannot be written.
        """
        path = self._files.path
        try:
            path.parent.mkdir(0o750, parents=True, exist_ok=True)
            self._open()
            self._go_on()
            self._save()
        except OSError as error:
            self.close()
            where = error.filename or path
            raise AuditUnusable(f"the audit log {where} cannot be written: {reason_of(error)}") from None

    def write(self, entries: Sequence[Entry]) -> Wrote:
        """Write entries; what cannot be written leaves no trace in the file.

        Args:
            entries: In their order.
        """
        self._said, self._rotated, done, why = [], False, 0, ""
        try:
            self._ready()
            self._prune()
            self._write_notes()
            while done < len(entries):
                done += self._write_some(entries[done:])
            if self._rules.fsync == ALWAYS:
                self._sync()
            elif self._rules.fsync == NEVER:
                self._save()
        except OSError as error:
            why = f"{error.filename or self._files.path}: {reason_of(error)}"
        return Wrote(done, why, tuple(self._said), self._rotated)

    def sync(self) -> str:
        """Force to disk what was written.

        Returns:
            Why that failed; empty when it did not.
        """
        try:
            if self._number >= 0:
                self._sync()
        except OSError as error:
            return f"{error.filename or self._files.path}: {reason_of(error)}"
        return ""

    def delete_older(self, seconds: float, who: Mapping[str, str]) -> tuple[int, int]:
        """Delete files that were put aside before that long; the chain says so.

        Args:
            seconds: How long ago.
            who: Members of the event: ``user``, ``ip``, ``request_id``.

        Returns:
            How many files, and how many lines up to which there are none any more.

        Raises:
            OSError: It cannot be done.
        """
        self._ready()
        too_old = [each for each in self._files.old() if each.ended < self._today() - seconds]
        self._delete(too_old, **who)
        return len(too_old), too_old[-1].seq if too_old else 0

    def close(self) -> None:
        """Let go of the file."""
        if self._number >= 0:
            with suppress(OSError):
                os.close(self._number)
            self._number = -1

    def _ready(self) -> None:
        """See to it that the open file is the one of that name, and ends where we left it."""
        if self._number >= 0:
            try:
                there = os.stat(self._files.path)
            except FileNotFoundError:
                there = None
            here = os.fstat(self._number)
            if there is not None and os.path.samestat(there, here):
                self._check_size(here.st_size)
                return
            self._notes.append(self._note("AUDIT_FILE_MOVED", "another file has its name, or none"))
            with suppress(OSError):
                os.fsync(self._number)
            self.close()
        self._open()
        self._size = os.fstat(self._number).st_size

    def _check_size(self, size: int) -> None:
        broken, self._broken = self._broken, False
        if size == self._size:
            return
        if broken:
            self._broken = True
            os.ftruncate(self._number, self._size)
            self._broken = False
            return
        found = {"expected": self._size, "found": size}
        self._notes.append(self._note("AUDIT_FILE_CHANGED", "somebody else has written to it", found))
        mend(self._number)
        self._size = os.fstat(self._number).st_size

    def _open(self) -> None:
        path = self._files.path
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        number = os.open(path, flags, self._rules.mode)
        try:
            if not S_ISREG(os.fstat(number).st_mode):
                raise OSError(errno.EINVAL, "", f"{path} (which is not a file)")
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OSError(errno.EBUSY, "", f"{path} (to which another gateway writes)") from None
            with suppress(PermissionError):  # somebody else's, who has let us write
                os.fchmod(number, self._rules.mode)
            self._broken = False
            torn = mend(number)
            if torn is not None:
                found = {"bytes": torn.size, "sha256": torn.digest}
                self._notes.append(self._note("AUDIT_LINE_TORN", "the last line was not complete", found))
        except BaseException:
            os.close(number)
            raise
        self._number = number

    def _go_on(self) -> None:
        """Find out where the chain ended."""
        self._size = os.fstat(self._number).st_size
        tail = tail_of(self._number)
        if not tail.seals and not tail.strange:
            tail = tail_of_old(self._files)
        try:
            head, why = read_head(self._files.head, self._chain), ""
        except NoHead as no_head:
            head, why = None, str(no_head)
        self._link, wrong = reconciled(tail, head, why, self._chain)
        self._notes += [self._note(kind, reason, found) for kind, reason, found in wrong]

    def _write_notes(self) -> None:
        while self._notes:
            note = self._notes[0]
            self._write_some([self._entry(note)])
            self._said.append(self._notes.pop(0))

    def _write_some(self, entries: Sequence[Entry]) -> int:
        """Write as many as fit into the file; begin another one if it is full."""
        lines, link, size = [], self._link, self._size
        for entry in entries:
            line, after = self._chain.sealed(self._form.written(entry), link, self._form.json)
            if size and size + len(line) > self._limit:
                break
            lines.append(line)
            link, size = after, size + len(line)
        if not lines:
            self._rotate()
            return 0
        self._append(b"".join(lines))
        self._link = link
        return len(lines)

    def _append(self, data: bytes) -> None:
        """All of it, or nothing."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._number, rest) :]
        except OSError:
            self._broken = True
            with suppress(OSError):
                os.ftruncate(self._number, self._size)
                self._broken = False
            raise
        self._size += len(data)

    def _rotate(self) -> None:
        self._sync()
        try:
            self._files.put_aside(self._link.seq, self._today())
        except OSError as error:
            # Better a file that is too large than none
            self._limit = self._size + self._rules.max_size
            note = self._note("AUDIT_ROTATION_FAILED", reason_of(error))
            self._said.append(note)
            self._append_note(note)
            return
        self._limit = self._rules.max_size
        self.close()
        self._open()
        self._size = os.fstat(self._number).st_size
        self._rotated = True
        self._forget()

    def _prune(self) -> None:
        """Once a day look for files that are too old."""
        now = self._today()
        if now - self._pruned >= DAY:
            self._pruned = now
            self._forget()

    def _forget(self) -> None:
        old, rules = self._files.old(), self._rules
        too_many = len(old) - rules.max_files
        oldest = self._today() - rules.retention if rules.retention else 0.0
        gone = [each for number, each in enumerate(old) if number < too_many or each.ended < oldest]
        self._delete(gone)

    def _delete(self, files: list[OldFile], **who: str) -> None:
        if not files:
            return
        details = {"files": [each.path.name for each in files], "through": files[-1].seq}
        # First it is noted: who sees the note and the files has lost nothing
        note = Event("AUDIT_FILES_DELETED", resource=str(self._files.path), action="DELETE", details=details)
        note = note._replace(
            user=who.get("user", ""), ip=who.get("ip", ""), request_id=who.get("request_id", "")
        )
        self._append_note(note)
        self._files.delete(files)

    def _append_note(self, note: Event) -> None:
        """Into the present file, even if that is full: a new one would have others deleted again."""
        line, link = self._chain.sealed(self._form.written(self._entry(note)), self._link, self._form.json)
        self._append(line)
        self._link = link

    def _sync(self) -> None:
        if self._rules.fsync != NEVER:
            os.fsync(self._number)
        self._save()

    def _save(self) -> None:
        sync = self._rules.fsync != NEVER
        write_head(self._files.head, self._link, self._chain, self._rules.mode, sync)

    def _note(self, kind: str, reason: str, details: Mapping[str, Any] | None = None) -> Event:
        return Event(
            kind, resource=str(self._files.path), result=FAILED, reason=reason, details=details or {}
        )
