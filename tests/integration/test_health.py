"""Health checks: real backends that die, come back, say nothing, or are not there at all."""

from __future__ import annotations

import json
import re
import socket
import sys
from functools import partial
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import Gateway, Server, configuration, simulator, wait_until

CHECKED: dict[str, Any] = {
    "enabled": True,
    "interval": "100ms",
    "timeout": "20s",
    "failure-threshold": 2,
    "success-threshold": 2,
}
NOISY = (sys.executable, "-m", "jairouter.simulator", "--port", "0", "--latency", "0")
DOWN = r"chat/m at {}: down after 2 failed checks: {}"
UP = r"chat/m at {}: up after 2 good checks"


class Mute:
    """Accepts connections, which its kernel does for it, and never answers.

    Attributes:
        url: Where.
    """

    def __init__(self, host: str) -> None:
        self._listening = socket.socket()
        self._listening.bind((host, 0))
        self._listening.listen(1000)
        self._listening.setblocking(False)
        self._accepted: list[socket.socket] = []
        self.url = f"http://{host}:{self._listening.getsockname()[1]}"

    def accepted(self) -> int:
        """How many connections there were."""
        while True:
            try:
                self._accepted.append(self._listening.accept()[0])
            except BlockingIOError:
                return len(self._accepted)

    def close(self) -> None:
        """Listen no more."""
        for each in (self._listening, *self._accepted):
            each.close()


def refusing(host: str) -> str:
    """The URL of a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind((host, 0))
        return f"http://{host}:{taken.getsockname()[1]}"


class HealthTests(SynchronousTestCase):
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

    def simulator(self, *arguments: str, quiet: bool = True) -> Server:
        """A backend, ended with the test; one that is not quiet says what it is asked for."""
        backend = simulator(*arguments) if quiet else Server([*NOISY, *arguments])
        self.addCleanup(backend.stop)
        return backend

    def mute(self, host: str = "127.0.0.1") -> Mute:
        """A backend that never answers."""
        mute = Mute(host)
        self.addCleanup(mute.close)
        return mute

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

    def test_dies_and_comes_back(self) -> None:
        """Once it is down no request fails; once it is up again it gets some."""
        one, other = self.simulator("--name", "one"), self.simulator("--name", "other")
        gateway = self.gateway({"base-url": one.url, "id": "one"}, {"base-url": other.url, "id": "other"})
        wait_until(lambda: self.ask(gateway) == (200, "one"), "an answer of the one")
        one.stop()
        gateway.wait_for(DOWN.format("one", "connection refused"))
        self.assertEqual({self.ask(gateway) for _ in range(30)}, {(200, "other")})
        self.simulator("--name", "one", "--port", str(one.port))
        gateway.wait_for(UP.format("one"))
        wait_until(lambda: self.ask(gateway) == (200, "one"), "an answer of the one again")
        self.assertNotIn("other: down", gateway.output)

    def test_never_answers(self) -> None:
        """It accepts connections, so only the timeout tells; no descriptor stays behind."""
        mute = self.mute()
        gateway = self.gateway({"base-url": mute.url, "id": "mute"}, timeout="100ms")
        gateway.wait_for(DOWN.format("mute", r"no answer within 0\.1 s"))
        self.assertEqual(self.ask(gateway)[0], 503)
        before = gateway.descriptors(), mute.accepted()
        wait_until(lambda: mute.accepted() >= before[1] + 10, "ten more checks")
        # (One check may be under way at either look)
        self.assertLessEqual(gateway.descriptors(), before[0] + 1)

    def test_wrong_key_and_unknown_path(self) -> None:
        """401 and 404 are answers: whoever gives them is up."""
        closed = self.simulator("--fault", "error;status=401", quiet=False)
        elsewhere = self.simulator(quiet=False)
        broken = self.simulator("--fault", "error;status=500")
        gateway = self.gateway(
            {"base-url": closed.url, "id": "closed"},
            {"base-url": elsewhere.url, "id": "elsewhere"},
            {"base-url": broken.url, "id": "broken"},
            path="/v1/unknown",
        )
        gateway.wait_for(DOWN.format("broken", "status 500"))
        closed.wait_for(r"(GET /v1/unknown 0 bytes -> 401\n){5}")
        elsewhere.wait_for(r"(GET /v1/unknown 0 bytes -> 404\n){5}")
        self.assertEqual(re.findall(r"at (\w+): down", gateway.output), ["broken"])

    def test_tcp(self) -> None:
        """It is enough that it accepts connections."""
        mute = self.mute()
        gateway = self.gateway(
            {"base-url": mute.url, "id": "mute"},
            {"base-url": refusing("127.0.0.1"), "id": "gone"},
            type="tcp",
        )
        gateway.wait_for(DOWN.format("gone", "connection refused"))
        wait_until(lambda: mute.accepted() >= 5, "five checks")
        self.assertNotIn("mute: down", gateway.output)

    def told(self, gateway: Gateway, pattern: str, times: int) -> bool:
        return len(re.findall(pattern, gateway.output)) == times

    def test_fifty_dead_hosts(self) -> None:
        """Those that refuse and those that say nothing do not delay the checks of one that is alive.

        If they were asked one after the other, it would be asked as often as each of them.
        """
        mutes = [self.mute(f"127.0.2.{n}") for n in range(1, 26)]
        alive = self.simulator("--name", "alive", quiet=False)
        gateway = self.gateway(
            *({"base-url": refusing(f"127.0.1.{n}"), "id": f"refusing-{n}"} for n in range(1, 26)),
            *({"base-url": each.url, "id": f"mute-{n}"} for n, each in enumerate(mutes)),
            {"base-url": alive.url, "id": "alive"},
            timeout="2s",
        )
        wait_until(lambda: min(each.accepted() for each in mutes) >= 3, "three checks of each")
        asked = alive.output.count("GET /v1/models ")
        self.assertGreater(asked, 2 * max(each.accepted() for each in mutes))
        for name in ("refusing", "mute"):
            wait_until(partial(self.told, gateway, rf"{name}-\d+: down", 25), f"25 lines about {name}")
        self.assertEqual({self.ask(gateway) for _ in range(10)}, {(200, "alive")})
