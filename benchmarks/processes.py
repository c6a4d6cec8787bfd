"""The programs that take part, each a process of its own, and what the kernel says about them."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 20.0
"""Seconds for what takes a fraction of one on an idle machine."""

# Variables that would configure the gateway behind the benchmark's back
_CONFIGURING = re.compile(r"(SPRING|SERVER|JAIROUTER|MODEL|WEBCLIENT|LOGGING|MANAGEMENT|SECURITY|STORE)_.*")


class Failure(Exception):
    """Something went wrong that makes a figure worthless; its text is for the person who reads the report."""


class Ended(Failure):
    """A program is gone that all further figures depend on."""


class Process:
    """One running program, which ends when this one does.

    Args:
        name: What messages call it.
        command: The program and its arguments.

    Attributes:
        last_signal: What it gets when this process dies without having ended it.
    """

    last_signal = "KILL"

    def __init__(self, name: str, command: Sequence[str | Path]) -> None:
        self.name = name
        self._output = tempfile.NamedTemporaryFile("ab", prefix="jairouter-bench-", suffix=".log")  # noqa: SIM115
        environment = {key: value for key, value in os.environ.items() if not _CONFIGURING.fullmatch(key)}
        self._popen = subprocess.Popen(
            # so that it ends even if this process is killed and cannot end it
            ["setpriv", "--pdeathsig", self.last_signal, "--", *map(str, command)],
            cwd=ROOT,
            env={**environment, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for this process, which ends the others in its own time
        )

    @property
    def pid(self) -> int:
        """Of the process whose CPU time and memory count."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    @property
    def output(self) -> str:
        """All that it has written so far."""
        return Path(self._output.name).read_text("utf-8", "replace")

    def forget_output(self) -> None:
        """Empty its output: minutes of access log fill a disk."""
        os.truncate(self._output.name, 0)

    def check(self) -> None:
        """Raise `Ended` if it has."""
        if not self.running:
            raise Ended(
                f"{self.name} ended with status {self._popen.returncode}; its output ends in:\n"
                f"{self.output[-1500:]}"
            )

    def wait_for_port(self, port: int) -> None:
        """Wait until something listens there."""

        def listens() -> bool:
            self.check()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_until(listens, f"{self.name} on port {port}")

    def stop(self) -> None:
        """End it and what it has started."""
        if self.running:
            os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()
        self._output.close()

    def cpu(self) -> float:
        """Seconds of CPU time that it has used so far, its own and the kernel's on its behalf."""
        return cpu_seconds(self.pid)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, all threads, in nanosecond steps where the kernel keeps them."""
    try:
        tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9
    except (OSError, IndexError):
        # No schedstat in this kernel. The command's name, in brackets, may hold spaces.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> dict[str, int]:
    """The kernel's sums over a process's memory in KB, such as `Rss` and `Private_Dirty`."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}


def children(pid: int) -> list[int]:
    """The ids of the processes that it has started."""
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def wait_until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until the condition is true, or raise `Failure`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.02)


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, below those that the kernel gives to outgoing connections."""
    found: list[socket.socket] = []
    candidates = random.sample(range(20000, 32000), 500)
    try:
        for port in candidates:
            listener = socket.socket()
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                listener.close()
                continue
            found.append(listener)
            if len(found) == count:
                return [each.getsockname()[1] for each in found]
    finally:
        for each in found:
            each.close()
    raise Failure(f"found no {count} free ports on 127.0.0.1")
