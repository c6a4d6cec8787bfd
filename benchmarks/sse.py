"""Event streams, each event a packet of its own."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.bench import GATEWAY, NGINX, Bench
from benchmarks.contestants import Contestant, request_body, take_turns
from benchmarks.figures import Rounds
from benchmarks.paced import EVENT, EVENTS, INTERVAL, STREAMS
from benchmarks.processes import Failure
from benchmarks.report import Budget, Section
from benchmarks.streams import Streams

BUDGET = 2.5
_ALONE = 0.9
"""Least part of the events that must have come by themselves for a figure to be one per packet."""

ABOUT = f"""\
{STREAMS} streams at once, of {EVENTS} events each, on connections that are used again. The backend sends
each stream an event of {len(EVENT)} bytes every {INTERVAL * 1000:.0f} ms, the streams set off against each
other, so that events come one by one, {STREAMS / INTERVAL:.0f} a second. "Alone" is the part of them that
reached the client with no other event in the same read. CPU time per event includes the request that began
the stream; nginx has `proxy_buffering off`."""


@dataclass(frozen=True, slots=True)
class _Run:
    cpu: float
    alone: float


def measure(bench: Bench) -> Section:
    """Measure all contestants."""
    waves = max(1, round(bench.seconds / (EVENTS * INTERVAL)))
    clients = {
        each.name: Streams(each.name, each.ports["events"], request_body("events", 600, stream=True))
        for each in bench.contestants
    }

    def once(contestant: Contestant) -> _Run:
        client = clients[contestant.name]
        before = contestant.process.cpu()
        results = [client.wave() for _ in range(waves)]
        cpu = contestant.process.cpu() - before
        events = sum(wave.events for wave in results)
        if events != waves * STREAMS * EVENTS:
            raise Failure(f"{contestant.name}: {events} events instead of {waves * STREAMS * EVENTS}")
        return _Run(cpu / events * 1e6, sum(wave.alone for wave in results) / events)

    rows: list[list[str]] = []
    budgets: list[Budget] = []
    notes: list[str] = []
    try:
        bench.say("event streams")
        for client in clients.values():
            client.connect(STREAMS)
            client.wave()
        results = take_turns(bench.contestants, bench.rounds, once)
    except Failure as failure:
        bench.failed(f"event streams: {failure}")
        results = {}
    finally:
        for client in clients.values():
            client.close()
    for name, runs in results.items():
        cpu = Rounds.of([run.cpu for run in runs])
        ratio = cpu.per(Rounds.of([run.cpu for run in results[NGINX]]))
        alone = Rounds.of([run.alone for run in runs]).median
        rows.append(_row(name, cpu, ratio, alone))
        if alone < _ALONE:
            notes.append(
                f"only {alone:.0%} of the events through {name} came alone: the machine was too busy"
            )
        if name == GATEWAY:
            budgets.append(Budget("CPU per event of a stream", BUDGET, ratio.median, "x nginx"))
    columns = ("through", "CPU us/event", "from - to", "x nginx", "from - to", "alone")
    return Section("Event streams", ABOUT, columns, rows, budgets, notes)


def _row(name: str, cpu: Rounds, ratio: Rounds, alone: float) -> list[str]:
    same = name == NGINX
    return [
        name,
        f"{cpu.median:.1f}",
        cpu.spread(),
        "1" if same else f"{ratio.median:.2f}",
        "" if same else ratio.spread(2),
        f"{alone:.1%}",
    ]
