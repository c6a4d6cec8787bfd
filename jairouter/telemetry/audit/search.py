"""What was recorded: lines that fit, the newest first. Blocks.

Files have no index. So it is said how much was looked at: an answer that comes of less than all that there is
in the time asked for says that it is partial.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

from jairouter.telemetry.audit.chain import seal_of
from jairouter.telemetry.audit.files import is_same, lines_of, open_lines

if TYPE_CHECKING:
    from jairouter.telemetry.audit.place import Place

MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes that are looked at for one answer: some 150 000 lines, which take about a second."""
SLACK: Final = 120.0
"""Seconds by which lines may be older than what stands before them: those that tell a number come late."""


class Wanted(NamedTuple):
    """Which events are.

    Attributes:
        start: From when, in seconds since the epoch.
        end: Until when.
        equal: Members and what they have to be.
        within: Members and what has to be in them, in letters of either size.
    """

    start: float
    end: float
    equal: tuple[tuple[str, Any], ...] = ()
    within: tuple[tuple[str, str], ...] = ()

    def fits(self, found: dict[str, Any]) -> bool:
        """Whether this is one of them."""
        return (
            all(found.get(name) == value for name, value in self.equal)
            and all(text.lower() in str(found.get(name, "")).lower() for name, text in self.within)
            and self.start <= (time_of(found) or 0.0) <= self.end
        )


class Found(NamedTuple):
    """What was found.

    Attributes:
        events: Of the page that was asked for, the newest first.
        total: How many fit in all.
        partial: Whether there is more in the time asked for than was looked at.
        oldest: When the oldest line was written that was looked at, as it says; empty without any.
    """

    events: list[dict[str, Any]]
    total: int
    partial: bool
    oldest: str


class Scan:
    """Goes through the files, the newest first, but through each from its beginning.

    Args:
        place: Where the record is.
        wanted: Which ones are.
        most_bytes: How much is looked at.

    Attributes:
        partial: Whether that was less than there is.
        oldest: See `Found`.
    """

    def __init__(self, place: Place, wanted: Wanted, most_bytes: int = MOST_BYTES) -> None:
        self._files, self._form, _ = place
        self._wanted = wanted
        self._left = most_bytes
        self.partial = False
        self.oldest = ""

    def each_file(self) -> Iterator[Iterator[dict[str, Any]]]:
        """For each file, what fits in it.

        Raises:
            OSError: One cannot be read.
        """
        current: IO[bytes] | None = None
        with suppress(FileNotFoundError):
            current = open_lines(self._files.path)
        # (Only now: one that is put aside meanwhile is known by what it is, whatever it is called)
        old = self._files.old()
        if current is not None:
            with current:
                old = [each for each in old if not is_same(each.path, current)]
                yield self._in(current, _size_of(current))
        ended = [0.0, *(each.ended for each in old)]
        for each, begun in reversed(list(zip(old, ended, strict=False))):
            # (Where a clock was set back, a file ends before it begins, and may have anything in it)
            if self._wanted.end + SLACK < begun <= each.ended or each.ended < self._wanted.start:
                continue
            if self._left <= 0:
                self.partial = True
                return
            yield from self._in_file(each.path)

    def _in_file(self, path: Path) -> Iterator[Iterator[dict[str, Any]]]:
        try:
            file = open_lines(path)
        except FileNotFoundError:
            return  # too old meanwhile
        with file:
            yield self._in(file, _unpacked(file))

    def _in(self, file: IO[bytes], size: int) -> Iterator[dict[str, Any]]:
        """What fits in a file.

        Args:
            file: Open.
            size: How much is in it, or is said to be.
        """
        at = max(0, size - self._left)
        if at:
            self.partial = True
            file.seek(at)
            at += len(file.readline())
        first = True
        for line in lines_of(file):
            at += len(line)
            self._left -= len(line)
            if at > size and self._left <= 0:
                self.partial = True  # more than was said: it is written, or pretends to be smaller than it is
                return
            found = self._form.read(line.rstrip(b"\n"))
            if not found:
                continue
            if first:
                self.oldest, first = str(found["timestamp"]), False
            if self._wanted.fits(found):
                seal = seal_of(line.rstrip(b"\n"))
                found["seq"] = seal.seq if seal is not None else 0
                yield found


def search(place: Place, wanted: Wanted, page: int, size: int, most: int = MOST_BYTES) -> Found:
    """One page of what fits.

    Args:
        place: Where the record is.
        wanted: Which ones are.
        page: From 0.
        size: Events of a page.
        most: Bytes that are looked at.

    Raises:
        OSError: It cannot be read.
    """
    scan, total, page_of = Scan(place, wanted, most), 0, (page + 1) * size
    kept: list[dict[str, Any]] = []
    for fitting in scan.each_file():
        latest: deque[dict[str, Any]] = deque(maxlen=max(0, page_of - len(kept)))
        for found in fitting:
            total += 1
            latest.append(found)
        kept += reversed(latest)
    return Found(kept[page * size : page_of], total, scan.partial, scan.oldest)


def tally(
    place: Place, wanted: Wanted, add: Callable[[dict[str, Any]], None], most: int = MOST_BYTES
) -> bool:
    """Go through all that fits.

    Args:
        place: Where the record is.
        wanted: Which ones are.
        add: Is given each.
        most: Bytes that are looked at.

    Returns:
        Whether there is more than was looked at.

    Raises:
        OSError: It cannot be read.
    """
    scan = Scan(place, wanted, most)
    for fitting in scan.each_file():
        for found in fitting:
            add(found)
    return scan.partial


def time_of(found: dict[str, Any]) -> float | None:
    """When it happened, in seconds since the epoch; None if that cannot be read."""
    try:
        at = datetime.fromisoformat(found["timestamp"])
    except (ValueError, TypeError, KeyError):
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _size_of(file: IO[bytes]) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size


def _unpacked(file: IO[bytes]) -> int:
    """How much is in a file; of a compressed one, as it says at its end (RFC 1952, section 2.3.1)."""
    name = getattr(file, "name", "")
    if not isinstance(name, str) or not name.endswith(".gz"):
        return _size_of(file)
    with open(name, "rb") as packed:
        packed.seek(-4, 2)
        return int.from_bytes(packed.read(4), "little")
