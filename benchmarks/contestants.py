"""Who is measured, and the turns they take."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from benchmarks.gateway import Gateway
from benchmarks.processes import Process

PATH = "/v1/chat/completions"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Contestant:
    """Something that a request can be sent to.

    Attributes:
        name: In the report.
        process: Whose CPU time counts.
        ports: Where each model is reached.
    """

    name: str
    process: Process
    ports: Mapping[str, int]

    def url(self, model: str) -> str:
        """Where requests for this model go."""
        return f"http://127.0.0.1:{self.ports[model]}{PATH}"


def gateway_contestant(gateway: Gateway, models: Sequence[str]) -> Contestant:
    """A gateway: all models are behind one port."""
    return Contestant(gateway.name, gateway, dict.fromkeys(models, gateway.port))


def request_body(model: str, size: int, stream: bool = False) -> bytes:
    """A chat request of exactly this many bytes."""
    body = {
        "model": model,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant. Answer briefly."},
            {"role": "user", "content": ""},
        ],
        "temperature": 0.7,
        "stream": stream,
    }
    text = json.dumps(body)
    return text.replace('"content": ""', f'"content": "{"q" * (size - len(text))}"').encode()


def take_turns(
    contestants: Sequence[Contestant], rounds: int, measure: Callable[[Contestant], _T]
) -> dict[str, list[_T]]:
    """Measure each once per round, so that all meet the same noise. Every other round goes backwards."""
    results: dict[str, list[_T]] = {each.name: [] for each in contestants}
    for number in range(rounds):
        for contestant in contestants if number % 2 == 0 else reversed(contestants):
            contestant.process.check()
            results[contestant.name].append(measure(contestant))
            contestant.process.forget_output()
    return results
