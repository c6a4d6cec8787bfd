"""Requests and answers that are no streams, as many as will go."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from benchmarks import wrk
from benchmarks.bench import GATEWAY, NGINX, Bench
from benchmarks.contestants import Contestant, request_body, take_turns
from benchmarks.figures import Rounds
from benchmarks.report import Budget, Section

SMALL = 600
LARGE = 64 * 1024
BUDGET = 6.0
_BUDGET_CASE = "64 connections"

ABOUT = """\
wrk keeps so many connections busy: each sends its next request when it has its answer. The answer has about
600 bytes, and so has the request, unless the row says otherwise. The gateway opens at most 500 connections to
one backend (`webclient.connection-pool.max-connections`), so with 1000 half of the requests wait for one."""


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    load: wrk.Load


def _cases() -> list[_Case]:
    small = request_body("small", SMALL)
    cases = [
        _Case(f"{count} connection{'s' if count > 1 else ''}", wrk.Load("small", small, count))
        for count in (1, 8, 64, 256, 1000)
    ]
    return [
        *cases,
        _Case("64, request of 64 KB", wrk.Load("small", request_body("small", LARGE), 64)),
        _Case("64, answer of 64 KB", wrk.Load("large", request_body("large", SMALL), 64, answer_size=LARGE)),
        _Case("64, Connection: close", wrk.Load("small", small, 64, keep_alive=False)),
    ]


def measure(bench: Bench) -> Section:
    """Measure all cases."""
    rows: list[list[str]] = []
    budgets: list[Budget] = []
    _ = bench.contestants  # those that cannot even be started end the run
    for case in _cases():
        results = bench.attempt(f"plain requests, {case.name}", partial(_run, bench, case))
        if results is None:
            continue
        yardstick = Rounds.of([run.cpu for run in results[NGINX]])
        for name, runs in results.items():
            cpu = Rounds.of([run.cpu for run in runs])
            rows.append(_row(case, name, runs, cpu, cpu.per(yardstick)))
            if name == GATEWAY and case.name == _BUDGET_CASE:
                ratio = cpu.per(yardstick).median
                budgets.append(Budget(f"CPU per request, {case.name}", BUDGET, ratio, "x nginx"))
    columns = ("case", "through", "requests/s", "p50 ms", "p99 ms", "CPU us/request", "from - to")
    return Section("Plain requests", ABOUT, (*columns, "x nginx", "from - to"), rows, 2, budgets)


def _run(bench: Bench, case: _Case) -> dict[str, list[wrk.Run]]:
    for contestant in bench.contestants:
        wrk.warm_up(contestant, case.load)

    def once(contestant: Contestant) -> wrk.Run:
        return wrk.run(contestant, case.load, bench.backend, bench.seconds)

    return take_turns(bench.contestants, bench.rounds, once)


def _row(case: _Case, name: str, runs: list[wrk.Run], cpu: Rounds, ratio: Rounds) -> list[str]:
    same = name == NGINX
    return [
        case.name,
        name,
        f"{Rounds.of([run.rate for run in runs]).median:.0f}",
        f"{Rounds.of([run.p50 for run in runs]).median:.2f}",
        f"{Rounds.of([run.p99 for run in runs]).median:.2f}",
        f"{cpu.median:.1f}",
        cpu.spread(),
        "1" if same else f"{ratio.median:.2f}",
        "" if same else ratio.spread(2),
    ]
