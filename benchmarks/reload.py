"""What callers notice while the configuration changes."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median
from urllib.parse import quote

from benchmarks.arrivals import Arrivals, Latencies
from benchmarks.bench import Bench
from benchmarks.contestants import request_body
from benchmarks.figures import Rounds
from benchmarks.gateway import Gateway
from benchmarks.processes import Failure, wait_until
from benchmarks.report import Budget, Section

SIZES = (10, 100, 500, 2000)
JUDGED = 500
RATE = 300
BUDGET = 30.0
FILES = "file and SIGHUP"
API = "PATCH"

ABOUT = f"""\
{RATE} requests a second at random times, as above, to one model of a gateway with so many instances (with
limits, breakers, health checks, and TLS on some), first while nothing changes, then while the weight of an
instance changes again and again, one change right after the other: through the API, and by a file that is
read anew upon SIGHUP. "A change takes" is the time from asking until it is in force. "Added" is the
difference between the two p99 of the same round."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One round.

    Attributes:
        quiet: While nothing changed.
        changing: While something did.
        taken: Seconds that each change took.
    """

    quiet: Latencies
    changing: Latencies
    taken: list[float]


def measure(bench: Bench) -> Section:
    """Measure the gateway with more and more instances."""
    rows: list[list[str]] = []
    budgets: list[Budget] = []
    for size in SIZES:
        for way in (API, FILES):
            what = f"{size} instances, {way}"
            runs = bench.attempt(what, partial(_measure_one, bench, size, way))
            if not runs:
                continue
            added = Rounds.of([run.changing.p99 for run in runs]).minus(
                Rounds.of([run.quiet.p99 for run in runs])
            )
            taken = [each for run in runs for each in run.taken]
            rows.append(
                [
                    str(size),
                    way,
                    str(len(taken)),
                    f"{median(taken) * 1000:.0f}",
                    f"{median(run.quiet.p99 for run in runs):.1f}",
                    f"{median(run.changing.p99 for run in runs):.1f}",
                    f"{added.median:.1f}",
                    added.spread(),
                    f"{max(run.changing.worst for run in runs):.0f}",
                ]
            )
            if size == JUDGED:
                text = f"p99 added while {size} instances change ({way})"
                budgets.append(Budget(text, BUDGET, added.median, "ms"))
    columns = (
        "instances",
        "changed by",
        "changes",
        "a change takes ms",
        "p99 ms quiet",
        "changing",
        "added",
        "from - to",
        "worst ms",
    )
    return Section("Changes under load", ABOUT, columns, rows, 2, budgets)


def _measure_one(bench: Bench, size: int, way: str) -> list[_Run]:
    with ExitStack() as stack:
        gateway = Gateway(
            f"gateway with {size} instances",
            {"small": bench.backend.ports["small"]},
            others=size - 2,
            logging={"access": {"enabled": False}},
        )
        stack.callback(gateway.stop)
        body = request_body("small", 600)
        change = _Patches(gateway) if way == API else _Files(gateway)
        wait_until(lambda: gateway.answers, "a first answer")
        change()
        Arrivals(gateway.port, body, RATE).run(1)  # until all that is made once is there
        runs = []
        for _ in range(bench.rounds):
            quiet = Arrivals(gateway.port, body, RATE).run(bench.seconds)
            with _Changing(change) as changing:
                busy = Arrivals(gateway.port, body, RATE).run(bench.seconds)
            gateway.check()
            runs.append(_Run(quiet, busy, changing.taken()))
        return runs


class _Changing:
    """Changes one after the other, in a thread, as long as this is open."""

    def __init__(self, change: Callable[[], None]) -> None:
        self._change = change
        self._taken: list[float] = []
        self._failure: Exception | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._go)

    def __enter__(self) -> _Changing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def taken(self) -> list[float]:
        """Seconds that each change took.

        Raises:
            Failure: One failed.
        """
        if self._failure is not None:
            raise Failure(f"a change failed: {self._failure}")
        return self._taken

    def _go(self) -> None:
        try:
            while not self._end.is_set():
                begin = time.monotonic()
                self._change()
                self._taken.append(time.monotonic() - begin)
        except (Failure, OSError, http.client.HTTPException) as failure:
            self._failure = failure


class _Patches:
    """Another weight through the management API."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        key = quote(gateway.changing, safe="")
        self._path = f"/api/config/instance/{gateway.changing_service}/{key}"
        self._weight = 1

    def __call__(self) -> None:
        self._weight = self._weight % 9 + 1
        connection = http.client.HTTPConnection("127.0.0.1", self._gateway.port, timeout=30)
        try:
            body = json.dumps({"weight": self._weight})
            connection.request("PATCH", self._path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            if answer.status != 200:
                raise Failure(f"{answer.status}: {answer.read()[:300]!r}")
        finally:
            connection.close()


class _Files:
    """Another weight in the file."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._weight = 1

    def __call__(self) -> None:
        self._weight = self._weight % 9 + 1
        gateway = self._gateway
        gateway.write(self._weight)
        before = gateway.output.count("(SIGHUP")
        os.kill(gateway.pid, signal.SIGHUP)
        wait_until(lambda: gateway.output.count("(SIGHUP") > before, "the new weight in force")
