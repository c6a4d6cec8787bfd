"""Event streams, each event a packet of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from benchmarks.bench import BURSTS, EVENTS_EACH, GATEWAY, NGINX, SPREAD, STREAMS, Bench
from benchmarks.contestants import Contestant, request_body, take_turns
from benchmarks.figures import Rounds
from benchmarks.paced import EVENT, INTERVAL
from benchmarks.processes import Failure
from benchmarks.report import Budget, Section
from benchmarks.streams import Streams

BUDGET = 2.5
CASES = {SPREAD: "one by one", BURSTS: "all streams at once"}
"""What the report calls them, by the model that stands for each."""
_ALONE = 0.9
"""Least part of the events that must have come by themselves for a figure to be one per packet."""

ABOUT = f"""\
{STREAMS} streams at once, of {EVENTS_EACH} events each, on connections that are used again. The backend
sends each stream an event of {len(EVENT)} bytes every {INTERVAL * 1000:.0f} ms, {STREAMS / INTERVAL:.0f}
in all a second: either set off against each other, so that the proxy wakes up for nearly every event, or
all streams at the same moment, so that it finds many at a time. "Alone" is the part of the events that
reached the client with no other in the same read. CPU time per event includes the request that began the
stream; nginx has `proxy_buffering off`."""


@dataclass(frozen=True, slots=True)
class _Run:
    cpu: float
    alone: float


def measure(bench: Bench) -> Section:
    """Measure all contestants."""
    rows: list[list[str]] = []
    budgets: list[Budget] = []
    notes: list[str] = []
    _ = bench.contestants  # those that cannot even be started end the run
    for model, case in CASES.items():
        results = bench.attempt(f"event streams, {case}", partial(_run, bench, model))
        if results is None:
            continue
        for name, runs in results.items():
            cpu = Rounds.of([run.cpu for run in runs])
            ratio = cpu.per(Rounds.of([run.cpu for run in results[NGINX]]))
            alone = Rounds.of([run.alone for run in runs]).median
            rows.append(_row(case, name, cpu, ratio, alone))
            if alone < _ALONE:
                notes.append(f"only {alone:.0%} of the events through {name} came alone ({case})")
            if name == GATEWAY:
                budgets.append(Budget(f"CPU per event, {case}", BUDGET, ratio.median, "x nginx"))
    columns = ("events come", "through", "CPU us/event", "from - to", "x nginx", "from - to", "alone")
    return Section("Event streams", ABOUT, columns, rows, 2, budgets, notes)


def _run(bench: Bench, model: str) -> dict[str, list[_Run]]:
    waves = max(1, round(bench.seconds / (EVENTS_EACH * INTERVAL)))
    body = request_body(model, 600, stream=True)
    clients = {each.name: Streams(each.name, each.ports[model], body) for each in bench.contestants}

    def once(contestant: Contestant) -> _Run:
        client = clients[contestant.name]
        before = contestant.process.cpu()
        results = [client.wave() for _ in range(waves)]
        cpu = contestant.process.cpu() - before
        events = sum(wave.events for wave in results)
        if events != waves * STREAMS * EVENTS_EACH:
            raise Failure(f"{contestant.name}: {events} events instead of {waves * STREAMS * EVENTS_EACH}")
        return _Run(cpu / events * 1e6, sum(wave.alone for wave in results) / events)

    try:
        for client in clients.values():
            client.connect(STREAMS)
            client.wave()
        return take_turns(bench.contestants, bench.rounds, once)
    finally:
        for client in clients.values():
            client.close()


def _row(case: str, name: str, cpu: Rounds, ratio: Rounds, alone: float) -> list[str]:
    figures = [f"{cpu.median:.1f}", cpu.spread()]
    ratios = ["1", ""] if name == NGINX else [f"{ratio.median:.2f}", ratio.spread(2)]
    return [case, name, *figures, *ratios, f"{alone:.1%}"]
