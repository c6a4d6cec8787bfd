"""Programs the demo starts: their output line by line, and their end."""

from __future__ import annotations

import dataclasses
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.interfaces import IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

# Lines of output kept, to be shown when a program ends before its time.
_LINES = 20


@dataclasses.dataclass(frozen=True)
class Program:
    """What to start.

    Attributes:
        name: What it is called when people are told about it.
        command: The program and its arguments.
        environment: Variables it gets beside those of this process.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)


class Child(ProcessProtocol):
    """One running program.

    Attributes:
        program: What was started.
        lines: The last lines it wrote, on either of its outputs.
        ended: Fires with this child when it has ended, for whatever reason.
        outcome: How it ended, in words; empty while it runs.
    """

    def __init__(self, program: Program, line_received: Callable[[str], None]) -> None:
        self.program = program
        self.lines: deque[str] = deque(maxlen=_LINES)
        self.ended: Deferred[Child] = Deferred()
        self.outcome = ""
        self._line_received = line_received
        # Standard output and standard error are cut into lines each for itself.
        self._unfinished = {1: b"", 2: b""}

    def start(self, reactor: IReactorProcess) -> None:
        """Start the program.

        Raises:
            OSError: If there is no such program.
        """
        command = list(self.program.command)
        if not os.access(command[0], os.X_OK):
            # Only the new process would notice, and say so in a traceback.
            raise FileNotFoundError(f"{command[0]} is missing or cannot be executed")
        environment = {**os.environ, **self.program.environment}
        reactor.spawnProcess(self, command[0], command, environment)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """See `IProcessProtocol`."""
        *lines, self._unfinished[childFD] = (self._unfinished[childFD] + data).split(b"\n")
        for line in lines:
            self._take(line)

    def _take(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r")
        self.lines.append(text)
        self._line_received(text)

    def processEnded(self, reason: Failure) -> None:
        """See `IProcessProtocol`."""
        for rest in filter(None, self._unfinished.values()):
            self._take(rest)
        error = reason.value
        signal, status = getattr(error, "signal", None), getattr(error, "exitCode", None)
        if isinstance(error, ProcessDone):
            self.outcome = "ended"
        else:
            self.outcome = f"was ended by signal {signal}" if signal else f"failed, status {status}"
        self.ended.callback(self)

    def end(self, clock: IReactorTime, grace: float) -> None:
        """Ask the program to end, and make it end when it has not after `grace` seconds."""
        if self.outcome or self.transport is None:
            return
        self._signal("TERM")
        patience = clock.callLater(grace, self._signal, "KILL")
        self.ended.addBoth(_calm, patience.cancel)

    def _signal(self, name: str) -> None:
        try:
            self.transport.signalProcess(name)  # type: ignore[union-attr]
        except ProcessExitedAlready:
            # It was quicker; `processEnded` is on its way.
            return


def _calm(child: Child, cancel: Callable[[], None]) -> Child:
    # Nothing to cancel when the patience was at an end before the program was.
    if child.outcome != "was ended by signal 9":
        cancel()
    return child
