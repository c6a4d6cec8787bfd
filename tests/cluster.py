"""A whole gateway in front of several backends on a network in memory."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes import Client
from tests.world import ScriptedBackend, ScriptedConnection, World

PORT = 9000

_CONFIGURATION = """
server: {{address: 127.0.0.1, port: 8080, drain: {{delay: 5s, timeout: 60s}}}}
webclient: {{connection-timeout: 5s, read-timeout: 20s, write-timeout: 10s}}
logging: {{access: {{enabled: false}}}}
model:
  retry: {retry}
  services:
    chat: {{instances: {chat}}}
    stt: {{instances: {stt}}}
"""


class Automaton(ScriptedConnection):
    """Answers every request in the same way."""

    status, body = "200 OK", b"{}"

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        if data.startswith(b"POST"):
            self.answer(self.body, status=self.status)


class Backend(ScriptedBackend):
    """One of them.

    Attributes:
        status: What every request is answered with; None for what the test says.
        requests: How many came.
    """

    def __init__(self) -> None:
        super().__init__()
        self.status: str | None = None

    def buildProtocol(self, addr: object) -> ScriptedConnection:
        if self.status is None:
            return super().buildProtocol(addr)
        automaton = Automaton()
        automaton.status = self.status
        self.connections.append(automaton)
        return automaton

    @property
    def requests(self) -> int:
        return sum(bytes(each.received).count(b"POST /") for each in self.connections)


class Cluster(World):
    """A gateway, some backends for the models `m` (JSON) and `w` (forms), and clients.

    Args:
        number: How many backends.
        in_order: Whether the first one is preferred, then the second one, ...; else any.
        same: Whether they can be told apart at all... by priority only.
        retry: Settings of `model.retry`.
    """

    def __init__(self, number: int = 2, *, in_order: bool = True, **retry: Any) -> None:
        instances = [
            {
                "base-url": f"http://10.0.0.{index}:{PORT}",
                "instance-id": f"backend-{index}",
                "priority": index if in_order else 0,
            }
            for index in range(1, number + 1)
        ]
        retry = {name.replace("_", "-"): value for name, value in retry.items()}
        super().__init__(
            _CONFIGURATION.format(
                retry=json.dumps({"delay": 0, **retry}),
                chat=json.dumps([{"name": "m", **each} for each in instances]),
                stt=json.dumps([{"name": "w", **each} for each in instances]),
            )
        )
        self.backends: list[Backend] = []
        for index in range(1, number + 1):
            self.backends.append(Backend())
            self.network.listenTCP(PORT, self.backends[-1], interface=f"10.0.0.{index}")

    def refuse(self, index: int) -> None:
        """Nobody listens there any more."""
        del self.network.listeners[f"10.0.0.{index + 1}", PORT]

    def vanish(self, index: int) -> None:
        """Connecting there never ends."""
        self.network.black_holes.add((f"10.0.0.{index + 1}", PORT))

    def outcomes(self) -> dict[str, int]:
        """How attempts ended, and how many so."""
        words = ("succeeded", "failed", "throttled", "neutral", "abandoned")
        name = "jairouter_backend_calls_total"
        counts = {word: int(self.metric(name, outcome=word)) for word in words}
        return {word: count for word, count in counts.items() if count}


def answer_of(client: Client) -> tuple[int, dict[bytes, bytes], bytes]:
    """The one answer that it has got: status, headers with names in lower case, body."""
    head, _, body = bytes(client.received).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(b": ") for line in lines[1:])}
    return int(lines[0].split()[1]), headers, body
