"""Writes lines down in a thread of its own, so that whoever logs never waits for a disk or a terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Protocol

from jairouter.telemetry.logs.queue import Queue

GATHER: Final = 0.25
"""Seconds for which the thread lets lines gather. Waking it costs far more than writing does: while it waits
for the interpreter's lock, each system call of the reactor wakes it in vain, for milliseconds."""
PATIENCE: Final = 1.0
"""Seconds after which writing is tried again that failed."""
FAREWELL: Final = 5.0
"""Seconds for which the end waits for what is still to be written."""


class Target(Protocol):
    """Where lines go. Used by one thread at a time; may block."""

    name: str

    def write(self, data: bytes) -> None:
        """Write lines.

        Raises:
            OSError: They are not all written; the next call, which may bring nothing new, tries the rest.
        """

    def reopen(self) -> None:
        """Let go of the file, and open the one of that name.

        Raises:
            OSError: It cannot be opened; it is tried again with what is written next.
        """

    def close(self) -> None:
        """Let go of it."""


class Writer:
    """Writes lines to one target.

    Args:
        target: Where they go.
        tell: Is told, in any thread, when writing begins to fail, why, and when it works again.
        notice: Makes a line of a text, in the form of the others.
        queue: For lines that wait.

    Attributes:
        queue: See above.
    """

    def __init__(
        self,
        target: Target,
        tell: Callable[[str], None],
        notice: Callable[[str], str],
        queue: Queue | None = None,
    ) -> None:
        self.queue = queue or Queue()
        self._target, self._tell, self._notice = target, tell, notice
        self._failing = ""
        self._left = False  # the target has something to try again
        self._reopen = self._stopping = False
        self._given_up = False  # the thread hangs in a write, and holds the target
        self._thread: threading.Thread | None = None
        self._by_itself = threading.RLock()  # one at a time uses the target
        self._pause = threading.Event()

    def start(self) -> None:
        """Write from now on in a thread of its own."""
        thread = threading.Thread(target=self._run, name=f"log {self._target.name}", daemon=True)
        self._thread = thread
        thread.start()

    def put(self, text: str, lines: int = 1, *, important: bool = False) -> None:
        """See `Queue.put`. Before `start` and after `stop`, lines are written at once."""
        self.queue.put(text, lines, important=important)
        if self._thread is None and not self._given_up:
            self.turn()

    def reopen(self) -> None:
        """Have the file of that name opened anew; see `Target.reopen`."""
        self._reopen = True
        self.queue.wake()
        if self._thread is None and not self._given_up:
            self.turn()

    def stop(self) -> None:
        """Write all that there is, and end the thread. Blocks, but not for ever."""
        thread, self._thread = self._thread, None
        self._stopping = True
        self._pause.set()
        self.queue.wake()
        if thread is not None:
            thread.join(FAREWELL)
            self._given_up = thread.is_alive()

    def close(self) -> None:
        """Let go of the target."""
        if not self._given_up:
            with self._by_itself:
                self._target.close()

    def turn(self) -> None:
        """Write what waits. Raises nothing."""
        with self._by_itself:
            if self._reopen:
                self._reopen = False
                self._try(self._target.reopen)
            if self._failing and not self._stopping and not self._try_again():
                return  # what waits stays in the queue, which counts what has no room there
            text, dropped = self.queue.take()
            if dropped:
                text += self._notice(f"{dropped} lines were dropped: they came faster than they were written")
            if text:
                self._try(lambda: self._target.write(text.encode("utf-8", "backslashreplace")))

    def _run(self) -> None:
        while not self._stopping:
            self.queue.wait(PATIENCE if self._failing else None)
            self._pause.wait(PATIENCE if self._failing else GATHER)
            self.turn()
        self.turn()

    def _try_again(self) -> bool:
        return self._try(lambda: self._target.write(b""))

    def _try(self, job: Callable[[], None]) -> bool:
        try:
            job()
        except Exception as error:  # whatever it is, there is no log that it could be told to
            why = (getattr(error, "strerror", None) or str(error) or error.__class__.__name__).lower()
            before, self._failing = self._failing, why
            if not before:
                self._tell(f"{self._target.name} cannot be written: {why}; it is tried again and again")
            return False
        if self._failing:
            self._failing = ""
            self._tell(f"{self._target.name} can be written again")
        return True
