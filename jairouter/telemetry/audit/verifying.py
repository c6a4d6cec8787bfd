"""Whether all that was recorded is still there, and unchanged. Blocks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from jairouter.telemetry.audit.chain import KEYED, START, Chain, Link, Seal, holds_without_key, seal_of
from jairouter.telemetry.audit.files import HEAD, Files, is_same, lines_of, open_lines, reason_of
from jairouter.telemetry.audit.head import NoHead, read_head
from jairouter.telemetry.audit.line import Form
from jairouter.telemetry.audit.texts import quoted

if TYPE_CHECKING:
    from jairouter.telemetry.audit.place import Place

_OURS: Final = b"AUDIT_"
"""What the kinds of events begin with that tell of the record itself."""
_DELETED: Final = "AUDIT_FILES_DELETED"
_TRIES: Final = 5
_MOST_NOTES: Final = 50


class Verified(NamedTuple):
    """What came of it.

    Attributes:
        lines: How many were found to be right.
        first: Number of the first.
        last: Number of the last.
        files: How many files were looked at.
        fault: The first thing that does not fit, with its place; empty when all fits.
        notes: What is to be known besides.
    """

    lines: int = 0
    first: int = 0
    last: int = 0
    files: int = 0
    fault: str = ""
    notes: tuple[str, ...] = ()


class _Fault(Exception):
    """Something does not fit."""


def verify(place: Place) -> Verified:
    """Check a whole record: from its first line, or the first that was not deleted, to its last.

    It may be written meanwhile.

    Args:
        place: Where it is.
    """
    files, form, chain = place
    try:
        head = read_head(files.head, chain)
    except NoHead as no_head:
        return Verified(fault=f"{no_head}: whether lines are missing at the end cannot be known")
    for tries in range(_TRIES, 0, -1):
        checking = _Checking(chain, form, head)
        try:
            _all_of(files, checking)
            checking.begins()
            checking.ends()
        except _Fault as fault:
            return checking.outcome(str(fault))
        except OSError as error:
            # (It became too old after it was listed; what somebody has taken out is not listed)
            if isinstance(error, FileNotFoundError) and tries > 1:
                continue
            return checking.outcome(f"{error.filename or files.path}: {reason_of(error)}")
        break
    return checking.outcome()


def _all_of(files: Files, checking: _Checking) -> None:
    """Check all files in the order of their lines, while others are begun and put aside."""
    with ExitStack() as stack:
        current: IO[bytes] | None = None
        with suppress(FileNotFoundError):
            # First, so that it is known by what it is: it may have another name when its turn comes
            current = stack.enter_context(open_lines(files.path))
        for each in files.old():
            if current is None or not is_same(each.path, current):
                with open_lines(each.path) as file:
                    checking.file(each.path, file)
        if current is not None:
            checking.file(files.path, current)


def verify_files(paths: Sequence[Path], chain: Chain) -> Verified:
    """Check some files, each of which has to go on where the one before ends.

    Args:
        paths: In this order. If the last is one that is written, its note of where the chain ended counts.
        chain: Checks digests.
    """
    noted = paths[-1].with_name(paths[-1].name + HEAD)
    try:
        head = read_head(noted, chain) if noted.exists() else None
    except NoHead as no_head:
        return Verified(fault=str(no_head))
    checking = _Checking(chain, Form(), head)
    if head is None:
        checking.notes.append(f"without {noted.name}, whether lines are missing at the end cannot be known")
    try:
        for path in paths:
            with open_lines(path) as file:
                checking.file(path, file)
        checking.ends()
    except _Fault as fault:
        return checking.outcome(str(fault))
    except OSError as error:
        return checking.outcome(f"{error.filename or paths[0]}: {reason_of(error)}")
    if checking.first > 1:
        checking.notes.append(f"they begin with line number {checking.first}")
    return checking.outcome()


class _Checking:
    """Goes through lines."""

    def __init__(self, chain: Chain, form: Form, head: Link | None) -> None:
        self.first = self.lines = self.files = 0
        self.notes: list[str] = []
        self._chain, self._form, self._head = chain, form, head
        self._link: Link | None = None
        self._keyed = False
        self._unkeyed = 0
        self._deleted = 0
        self._noted = ""

    def outcome(self, fault: str = "") -> Verified:
        last = self._link.seq if self._link else 0
        return Verified(self.lines, self.first, last, self.files, fault, tuple(self.notes))

    def file(self, path: Path, file: IO[bytes]) -> None:
        self.files += 1
        for number, line in enumerate(lines_of(file), 1):
            if not line.endswith(b"\n"):
                # (It may be being written at this moment; if it is needed, `ends` misses it)
                self._note(f"{path}, line {number}: is not complete")
                return
            self._line(line[:-1], path, number)

    def begins(self) -> None:
        """Lines may be missing before the first only if it is written that they were deleted."""
        if self.first > 1 and self._deleted < self.first - 1:
            raise _Fault(
                f"the lines before number {self.first} are missing, and no line says that they were deleted"
            )

    def ends(self) -> None:
        """The last line must not come before the one that is noted as such."""
        link, head = self._link or Link(), self._head
        if self._chain.keyed and link.seq and not self._keyed:
            raise _Fault("no line was written with the chain-key")
        if self._unkeyed:
            self.notes.append(
                f"the first {self._unkeyed} lines were written without the chain-key: anybody may have made "
                "them, before the first line was written with it"
            )
        if head is None or not head.seq:
            return
        if link.seq < head.seq:
            raise _Fault(f"{head.seq - link.seq} lines are missing at the end: number {head.seq} was written")
        if self._noted != head.digest:
            raise _Fault(f"line number {head.seq} is another one than was written")

    def _line(self, line: bytes, path: Path, number: int) -> None:
        seal = seal_of(line)
        try:
            if seal is None:
                raise _Fault("is no line of the record")
            self._digest(seal)
            self._follows(seal)
        except _Fault as fault:
            raise _Fault(f"{path}, line {number}: {fault}") from None
        self._link = seal.link
        if self._head is not None and seal.seq == self._head.seq:
            self._noted = seal.digest
        self.lines += 1
        if _OURS in line:
            self._heed(line, seal.seq)

    def _follows(self, seal: Seal) -> None:
        link = self._link
        if link is None:
            self.first = seal.seq
            if seal.seq == 1 and seal.prev != START:
                raise _Fault("is not the first line, as it says")
        elif seal.seq != link.seq + 1:
            raise _Fault(f"has number {seal.seq} and comes after number {link.seq}")
        elif seal.prev != link.digest:
            raise _Fault("does not follow the line before, which is another one than was written")

    def _digest(self, seal: Seal) -> None:
        chain = self._chain
        if chain.holds(seal):
            self._keyed = chain.keyed
            return
        if seal.digest.startswith(KEYED) and not chain.keyed:
            raise _Fault("was written with a chain-key, which is needed here as well")
        if not chain.keyed or self._keyed or not holds_without_key(seal):
            raise _Fault("is not as it was written")
        self._unkeyed += 1  # from before there was a key: the first line with one vouches for it

    def _heed(self, line: bytes, seq: int) -> None:
        """What the record says about itself: nobody else can make such an event."""
        found = self._form.read(line)
        kind, details = str(found.get("event", "")), found.get("details")
        if kind == _DELETED:
            through = details.get("through") if isinstance(details, dict) else None
            self._deleted = max(self._deleted, through if isinstance(through, int) else 0)
        elif kind.startswith(_OURS.decode()):
            self._note(f"line number {seq} says {kind}: {quoted(found.get('reason', ''))}")

    def _note(self, text: str) -> None:
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(text)
        elif len(self.notes) == _MOST_NOTES:
            self.notes.append("there is more of that")
