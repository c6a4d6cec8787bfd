"""Tests for `jairouter.control_plane`: the management API beside what a gateway serves."""

from __future__ import annotations

import json
import random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.assembly import assemble
from jairouter.config.files import Text
from jairouter.control_plane import ControlPlane
from jairouter.reloading.reading import Reading
from tests.fakes import Network
from tests.web.serving import Received, answers

CONFIGURATION = """
server: {address: 127.0.0.1, port: 8080}
store: {type: memory}
config: {reload: {watch: false}}
logging: {access: {enabled: false}}
model: {services: {chat: {instances: [{name: m, base-url: "http://10.0.0.1:9000"}]}}}
"""


class TreeCase(SynchronousTestCase):
    """A gateway in memory, with its control plane."""

    def start(self, more: str = "", instance: str = "") -> None:
        """Start a gateway.

        Args:
            more: YAML besides.
            instance: Further members of the instance.
        """
        self.network, thread = Network(), Network.run_in_thread
        text = CONFIGURATION.replace("}]}}}", f", {instance}}}]}}}}}}") if instance else CONFIGURATION
        reading = Reading([Text("a.yml", text.encode()), Text("b.yml", more.encode())], (), {}, lambda: 0.0)
        beginning = reading.begin()
        gateway = assemble(beginning.loaded.settings, self.network, random.Random(0), thread)
        seconds = self.network.seconds
        self.plane = ControlPlane(gateway, reading, beginning, self.network, thread, seconds)
        gateway.listener.open()
        self.addCleanup(gateway.close)
        self.gateway = gateway

    def ask(self, path: str, method: str = "GET") -> Received:
        client = self.network.connect("127.0.0.1", 8080)
        request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
        client.send(request.encode())
        self.network.run()
        return answers(client.received)[0]

    def json(self, path: str) -> Any:
        return json.loads(self.ask(path).body)


class TreeTests(TreeCase):
    """Who serves what."""

    def test_both_prefixes_of_the_data_plane(self) -> None:
        """One of them lies below the management API's own, and is everybody's."""
        self.start("management: {api: {allow-from: []}}")
        for prefix in ("/v1", "/api/v1"):
            self.assertEqual([each["id"] for each in self.json(f"{prefix}/models")["data"]], ["m"])
            self.assertEqual(self.json(f"{prefix}/models/m")["id"], "m")
            self.assertEqual(self.json(f"{prefix}/nothing")["error"]["code"], "unknown_url")
            self.assertEqual(self.ask(f"{prefix}/chat/completions").status, 405)
        self.assertEqual(self.json("/api/models")["errorCode"], "FORBIDDEN")

    def test_endpoints_below_that_prefix(self) -> None:
        self.start()
        self.assertTrue(self.json("/api/v1/routing-monitor")["success"])
        self.assertTrue(self.json("/api/models")["success"])
        self.assertEqual(self.json("/api/nothing")["errorCode"], "NOT_FOUND")

    def test_switched_off(self) -> None:
        self.start("management: {api: {enabled: false}}")
        for path in ("/api/models", "/api/v1/routing-monitor", "/v3/api-docs", "/swagger-ui"):
            self.assertEqual(self.ask(path).status, 404, path)
        self.assertEqual(self.ask("/api/v1/models").status, 200)

    def test_labels(self) -> None:
        """Both are counted under their own names."""
        self.start()
        for path in ("/api/v1/models", "/api/v1/routing-monitor", "/api/v1/nothing"):
            self.ask(path)
        counted = self.ask("/actuator/prometheus").body.decode()
        for uri in ("/api/v1/models", "/api/v1/routing-monitor", "UNKNOWN"):
            self.assertIn(f'uri="{uri}"', counted)
        self.assertNotIn("/api/v1/nothing", counted)
