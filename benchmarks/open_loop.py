"""Latency at a rate that is far from the limit, as callers see it who do not wait for each other."""

from __future__ import annotations

from functools import partial

from benchmarks.arrivals import Arrivals, Latencies
from benchmarks.bench import GATEWAY, Bench
from benchmarks.contestants import Contestant, request_body, take_turns
from benchmarks.figures import Rounds
from benchmarks.processes import Failure
from benchmarks.report import Budget, Section

RATE = 1000
BUDGET = 5.0
DIRECT = "nothing: the backend itself"

ABOUT = f"""\
{RATE} requests a second of about 600 bytes at random times (exponential gaps, the same in every run),
whether or not those before have been answered. Latency counts from the moment at which a request was due,
so it contains what the generator itself was late; the row without a proxy shows how much that is. "Added"
is the difference to that row, percentile by percentile and round by round."""


def measure(bench: Bench) -> Section:
    """Measure all contestants, and the backend by itself."""
    direct = Contestant(DIRECT, bench.backend, bench.backend.ports)
    body = request_body("small", 600)

    def once(contestant: Contestant) -> Latencies:
        try:
            return Arrivals(contestant.ports["small"], body, RATE).run(bench.seconds)
        except Failure as failure:
            raise Failure(f"{contestant.name}: {failure}") from None

    contestants = [direct, *bench.contestants]
    what = f"open loop at {RATE} requests/s"
    results = bench.attempt(what, partial(take_turns, contestants, bench.rounds, once)) or {}
    rows: list[list[str]] = []
    budgets: list[Budget] = []
    for name, runs in results.items():
        p50, p99 = (Rounds.of([run.p50 for run in runs]), Rounds.of([run.p99 for run in runs]))
        reference = results[DIRECT]
        added50 = p50.minus(Rounds.of([run.p50 for run in reference]))
        added99 = p99.minus(Rounds.of([run.p99 for run in reference]))
        added = ["", ""] if name == DIRECT else [f"{added50.median:.2f}", f"{added99.median:.2f}"]
        worst = max(run.worst for run in runs)
        late = Rounds.of([run.late for run in runs]).median
        figures = [f"{p50.median:.2f}", f"{p99.median:.2f}", p99.spread(2), f"{worst:.1f}"]
        rows.append([name, *figures, *added, f"{late:.2f}"])
        if name == GATEWAY:
            budgets.append(Budget(f"p99 added at {RATE} requests/s", BUDGET, added99.median, "ms"))
    columns = (
        "through",
        "p50 ms",
        "p99 ms",
        "from - to",
        "worst ms",
        "added p50",
        "added p99",
        "sent late p99",
    )
    return Section("Latency in an open loop", ABOUT, columns, rows, 1, budgets)
