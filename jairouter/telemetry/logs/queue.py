"""Lines on their way from those who log to whoever writes them down."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final, NamedTuple

LINES: Final = 50_000
CHARACTERS: Final = 32 * 1024 * 1024
"""Most that waits to be written."""
RESERVED: Final = 0.1
"""Share of it that is kept for warnings and errors."""


class Taken(NamedTuple):
    """What is to be written.

    Attributes:
        text: Lines, in their order.
        dropped: How many there was no room for, since it was said last.
    """

    text: str
    dropped: int


class Queue:
    """Lines that wait. May be used by several threads.

    Args:
        lines: Most lines that wait.
        characters: Most characters of them.

    Attributes:
        dropped: How many lines there was no room for, in all.
    """

    def __init__(self, lines: int = LINES, characters: int = CHARACTERS) -> None:
        self.dropped = 0
        self._lines, self._characters = lines, characters
        self._waiting: deque[tuple[str, int]] = deque()
        self._count = self._size = self._told = 0
        self._lock = threading.Lock()
        self._there = threading.Event()

    def put(self, text: str, lines: int = 1, *, important: bool = False) -> None:
        """Have lines written, or count them as dropped.

        Args:
            text: The lines.
            lines: How many.
            important: Whether what is kept for warnings may be used.
        """
        share = 1.0 if important else 1.0 - RESERVED
        with self._lock:
            fits = self._count + lines <= self._lines * share
            if not fits or self._size + len(text) > self._characters * share:
                self.dropped += lines
                return
            self._waiting.append((text, lines))
            self._count += lines
            self._size += len(text)
        if not self._there.is_set():
            self._there.set()

    def take(self) -> Taken:
        """Take all that waits."""
        self._there.clear()
        with self._lock:
            text = "".join([each for each, _ in self._waiting])
            self._waiting.clear()
            self._count = self._size = 0
            dropped, self._told = self.dropped - self._told, self.dropped
        return Taken(text, dropped)

    def wait(self, seconds: float | None) -> None:
        """Wait until something waits to be written; blocks."""
        self._there.wait(seconds)

    def wake(self) -> None:
        """End a `wait`."""
        self._there.set()

    @property
    def waits(self) -> int:
        """How many lines wait."""
        return self._count
