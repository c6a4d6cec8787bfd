"""What parts that can be switched off add to each request: the same gateway with and without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import wrk
from benchmarks.bench import Bench
from benchmarks.contestants import Contestant, gateway_contestant, request_body, take_turns
from benchmarks.figures import Rounds
from benchmarks.gateway import Gateway
from benchmarks.report import Budget, Section

MODEL = "small"
SIZE = 600
CONNECTIONS = 64
TURNS = 2
"""How many turns each has in a round: differences are small beside the noise."""


SAMPLED = 0.1
"""The share of requests that is traced."""


@dataclass(frozen=True, slots=True)
class Setup:
    """One way to configure the gateway.

    Attributes:
        name: In the report.
        sections: Of the configuration.
        budget: Microseconds that it may add to a request; None where none is set.
    """

    name: str
    sections: Mapping[str, Any]
    budget: float | None = None


def secured(bench: Bench) -> Section:
    """Measure what it costs to know callers."""
    keys = {"enabled": True, "keys": [{"name": "wrk", "value": wrk.KEY, "permissions": ["chat:read"]}]}
    with TemporaryDirectory(prefix="jairouter-bench-audit-") as folder:
        audit = {"enabled": True, "storage": {"file-path": f"{folder}/audit.log"}}
        setups = (
            Setup("security off", {}),
            Setup("API key", {"security": {"api-key": keys}}, 10.0),
            Setup("API key, audit file", {"security": {"api-key": keys, "audit": audit}}),
        )
        return _measure(bench, "Security", _ABOUT_SECURED, setups)


def observed(bench: Bench) -> Section:
    """Measure what it costs to tell the operator."""
    off = {"logging": {"access": {"enabled": False}}, "monitoring": {"enabled": False}}
    receiver = f"http://127.0.0.1:{bench.backend.ports[MODEL]}/v1/traces"  # (which takes everything)
    with TemporaryDirectory(prefix="jairouter-bench-access-") as folder:
        on = {"logging": {"access": {"enabled": True, "file": str(Path(folder, "access.log"))}}}
        tracing = {"enabled": True, "sampling": {"ratio": SAMPLED}}
        setups = [
            Setup("nothing", off),
            Setup("metrics, access log", on),
            Setup(
                f"the same, tracing {SAMPLED:.0%}",
                {**on, "tracing": {**tracing, "exporter": {"type": "none"}}},
                15.0,
            ),
        ]
        if find_spec("opentelemetry") is not None:  # an extra
            sending = {"type": "otlp", "otlp": {"endpoint": receiver}}
            setups.append(
                Setup("the same, spans sent by OTLP", {**on, "tracing": {**tracing, "exporter": sending}})
            )
        return _measure(bench, "Observation", _ABOUT_OBSERVED, setups)


_HOW = f"""\
wrk keeps {CONNECTIONS} connections busy with requests of {SIZE} bytes. Each gateway is a process of its own
in front of the same backend, and they take turns. "Added" is what a request costs more, in microseconds of
CPU time of all threads, than through the first one in the same turn."""
_ABOUT_SECURED = f"""\
What it costs to know the caller by an API key and to look up what it may do. Without security the same header
is passed on to the backend. {_HOW}"""
_ABOUT_OBSERVED = f"""\
What it costs to count each request in all metrics, to write a line about it to a file, and to trace
{SAMPLED:.0%} of them. Traces are kept in memory; where `jairouter[otlp]` is installed, they are sent as well
in the last row, in a thread whose CPU time is in the figure. {_HOW}"""


def _measure(bench: Bench, title: str, about: str, setups: Sequence[Setup]) -> Section:
    runs = bench.attempt(title.lower(), partial(_runs, bench, setups))
    return section(title, about, setups if runs else (), runs or {})


def section(
    title: str, about: str, setups: Sequence[Setup], runs: Mapping[str, Sequence[wrk.Run]]
) -> Section:
    """What was measured; the first is what the others are held against, turn by turn."""
    rows: list[list[str]] = []
    budgets: list[Budget] = []
    for setup in setups:
        cpu = Rounds.of([run.cpu for run in runs[setup.name]])
        rate = Rounds.of([run.rate for run in runs[setup.name]]).median
        added = cpu.minus(Rounds.of([run.cpu for run in runs[setups[0].name]]))
        cells = ["", ""] if setup is setups[0] else [f"{added.median:.1f}", added.spread()]
        rows.append([setup.name, f"{rate:.0f}", f"{cpu.median:.1f}", cpu.spread(), *cells])
        if setup.budget is not None:
            budgets.append(Budget(f"added to a request by {setup.name}", setup.budget, added.median, "us"))
    columns = ("gateway with", "requests/s", "CPU us/request", "from - to", "added us", "from - to")
    return Section(title, about, columns, rows, 1, budgets)


def _runs(bench: Bench, setups: Sequence[Setup]) -> dict[str, list[wrk.Run]]:
    load = wrk.Load(MODEL, request_body(MODEL, SIZE), CONNECTIONS)
    with ExitStack() as stack:
        contestants = []
        for setup in setups:
            gateway = Gateway(setup.name, {MODEL: bench.backend.ports[MODEL]}, **setup.sections)
            stack.callback(gateway.stop)
            contestants.append(gateway_contestant(gateway, [MODEL]))
        for contestant in contestants:
            wrk.warm_up(contestant, load)

        def once(contestant: Contestant) -> wrk.Run:
            return wrk.run(contestant, load, bench.backend, bench.seconds)

        return take_turns(contestants, TURNS * bench.rounds, once)
