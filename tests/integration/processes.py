"""The programs that integration tests run: gateways and simulated backends, each a process of its own.

Their output goes to a file, so that nothing has to be read for them to go on, and is part of every failure
message. They are ended by id, whatever the test does.
"""

from __future__ import annotations

import atexit
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from prometheus_client.parser import text_string_to_metric_families

from jairouter.traffic.permits import KINDS

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
TWISTD = (BIN / "twistd", "-n", "--pidfile=", "jairouter")
PATIENCE = 30.0
"""Seconds for what takes a fraction of one on an idle machine."""

_LISTENING = re.compile(r"listening on https?://127\.0\.0\.1:(\d+)")
_POLL = 0.02

# What would configure a gateway behind the test's back.
_CONFIGURING = re.compile(
    r"(SPRING|SERVER|JAIROUTER|MODEL|WEBCLIENT|LOGGING|MANAGEMENT|SECURITY|STORE|CONFIG)_.*"
)


def wait_until(condition: Callable[[], Any], what: str | Callable[[], str], seconds: float = PATIENCE) -> Any:
    """Return the condition's first true value.

    Raises:
        AssertionError: It was not true within `seconds`; `what` says what was waited for.
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what if isinstance(what, str) else what()}")
        time.sleep(_POLL)
    return value


class Process:
    """One running program.

    Args:
        command: The program and its arguments.
        environment: Variables besides those of this process.
    """

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
        self.command = [str(each) for each in command]
        inherited = {name: value for name, value in os.environ.items() if not _CONFIGURING.fullmatch(name)}
        self._output = tempfile.NamedTemporaryFile(prefix="jairouter-test-", suffix=".log")  # noqa: SIM115
        self._popen = subprocess.Popen(
            self.command,
            cwd=ROOT,
            # The checkout comes before whatever is installed: it is what is tested
            env={**inherited, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that what it starts can be ended with it
        )
        atexit.register(self.stop)

    @property
    def output(self) -> str:
        """All that it has written so far."""
        return Path(self._output.name).read_text("utf-8", "replace")

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    def __str__(self) -> str:
        status = "runs" if self.running else f"ended with status {self._popen.returncode}"
        return f"{' '.join(self.command)} {status}; its output:\n{self.output[-8000:]}"

    def wait_for(self, pattern: str | re.Pattern[str], seconds: float = PATIENCE) -> re.Match[str]:
        """Wait until its output matches."""

        def search() -> re.Match[str] | None:
            running = self.running  # asked first: what it wrote before it ended counts
            found = re.search(pattern, self.output)
            if found is None and not running:
                raise AssertionError(f"ended before it wrote {pattern}: {self}")
            return found

        found: re.Match[str] = wait_until(search, lambda: f"output like {pattern} of {self}", seconds)
        return found

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._popen.send_signal(number)

    def signal_group(self, number: signal.Signals) -> None:
        """Send it and its children a signal, as a terminal does."""
        os.killpg(self._popen.pid, number)

    def children(self) -> list[int]:
        """The ids of the programs that it has started and that run."""
        pid = self._popen.pid
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait until it has ended. Returns its status, negative when a signal ended it."""
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end within {seconds} s: {self}") from None

    def stop(self) -> None:
        """End it and what it has started, if it still runs, and forget its output."""
        if self.running:
            self.signal_group(signal.SIGKILL)
            self._popen.wait()
        self._output.close()
        atexit.unregister(self.stop)

    def memory(self, field: str = "VmRSS") -> int:
        """A figure of its memory in bytes: what it holds now (VmRSS) or has ever held (VmHWM)."""
        status = Path(f"/proc/{self._popen.pid}/status").read_text()
        found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
        assert found is not None, status
        return int(found[1]) * 1024

    def descriptors(self) -> int:
        """How many descriptors it has open: one for each connection, and a few."""
        return len(os.listdir(f"/proc/{self._popen.pid}/fd"))

    def forget_peak(self) -> None:
        """Let VmHWM begin anew at what is held now."""
        Path(f"/proc/{self._popen.pid}/clear_refs").write_text("5")


class Server(Process):
    """A program that says where it listens."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
        super().__init__(command, environment)
        try:
            self.port = int(self.wait_for(_LISTENING)[1])
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self, seconds: float = PATIENCE) -> http.client.HTTPConnection:
        """A new client of it."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask for a page. Returns status and body."""
        client = self.connect()
        try:
            client.request("GET", path, headers={"Connection": "close"})
            response = client.getresponse()
            return response.status, response.read()
        finally:
            client.close()


