"""Several backends behind one model: one dies, one is slow, all are gone."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import Gateway, configuration, simulator, wait_until

PLAIN = {"model": "org/chat", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**PLAIN, "stream": True}
CHECKS = {"enabled": True, "interval": "0.2s", "timeout": "0.5s", "failure-threshold": 2}
BREAKER = {"enabled": True, "failure-threshold": 3, "recovery-timeout": "0.3s"}


class Reply:
    """An answer, and where it came from.

    Args:
        response: As it came.
        seconds: What it took.
    """

    def __init__(self, response: http.client.HTTPResponse, seconds: float) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()
        self.seconds = seconds
        self.instance = response.headers["X-Jairouter-Instance"]


class Case(SynchronousTestCase):
    """Three backends of one model, called `a`, `b` and `c`."""

    model: Mapping[str, Any] = {}

    def start(self, *arguments: tuple[str, ...]) -> None:
        """Start the backends, each with its arguments, and a gateway in front of them."""
        self.backends = {name: simulator(*each) for name, each in zip("abc", arguments, strict=False)}
        tree = configuration("http://127.0.0.1:1")
        chat = [
            {"name": "org/chat", "instance-id": name, "base-url": backend.url}
            for name, backend in self.backends.items()
        ]
        tree["model"] = {"services": {"chat": {"instances": chat}}, **self.model}
        self.gateway = Gateway(tree)
        self.addCleanup(self.stop)

    def stop(self) -> None:
        self.gateway.wait_at_rest()
        self.gateway.stop()
        for backend in self.backends.values():
            backend.stop()

    def ask(self, payload: object = PLAIN, fault: str = "") -> Reply:
        client = self.gateway.connect()
        try:
            headers = {"Content-Type": "application/json", **({"X-Simulate": fault} if fault else {})}
            began = time.monotonic()
            client.request("POST", "/v1/chat/completions", json.dumps(payload), headers)
            response = client.getresponse()
            return Reply(response, time.monotonic() - began)
        finally:
            client.close()

    def restart(self, name: str) -> None:
        port = self.backends[name].port
        self.backends[name] = simulator("--port", str(port))


class DeathTests(Case):
    """One of three is killed while clients ask."""

    model = {
        "load-balance": {"type": "round-robin", "slow-start": "3s", "health-check": CHECKS},
        "circuit-breaker": BREAKER,
    }

    def test_no_client_sees_it(self) -> None:
        """And when it is back it gets its share again, little by little."""
        self.start((), (), ())
        stopped, replies, failures = threading.Event(), [], []

        def client() -> None:
            while not stopped.wait(0.005):
                try:
                    replies.append((time.monotonic(), self.ask()))
                except Exception as error:
                    failures.append(repr(error))

        clients = [threading.Thread(target=client, daemon=True) for _ in range(4)]
        for each in clients:
            each.start()
        try:
            wait_until(lambda: {each.instance for _, each in replies} == {*"abc"}, "all three answer")
            self.backends["b"].stop()
            self.wait_for_change("b", answers=False, replies=replies)
            killed_for = len(replies)
            wait_until(lambda: len(replies) > killed_for + 100, "a hundred answers without it")
            self.restart("b")
            back = time.monotonic()
            self.wait_for_change("b", answers=True, replies=replies)
            wait_until(lambda: time.monotonic() > back + 6, "six seconds")
        finally:
            stopped.set()
            for each in clients:
                each.join()
        self.assertEqual(failures, [])
        self.assertEqual(Counter(each.status for _, each in replies), {200: len(replies)})
        first = next(at for at, each in replies if at > back and each.instance == "b")
        early = self.share("b", [each for at, each in replies if first <= at < first + 0.8])
        late = self.share("b", [each for at, each in replies if at > first + 3.5])
        self.assertLess(early, late * 0.7, (early, late))
        self.assertGreater(late, 0.25)

    def wait_for_change(self, name: str, *, answers: bool, replies: list[tuple[float, Reply]]) -> None:
        """Wait until the last twenty answers have come from it, or not."""

        def changed() -> bool:
            last = [each.instance for _, each in replies[-20:]]
            return (name in last) is answers

        wait_until(changed, f"{name} {'answers' if answers else 'does not answer'}")

    def share(self, name: str, replies: list[Reply]) -> float:
        return sum(1 for each in replies if each.instance == name) / max(len(replies), 1)


class SlowTests(Case):
    """One is ten times slower than the others."""

    model = {"load-balance": {"type": "least-latency"}}

    def test_its_share_is_taken_away(self) -> None:
        self.start(("--latency", "0.02"), ("--latency", "0.2"), ("--latency", "0.02"))
        instances: list[str] = []

        def client() -> None:
            instances.extend(self.ask().instance for _ in range(40))

        clients = [threading.Thread(target=client, daemon=True) for _ in range(4)]
        for each in clients:
            each.start()
        for each in clients:
            each.join()
        counts = Counter(instances)
        self.assertEqual(counts.total(), 160)
        self.assertLess(counts["b"], 160 * 0.15, counts)


class AllDownTests(Case):
    """Nobody is there."""

    model = {"load-balance": {"health-check": CHECKS}, "circuit-breaker": BREAKER}

    def test_a_clear_answer_at_once(self) -> None:
        self.start((), ())
        for backend in self.backends.values():
            backend.stop()
        wait_until(lambda: self.ask().status == 503, "503")
        replies = [self.ask() for _ in range(20)]
        self.assertEqual({each.status for each in replies}, {503})
        for each in replies:
            self.assertGreaterEqual(int(each.headers["Retry-After"]), 1)
            self.assertEqual(json.loads(each.body)["error"]["code"], "no_healthy_upstream")
        # The quickest of twenty, so that a busy machine makes no failure of it
        self.assertLess(min(each.seconds for each in replies), 0.05)


class BrokenStreamTests(Case):
    """A stream breaks after the client has read some of it, or before."""

    # Ten requests that are unlucky with the order of their backends need twenty retries at once
    model = {"retry": {"budget": {"min-per-second": 10}}}

    def test_it_is_not_begun_again(self) -> None:
        self.start(("--tokens", "8"), ("--tokens", "8"), ("--tokens", "8"))
        for _ in range(5):
            reply = self.ask(STREAM, "pace;tokens-per-second=50,reset-mid-body;after=3")
            self.assertEqual((reply.status, reply.headers["X-Jairouter-Attempts"]), (200, "1"))
            self.assertEqual(reply.body.count(b'"error":{'), 1)
        calls = self.gateway.metric("jairouter_backend_calls_total")
        self.assertEqual(calls, 5)

    def test_a_broken_beginning_is(self) -> None:
        """Nothing of the first attempts has reached the client."""
        self.start(("--fault", "reset"), ("--fault", "error;status=503"), ())
        replies = [self.ask(STREAM) for _ in range(10)]
        self.assertEqual({(each.status, each.instance) for each in replies}, {(200, "c")})
        self.assertTrue(all(each.body.endswith(b"data: [DONE]\n\n") for each in replies))
