"""A whole gateway on a network in memory: real bytes on both sides, a fake clock, seeded randomness."""

from __future__ import annotations

import json
import random
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from jairouter.assembly import Gateway, assemble
from jairouter.auth.signing import read_signing
from jairouter.config.faults import Findings
from jairouter.config.files import Text
from jairouter.config.loader import load
from jairouter.config.settings.root import Settings
from tests.fakes import Client, Network

GATEWAY = ("127.0.0.1", 8080)
BACKEND = ("10.0.0.1", 9000)

CONFIGURATION = """
server: {address: 127.0.0.1, port: 8080, drain: {delay: 5s, timeout: 60s}}
webclient:
  connection-timeout: 5s
  read-timeout: 20s
  write-timeout: 10s
  connection-pool: {max-connections: 4, pending-acquire-timeout: 8s}
logging: {access: {enabled: false}}
model:
  services:
    chat: {instances: [{name: m, base-url: "http://10.0.0.1:9000"}]}
    embedding: {instances: [{name: e, base-url: "http://10.0.0.1:9000"}]}
    tts: {instances: [{name: t, base-url: "http://10.0.0.1:9000"}]}
    stt: {instances: [{name: w, base-url: "http://10.0.0.1:9000"}]}
"""


class ScriptedConnection(Protocol):
    """The backend's end of one connection: notes what arrives, says what the test tells it to.

    Attributes:
        received: Everything that arrived.
        closed: Why it ended, or None.
    """

    def __init__(self) -> None:
        self.received = bytearray()
        self.closed: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: B008 - as Twisted's
        self.closed = reason

    @property
    def wire(self) -> Any:
        """Its transport."""
        return self.transport

    def say(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.wire.write(data)

    def answer(self, body: bytes, *, status: str = "200 OK", content_type: str = "application/json") -> None:
        """Send a complete answer."""
        head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.say(head.encode() + body)

    def begin_stream(self, content_type: str = "text/event-stream") -> None:
        """Send the head of a chunked answer."""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.say(head.encode())

    def chunk(self, data: bytes) -> None:
        """Send one chunk of it; an empty one ends it."""
        self.say(b"%x\r\n%b\r\n" % (len(data), data))


class ScriptedBackend(Factory):
    """A backend whose connections the test plays by hand."""

    noisy = False

    def __init__(self) -> None:
        self.connections: list[ScriptedConnection] = []

    def buildProtocol(self, addr: object) -> ScriptedConnection:
        self.connections.append(ScriptedConnection())
        return self.connections[-1]

    @property
    def last(self) -> ScriptedConnection:
        """The connection made last."""
        return self.connections[-1]


class World:
    """A gateway, a backend, and clients.

    Args:
        configuration: YAML, or what was made of it; by default one backend for each of a few services.
        seed: Of the randomness.
        network: To run on; by default one of its own.
    """

    def __init__(
        self, configuration: str | Settings = CONFIGURATION, seed: int = 0, network: Network | None = None
    ) -> None:
        self.network = network or Network()
        if isinstance(configuration, str):
            configuration = load([Text("test.yml", configuration.encode())], (), {}).settings
        self.settings = configuration
        self.gateway: Gateway = assemble(
            configuration,
            self.network,
            random.Random(seed),
            self.network.run_in_thread,
            signing=read_signing(configuration.security.jwt, {}, Findings(), development=True),
        )
        self.gateway.listener.privilegedStartService()
        self.gateway.listener.startService()
        self.gateway.prober.start()
        self.backend = ScriptedBackend()
        self.network.listenTCP(BACKEND[1], self.backend, interface=BACKEND[0])

    @property
    def at_rest(self) -> bool:
        """Whether nothing is lent out."""
        return self.gateway.ledger.at_rest

    def client(self) -> Client:
        """A new connection to the gateway."""
        return self.network.connect(*GATEWAY)

    def run(self, seconds: float = 0.0) -> None:
        """Let bytes travel and time pass."""
        self.network.run(seconds)

    def ask(self, payload: dict[str, Any] | bytes, path: str = "/v1/chat/completions") -> Client:
        """Connect, send one JSON request and let it travel."""
        client = self.client()
        client.send(post(payload, path))
        self.run()
        return client

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples of this name that have these labels."""
        return sum(
            sample.value
            for family in self.gateway.observing.registry.collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def close(self) -> list[Any]:
        """Stop everything. Returns the delayed calls that are left, which should be none."""
        stopped = self.gateway.listener.stopService()
        self.run(130)
        self.gateway.close()
        self.run()
        assert stopped.called
        return list(self.network.getDelayedCalls())


def post(payload: dict[str, Any] | bytes, path: str = "/v1/chat/completions") -> bytes:
    """One JSON request as bytes."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
