"""A whole gateway with its management API, in memory, as a browser meets it."""

from __future__ import annotations

import json
import random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.assembly import assemble
from jairouter.config.files import Text
from jairouter.control_plane import ControlPlane
from jairouter.reloading.reading import Reading
from tests.fakes import Client, Network
from tests.web.serving import Received, answers
from tests.world import BACKEND, ScriptedBackend

CONFIGURATION = """
server: {address: 127.0.0.1, port: 8080}
store: {type: memory}
config: {reload: {watch: false}}
logging: {access: {enabled: false}}
management: {endpoints: {web: {exposure: {include: "*"}}}}
model:
  services:
    chat: {instances: [{name: m, base-url: "http://10.0.0.1:9000"}]}
    stt: {instances: [{name: w, base-url: "http://10.0.0.1:9000"}]}
"""
CHAT = "/v1/chat/completions"
ASK = b'{"model": "m"}'


def fields(answer: Client) -> list[tuple[str, str]]:
    """Names in lower case and values of the head of the first answer, each line by itself."""
    head = bytes(answer.received).partition(b"\r\n\r\n")[0]
    lines = [line.partition(b": ") for line in head.split(b"\r\n")[1:]]
    return [(name.decode().lower(), value.decode("latin-1")) for name, _, value in lines]


class WholeCase(SynchronousTestCase):
    """A gateway whose only backend is the test."""

    def start(self, more: str = "") -> None:
        """Start a gateway."""
        self.network, thread = Network(), Network.run_in_thread
        reading = Reading(
            [Text("a.yml", CONFIGURATION.encode()), Text("b.yml", more.encode())], (), {}, float
        )
        beginning = reading.begin()
        self.gateway = assemble(beginning.loaded.settings, self.network, random.Random(0), thread)
        self.plane = ControlPlane(
            self.gateway, reading, beginning, self.network, thread, self.network.seconds
        )
        self.gateway.listener.open()
        self.backend = ScriptedBackend()
        self.network.listenTCP(BACKEND[1], self.backend, interface=BACKEND[0])
        self.addCleanup(self.stop)

    def stop(self) -> None:
        self.gateway.site.abort()
        self.gateway.close()
        self.network.run(200)
        self.assertEqual(list(self.network.getDelayedCalls()), [])

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Client:
        """Connect, send a request and let it travel. Names of headers are written with underscores."""
        given = {"Host": "localhost:8080", "Content-Length": str(len(body)), **headers}
        if body and "Content_Type" not in headers:
            given["Content-Type"] = "application/json"
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items() if value)
        client = self.network.connect("127.0.0.1", 8080)
        client.send(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body)
        self.network.run()
        return client

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Received:
        """The answer to one request."""
        return answers(self.send(method, path, body, **headers).received)[0]

    def json(self, method: str, path: str, body: bytes = b"", **headers: str) -> Any:
        """The same as JSON."""
        return json.loads(self.ask(method, path, body, **headers).body)
