"""What it costs to read the metrics of a large gateway, and what its callers notice."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median

from benchmarks.bench import Bench
from benchmarks.contestants import PATH, request_body
from benchmarks.figures import Rounds
from benchmarks.gateway import Gateway
from benchmarks.processes import Failure, wait_until
from benchmarks.report import Budget, Section

BACKENDS = 500
SCRAPES = 20
"""In each round."""
PAUSE = 0.1
"""Seconds between two of them."""
CPU, STALL = 100.0, 10.0
FORMS = (
    ("text", {"Accept": "text/plain"}),
    ("OpenMetrics, gzip", {"Accept": "application/openmetrics-text", "Accept-Encoding": "gzip"}),
)

ABOUT = f"""\
A gateway with {BACKENDS} backends, each of which has answered: histograms and counters for each of them. Its
page is read {SCRAPES} times a round, {PAUSE:g} s apart, while another client asks for the smallest page there
is, one time after the other. CPU time is that of all threads of the gateway for one reading, with nothing
else going on. "Stall" is the longest that the other client waited while a page was being read: the median of
all readings, and the worst of them; "quiet" is the same for equally long times in which nobody read the
page."""

_READER = """
import http.client, json, sys, time
port, count, pause, headers = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), json.loads(sys.argv[4])
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
for _ in range(count):
    begin = time.monotonic()
    connection.request("GET", "/actuator/prometheus", headers=headers)
    answer = connection.getresponse()
    size = len(answer.read())
    print(answer.status, size, begin, time.monotonic(), flush=True)
    time.sleep(pause)
"""
_ASKED = b"GET /actuator/health/liveness HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass(frozen=True, slots=True)
class _Run:
    """One round.

    Attributes:
        cpu: Milliseconds for one reading.
        size: Bytes of the page, as it was sent.
        taken: Milliseconds that one reading took.
        stalls: Of each reading, the longest wait of the other client, in milliseconds.
        quiet: Likewise, while nobody read.
    """

    cpu: float
    size: int
    taken: float
    stalls: list[float]
    quiet: list[float]


def measure(bench: Bench) -> Section:
    """Measure both formats."""
    rows: list[list[str]] = []
    budgets: list[Budget] = []
    with ExitStack() as stack:
        gateway = bench.attempt(f"a gateway with {BACKENDS} backends", partial(_gateway, bench, stack))
        for name, headers in FORMS if gateway is not None else ():
            assert gateway is not None
            runs = bench.attempt(f"scrapes, {name}", partial(_measure_one, bench, gateway, headers))
            if not runs:
                continue
            cpu = Rounds.of([run.cpu for run in runs])
            stalls = [each for run in runs for each in run.stalls]
            quiet = [each for run in runs for each in run.quiet]
            rows.append(
                [
                    name,
                    f"{runs[-1].size / 1000:.0f}",
                    f"{cpu.median:.1f}",
                    cpu.spread(),
                    f"{median(run.taken for run in runs):.1f}",
                    f"{median(stalls):.2f}",
                    f"{max(stalls):.2f}",
                    f"{median(quiet):.2f}",
                    f"{max(quiet):.2f}",
                ]
            )
            budgets.append(Budget(f"CPU time of a scrape ({name})", CPU, cpu.median, "ms"))
            budgets.append(Budget(f"stall by a scrape ({name})", STALL, median(stalls), "ms"))
    columns = ("format", "KB", "CPU ms", "from - to", "takes ms", "stall ms", "worst", "quiet ms", "worst")
    return Section("Scrapes", ABOUT, columns, rows, 1, budgets)


def _gateway(bench: Bench, stack: ExitStack) -> Gateway:
    """One whose backends have all answered."""
    port = bench.backend.ports["small"]
    names = [f"model-{number}" for number in range(BACKENDS)]
    gateway = Gateway(
        f"gateway with {BACKENDS} backends",
        dict.fromkeys(names, port),
        logging={"access": {"enabled": False}},
        server={"max-requests-per-connection": 0},  # the small page is asked for over one connection
    )
    stack.callback(gateway.stop)
    wait_until(lambda: gateway.answers, "a first answer")
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    for name in names:
        connection.request("POST", PATH, request_body(name, 600), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise Failure(f"{name}: {answer.status}")
    connection.close()
    return gateway


def _measure_one(bench: Bench, gateway: Gateway, headers: dict[str, str]) -> list[_Run]:
    runs = []
    for number in range(bench.rounds + 1):
        before = gateway.cpu()
        with _Reader(gateway.port, headers, 0.0) as reader:
            alone = reader.rest()
        cpu = (gateway.cpu() - before) / len(alone) * 1000
        with _Reader(gateway.port, headers, PAUSE) as reader:
            waits = _ask(gateway.port, reader)
            read = reader.rest()
        gateway.check()
        if number:  # (the first one is the warm-up)
            runs.append(_run(cpu, read, waits))
    return runs


def _run(cpu: float, read: Sequence[_Reading], waits: Sequence[tuple[float, float]]) -> _Run:
    length = median(end - begin for _, begin, end in read)
    stalls = [_longest(waits, begin, end) for _, begin, end in read]
    # in the midst of each pause, for as long as a reading takes
    quiet = [_longest(waits, end + PAUSE / 2, end + PAUSE / 2 + length) for _, _, end in read[:-1]]
    return _Run(cpu, read[-1][0], length * 1000, stalls, quiet)


def _longest(waits: Sequence[tuple[float, float]], begin: float, end: float) -> float:
    """Milliseconds of the longest wait that lay in this time, or partly."""
    return max((till - since for since, till in waits if till > begin and since < end), default=0.0) * 1000


_Reading = tuple[int, float, float]
"""Bytes, when it began, when it ended."""


class _Reader:
    """Reads the page again and again, in a process of its own: what it does must not hold up this one."""

    def __init__(self, port: int, headers: dict[str, str], pause: float) -> None:
        arguments = [str(port), str(SCRAPES), str(pause), json.dumps(headers)]
        self._popen = subprocess.Popen(
            [sys.executable, "-c", _READER, *arguments], stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._popen.kill()
        self._popen.wait()

    @property
    def running(self) -> bool:
        """Whether it still reads."""
        return self._popen.poll() is None

    def rest(self) -> list[_Reading]:
        """All its readings, when it has ended.

        Raises:
            Failure: One of them was none.
        """
        output, _ = self._popen.communicate(timeout=60)
        readings = [line.split() for line in output.splitlines()]
        if len(readings) != SCRAPES or any(status != "200" for status, *_ in readings):
            raise Failure(f"the page could not be read: {output[-300:]!r}")
        return [(int(size), float(begin), float(end)) for _, size, begin, end in readings]


def _ask(port: int, reader: _Reader) -> list[tuple[float, float]]:
    """Ask for a small page, again and again, while somebody reads the large one. Returns each wait."""
    waits = []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while reader.running:
            begin = time.monotonic()
            client.sendall(_ASKED)
            answer = client.recv(65536)
            while answer and not answer.endswith(b"}"):
                answer += client.recv(65536)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise Failure("the small page could not be read")
            waits.append((begin, time.monotonic()))
    return waits
