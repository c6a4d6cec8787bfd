"""Children that are killed, or whose machine loses its power, at a step of the test's choice."""

from __future__ import annotations

import fcntl
import os
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from stat import S_ISDIR
from typing import Any

Work = Callable[[Callable[[int], None]], None]
"""What a child does; it is given what acknowledges a number."""

STEPS = (
    (os, "open"),
    (os, "mkdir"),
    (os, "write"),
    (os, "fsync"),
    (os, "link"),
    (os, "rename"),
    (os, "replace"),
    (os, "unlink"),
    (os, "utime"),
    (os, "close"),
    (os, "listdir"),
    (fcntl, "flock"),
)
"""The calls of the system that are counted."""


class Child:
    """A forked process that works and acknowledges.

    Args:
        work: What it does.
    """

    def __init__(self, work: Work) -> None:
        self._reading, writing = os.pipe()
        write = os.write  # as it is before anything counts it

        def acknowledge(number: int) -> None:
            write(writing, b"%d\n" % number)

        self.pid = os.fork()
        if not self.pid:
            status = 1
            try:
                work(acknowledge)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(writing)

    def wait_for_one(self) -> bytes:
        """Wait until it has acknowledged something, or has ended."""
        return os.read(self._reading, 1)

    def kill(self) -> None:
        """Kill it at once."""
        os.kill(self.pid, signal.SIGKILL)

    def end(self, before: bytes = b"") -> tuple[bool, list[int]]:
        """Wait for its end: whether it was killed, and what it has acknowledged.

        Args:
            before: What was read of that already.
        """
        text = before
        while piece := os.read(self._reading, 65536):
            text += piece
        os.close(self._reading)
        status = os.waitpid(self.pid, 0)[1]
        killed = os.WIFSIGNALED(status)
        assert killed or os.WEXITSTATUS(status) == 0, f"a child failed with status {status}"
        return killed, [int(each) for each in text.split()]


class Dying:
    """Counts the calls of the system, in a child, and ends it before the one of a number.

    Args:
        step: Which one, from 0. A write is done by half.
        power_cut: Whether what was not forced to disk is lost, too.
    """

    def __init__(self, step: int, power_cut: bool = False) -> None:
        self._left = step
        self._power_cut = power_cut
        self._files: set[str] = set()
        self._synced: set[str] = set()
        self._names: dict[str, list[Callable[[], None]]] = {}
        self._kept: dict[str, str] = {}
        self._real = {name: getattr(module, name) for module, name in STEPS}
        for module, name in STEPS:
            setattr(module, name, self._counted(name))

    def _counted(self, name: str) -> Callable[..., Any]:
        real = self._real[name]

        def call(*arguments: Any, **named: Any) -> Any:
            if not self._left:
                if name == "write":
                    self._note(name, arguments)
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                self._die()
            self._left -= 1
            if name in {"rename", "replace"}:
                self._keep(*map(os.path.realpath, arguments))
            result = real(*arguments, **named)
            self._note(name, arguments)
            return result

        return call

    def _note(self, name: str, arguments: tuple[Any, ...]) -> None:
        """Remember what is not on disk yet."""
        if name == "write":
            self._files.add(_path(arguments[0]))
            self._synced.discard(_path(arguments[0]))
        elif name == "fsync":
            path = _path(arguments[0])
            if S_ISDIR(os.fstat(arguments[0]).st_mode):
                self._names.pop(path, None)
            self._files.discard(path)
            self._synced.add(path)
        elif name in {"link", "rename", "replace"}:
            source, final = map(os.path.realpath, arguments)
            if source not in self._synced:  # files of Python's own write without `os.write`
                self._files.add(final)
            kept = self._kept.pop(final, None)
            if kept is None:
                self._undo(final, lambda: self._real["unlink"](final))
            else:
                self._undo(final, lambda: self._real["rename"](kept, final))
        elif name == "mkdir":
            made = os.path.realpath(arguments[0])
            self._undo(made, lambda: self._real["rename"](made, f"{made}.lost"))

    def _keep(self, source: str, final: str) -> None:
        """Keep what is going to be replaced, outside of its directory, for when that is lost again."""
        if os.path.isfile(final):
            self._kept[final] = f"{os.path.dirname(final)}.before-{self._left}"
            self._real["link"](final, self._kept[final])

    def _undo(self, path: str, how: Callable[[], None]) -> None:
        self._names.setdefault(os.path.dirname(path), []).append(how)

    def _die(self) -> None:
        if self._power_cut:
            for path in self._files:
                with suppress(FileNotFoundError):
                    os.truncate(path, 0)
            for undo in [each for several in self._names.values() for each in reversed(several)]:
                with suppress(FileNotFoundError):
                    undo()
        os.kill(os.getpid(), signal.SIGKILL)


def _path(number: int) -> str:
    return os.readlink(f"/proc/self/fd/{number}")
