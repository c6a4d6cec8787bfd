"""wrk as the load: so many connections, each of which sends its next request when it has its answer."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.contestants import Contestant
from benchmarks.nginx import Backend
from benchmarks.processes import Failure

KEY = "sk-benchmark-0123456789abcdef"
"""What callers send to be known by; where nobody asks for it, it is passed on."""
_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer KEY"
HEADERS
wrk.body = [==[BODY]==]
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("\\nRESULT requests=%d bytes=%d p50=%d p99=%d ",
    summary.requests, summary.bytes, latency:percentile(50), latency:percentile(99)))
  io.write(string.format("connect=%d read=%d write=%d status=%d timeout=%d\\n",
    e.connect, e.read, e.write, e.status, e.timeout))
end
"""
ERRORS = ("connect", "read", "write", "status", "timeout")
"""Kinds of errors that wrk counts; `status` is an answer of 400 or above."""

_RAMP = 0.4
_TAIL = 0.1


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent.

    Attributes:
        model: Which backend it is for.
        body: The same for each request.
        connections: At once.
        keep_alive: Whether connections are used again.
        answer_size: Bytes that an answer has at least.
    """

    model: str
    body: bytes
    connections: int
    keep_alive: bool = True
    answer_size: int = 500


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it.

    Attributes:
        rate: Requests per second.
        cpu: Microseconds of CPU time per request of the process under test.
        p50: Milliseconds that half of the requests took at most.
        p99: Milliseconds that 99 of 100 took at most.
    """

    rate: float
    cpu: float
    p50: float
    p99: float


def warm_up(contestant: Contestant, load: Load) -> None:
    """Open what is opened once, and let caches fill."""
    with _wrk(contestant, load, 1) as wrk:
        _result(wrk, contestant, load)


def run(contestant: Contestant, load: Load, backend: Backend, seconds: int) -> Run:
    """Measure one contestant.

    CPU time and requests are read in the middle of wrk's run: opening and closing the connections does not
    count. The requests are counted by the backend, which all of them reach.
    """
    opening = load.connections // 1000  # so many seconds more until all connections are open and busy
    with _wrk(contestant, load, opening + seconds) as wrk:
        time.sleep(opening + _RAMP)
        before = time.monotonic(), contestant.process.cpu(), backend.answered()
        time.sleep(seconds - _RAMP - _TAIL)
        after = time.monotonic(), contestant.process.cpu(), backend.answered()
        result = _result(wrk, contestant, load)
    elapsed, cpu, requests = (late - early for late, early in zip(after, before, strict=True))
    if not requests:
        raise Failure(f"{contestant.name} answered nothing in {elapsed:.1f} s")
    return Run(requests / elapsed, cpu / requests * 1e6, result["p50"] / 1000, result["p99"] / 1000)


@contextmanager
def _wrk(contestant: Contestant, load: Load, seconds: int) -> Iterator[subprocess.Popen[str]]:
    headers = "" if load.keep_alive else 'wrk.headers["Connection"] = "close"'
    with tempfile.NamedTemporaryFile("w", prefix="jairouter-bench-", suffix=".lua") as script:
        text = _SCRIPT.replace("KEY", KEY).replace("HEADERS", headers)
        script.write(text.replace("BODY", load.body.decode()))
        script.flush()
        options = ["-t1", f"-c{load.connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script.name]
        with subprocess.Popen(
            ["wrk", *options, contestant.url(load.model)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as wrk:
            try:
                yield wrk
            finally:
                wrk.kill()


def _result(wrk: subprocess.Popen[str], contestant: Contestant, load: Load) -> dict[str, int]:
    output = wrk.communicate()[0]
    return read_result(wrk.returncode, output, contestant.name, load)


def read_result(status: int, output: str, name: str, load: Load) -> dict[str, int]:
    """What wrk counted, by the names that the script gives it.

    Raises:
        Failure: There was any error at all.
    """
    found = re.search(r"^RESULT (.*)$", output, re.MULTILINE)
    if status != 0 or found is None:
        raise Failure(f"wrk failed against {name}, status {status}:\n{output}")
    result = {key: int(value) for key, value in (pair.split("=") for pair in found[1].split())}
    errors = {kind: result[kind] for kind in ERRORS if result[kind]}
    if errors:
        raise Failure(f"{name} at {load.connections} connections: errors {errors}")
    if result["bytes"] < result["requests"] * load.answer_size:
        raise Failure(f"{name}: answers of {result['bytes'] / result['requests']:.0f} bytes only")
    return result
