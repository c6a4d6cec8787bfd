"""Health checks: real backends that die, come back, say nothing, or are not there at all."""

from __future__ import annotations

import json
import re
import socket
import time
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import Gateway, Server, configuration, simulator, wait_until

CHECKED: dict[str, Any] = {
    "enabled": True,
    "interval": "100ms",
    "timeout": "500ms",
    "failure-threshold": 2,
    "success-threshold": 2,
}
DOWN = r"chat/m at {}: down after 2 failed checks: {}"
UP = r"chat/m at {}: up after 2 good checks"


class HealthCase(SynchronousTestCase):
    """A gateway whose instances are checked all the time."""

    def gateway(self, *instances: dict[str, Any], **check: Any) -> Gateway:
        """Start it in front of these, each of the model m."""
        tree = configuration("http://127.0.0.1:9")
        tree["model"] = {
            "load-balance": {"health-check": {**CHECKED, **check}, "slow-start": "0s"},
            "services": {"chat": {"instances": [{"name": "m", **each} for each in instances]}},
        }
        gateway = Gateway(tree)
        self.addCleanup(gateway.stop)
        return gateway

    def simulator(self, *arguments: str) -> Server:
        """A backend, ended with the test."""
        backend = simulator(*arguments)
        self.addCleanup(backend.stop)
        return backend

    def listener(self, host: str = "127.0.0.1") -> str:
        """The URL of somebody who accepts connections (his kernel does it for him) and never answers."""
        listening = socket.socket()
        self.addCleanup(listening.close)
        listening.bind((host, 0))
        listening.listen(100)
        return f"http://{host}:{listening.getsockname()[1]}"

    def ask(self, gateway: Gateway) -> tuple[int, str | None]:
        """One request. Returns status and who answered."""
        client = gateway.connect()
        try:
            body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
            client.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
            response = client.getresponse()
            response.read()
            return response.status, response.headers["X-Simulator"]
        finally:
            client.close()


class BackendTests(HealthCase):
    """What becomes of backends."""

    def test_dies_and_comes_back(self) -> None:
        """Once it is down no request fails; once it is up again it gets some."""
        one, other = self.simulator("--name", "one"), self.simulator("--name", "other")
        gateway = self.gateway(
            {"base-url": one.url, "id": "one"},
            {"base-url": other.url, "id": "other"},
        )
        wait_until(lambda: self.ask(gateway) == (200, "one"), "an answer of the one")
        one.stop()
        gateway.wait_for(DOWN.format("one", "connection refused"))
        self.assertEqual({self.ask(gateway) for _ in range(30)}, {(200, "other")})
        self.simulator("--name", "one", "--port", str(one.port))
        gateway.wait_for(UP.format("one"))
        wait_until(lambda: self.ask(gateway) == (200, "one"), "an answer of the one again")
        self.assertNotIn("other: down", gateway.output)

    def test_never_answers(self) -> None:
        """It accepts connections, so only the timeout tells, and the log says how long that was."""
        gateway = self.gateway(
            {"base-url": self.listener(), "id": "mute"}, {"base-url": self.simulator().url}
        )
        gateway.wait_for(DOWN.format("mute", r"no answer within 0\.5 s"))
        self.assertEqual({self.ask(gateway)[0] for _ in range(10)}, {200})

    def test_all_down(self) -> None:
        """Nobody is asked in vain."""
        backend = self.simulator("--fault", "refuse")
        gateway = self.gateway({"base-url": backend.url, "id": "one"})
        gateway.wait_for(DOWN.format("one", "connection refused"))
        self.assertEqual(self.ask(gateway)[0], 503)

    def test_wrong_key_and_unknown_path(self) -> None:
        """401 and 404 are answers: whoever gives them is up."""
        closed = self.simulator("--fault", "error;status=401")
        gateway = self.gateway(
            {"base-url": closed.url, "id": "closed"},
            {"base-url": self.simulator().url, "id": "elsewhere"},
            {"base-url": self.simulator("--fault", "error;status=500").url, "id": "broken"},
            path="/v1/nothing/of/the/kind",
        )
        gateway.wait_for(DOWN.format("broken", "status 500"))
        time.sleep(0.5)  # as many more checks of the others as would do
        self.assertEqual(re.findall(r"at (\w+): down", gateway.output), ["broken"])

    def test_tcp(self) -> None:
        """It is enough that it accepts connections."""
        refusing = self.simulator("--fault", "refuse")
        gateway = self.gateway(
            {"base-url": self.listener(), "id": "mute"},
            {"base-url": refusing.url, "id": "gone"},
            type="tcp",
        )
        gateway.wait_for(DOWN.format("gone", "connection refused"))
        time.sleep(0.5)
        self.assertNotIn("mute: down", gateway.output)