class Gateway(Server):
    """`twistd jairouter`, or another command, with a configuration of its own.

    Args:
        configuration: The tree as Python values, or a file's text.
        command: What is run; the configuration's path comes after it.
        environment: Variables besides those of this process.
        folder: Where configuration and store are, for one that takes the place of another; by default a new
            one.
    """

    def __init__(
        self,
        configuration: Mapping[str, Any] | str,
        command: Sequence[str | Path] = TWISTD,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="jairouter-test-"))
        self.file = write_configuration(configuration, self.folder)
        # Not in the working directory, where one test would find what another has stored
        store = {} if "store" in configuration else {"STORE_PATH": str(self.store)}
        super().__init__([*command, "--config", self.file], {**store, **(environment or {})})

    @property
    def store(self) -> Path:
        """Where it stores versions, unless its configuration says otherwise."""
        return self.folder / "store"

    def stop(self) -> None:
        """See `Process.stop`."""
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples of this name that have these labels."""
        text = self.get("/actuator/prometheus")[1].decode()
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def outstanding(self) -> dict[str, float]:
        """What the ledger says is lent out."""
        text = self.get("/actuator/prometheus")[1].decode()
        return {
            sample.labels["kind"]: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "jairouter_ledger_outstanding"
        }

    def wait_at_rest(self, seconds: float = 5.0) -> None:
        """Wait until nothing is lent out of any kind, and the kinds are there."""
        nothing = dict.fromkeys(KINDS, 0.0)
        wait_until(lambda: self.outstanding() == nothing, lambda: f"{self.outstanding()} at rest", seconds)


def write_configuration(configuration: Mapping[str, Any] | str, folder: Path) -> Path:
    """Write a configuration file. Every JSON text is YAML as well."""
    path = folder / "jairouter.yml"
    path.write_text(configuration if isinstance(configuration, str) else json.dumps(configuration, indent=1))
    return path


def configuration(backend: str, **sections: Mapping[str, Any]) -> dict[str, Any]:
    """A gateway on any free port with one backend behind each service.

    Args:
        backend: Its URL.
        sections: More top-level members; `server` is merged.
    """
    models = {
        "chat": "org/chat",
        "embedding": "embed",
        "rerank": "rank",
        "tts": "speak",
        "stt": "hear",
        "imgGen": "paint",
        "imgEdit": "retouch",
    }
    services = {
        service: {"instances": [{"name": name, "base-url": backend}]} for service, name in models.items()
    }
    tree: dict[str, Any] = {"model": {"services": services}, **sections}
    server = {"address": "127.0.0.1", "port": 0, "drain": {"delay": "0s", "timeout": "5s"}}
    tree["server"] = {**server, **sections.get("server", {})}
    return tree


def simulator(*arguments: str) -> Server:
    """A simulated backend that answers at once unless told otherwise."""
    command = (sys.executable, "-m", "jairouter.simulator", "--port", "0", "--latency", "0")
    return Server([*command, "--tokens-per-second", "0", "--quiet", *arguments])


_T = TypeVar("_T")


class Shared(Generic[_T]):
    """Something that takes a second to start, so the tests of a class share it.

    trial has no fixtures of classes. The first test that asks starts it; it is ended when another class
    starts its own, or with the process.
    """

    _current: Shared[Any] | None = None

    def __init__(self, start: Callable[[], _T], end: Callable[[_T], None]) -> None:
        self._start = start
        self._end = end
        self._value: _T | None = None
        self._failed: BaseException | None = None

    def get(self) -> _T:
        """Return it, started. What could not be started is not tried again."""
        if self._failed is not None:
            raise AssertionError("could not be started, see the first failure") from self._failed
        if self._value is None:
            if Shared._current is not None:
                Shared._current.end()
            Shared._current = self
            try:
                self._value = self._start()
            except BaseException as error:
                self._failed = error
                raise
            atexit.register(self.end)
        return self._value

    def end(self) -> None:
        """End it if it was started."""
        value, self._value = self._value, None
        if value is not None:
            atexit.unregister(self.end)
            self._end(value)


class Pair:
    """A gateway in front of one simulated backend.

    Args:
        arguments: Of the simulator.
        sections: Of the gateway's configuration.
    """

    def __init__(self, *arguments: str, **sections: Mapping[str, Any]) -> None:
        self.simulator = simulator(*arguments)
        try:
            self.gateway = Gateway(configuration(self.simulator.url, **sections))
        except BaseException:
            self.simulator.stop()
            raise

    def stop(self) -> None:
        """End both."""
        self.gateway.stop()
        self.simulator.stop()


def shared_pair(*arguments: str, **sections: Mapping[str, Any]) -> Shared[Pair]:
    """A pair for the tests of a class."""
    return Shared(lambda: Pair(*arguments, **sections), Pair.stop)
