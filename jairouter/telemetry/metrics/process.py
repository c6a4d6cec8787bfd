"""The process, under the names that dashboards for a JVM ask for.

There is no Java heap here. What stands in its place is what an operator wants to know of it: how much memory
is the process's own (``RssAnon`` of /proc/self/status), and how much it may take before the kernel ends it:
the least of its control groups' limits and the machine's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jairouter.telemetry.metrics.families import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prometheus_client.core import Metric

    from jairouter.telemetry.metrics.families import Families

_UNLIMITED: Final = 1 << 60
"""Bytes; control groups of version 1 have a number like this where there is no limit."""


class ProcessMetrics(Source):
    """Shows what runs, since when, and how much memory it takes.

    Args:
        families: Make what is shown.
        started: When it did, in seconds since the epoch.
        versions: Of the gateway, Python and Twisted.
        root: Where /proc and /sys are.
    """

    def __init__(
        self, families: Families, started: float, versions: Sequence[str], root: Path = Path("/")
    ) -> None:
        self._families = families
        self._started = started
        self._versions = versions
        self._root = root

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        return self._shown

    def _shown(self) -> Iterable[Metric]:
        known = self._families.known
        yield known("build_info", [(self._versions, 1)])
        yield known("start_time_seconds", [((), self._started)])
        areas = {"heap": ("RssAnon",), "nonheap": ("RssFile", "RssShmem")}
        used = [((area,), _resident(self._root, *names)) for area, names in areas.items()]
        yield known("jvm_memory_used_bytes", used)
        most = [(("heap",), memory_limit(self._root)), (("nonheap",), -1)]
        yield known("jvm_memory_max_bytes", most)


def _resident(root: Path, *names: str) -> int:
    return sum(value for name, value in _fields(root / "proc/self/status") if name in names)


def memory_limit(root: Path = Path("/")) -> int:
    """Bytes that this process may take: see the module.

    Args:
        root: Where /proc and /sys are.

    Returns:
        -1 where nothing says it.
    """
    limits = [value for name, value in _fields(root / "proc/meminfo") if name == "MemTotal"]
    limits += _group_limits(root)
    return min((each for each in limits if each < _UNLIMITED), default=-1)


def _group_limits(root: Path) -> Iterator[int]:
    """Limits of the control groups that the process is in, and of those around them."""
    try:
        groups = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top, file = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            top, file = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        place = Path(path.lstrip("/"))
        for folder in (place, *place.parents):
            try:
                yield int((top / folder / file).read_text())
            except (OSError, ValueError):
                continue  # "max", or a container that shows its own group as the root


def _fields(path: Path) -> Iterator[tuple[str, int]]:
    """The fields of a file of /proc that are in kB, in bytes."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        name, _, rest = line.partition(":")
        number, _, unit = rest.strip().partition(" ")
        if unit == "kB" and number.isdigit():
            yield name, int(number) * 1024
