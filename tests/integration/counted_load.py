"""A load of all that clients do, counted by those who do it, and by the backends that answer."""

from __future__ import annotations

import http.client
import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from tests.integration.processes import Gateway, Server
from tests.integration.wire import Peer, post, sse_events

KEY: Final = "sk-front-q7Zr4Wm9Xc2Vb8Nk3Lp6"
TOKENS: Final = 8
QUESTION: Final[dict[str, Any]] = {
    "model": "m",
    "messages": [{"role": "user", "content": "How are you today?"}],
}
CHAT: Final = "/v1/chat/completions"
PLAIN: Final = "/v1/completions"
"""On this path one of the two backends always fails."""
LEFT: Final = 499


class Counts:
    """What clients have counted.

    Attributes:
        answered: By path and status.
        tokens: As they were told, by kind.
        unexpected: Answers that were others than they should be.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._lock = threading.Lock()
        self.answered: Counter[tuple[str, int]] = Counter()
        self.tokens: Counter[str] = Counter()
        self.unexpected: list[str] = []

    def run(self, jobs: dict[str, int], seed: int = 7, at_once: int = 8) -> None:
        """Do so many of each in a random order.

        Args:
            jobs: Names of methods, and how often each is called.
            seed: Of the order.
            at_once: Clients at the same time.
        """
        todo = [name for name, number in jobs.items() for _ in range(number)]
        random.Random(seed).shuffle(todo)
        with ThreadPoolExecutor(at_once) as threads:
            for done in [threads.submit(getattr(self, name)) for name in todo]:
                done.result()

    def chat(self) -> None:
        """An answer in one piece."""
        self._told(json.loads(self._post(CHAT, QUESTION, 200)))

    def completion(self) -> None:
        """One that may take a second attempt."""
        self._told(json.loads(self._post(PLAIN, {"model": "m", "prompt": "How are you"}, 200)))

    def stream(self) -> None:
        """A stream that tells its usage in the end."""
        options = {"stream": True, "stream_options": {"include_usage": True}}
        *_, last, done = sse_events(self._post(CHAT, {**QUESTION, **options}, 200))
        if done != "[DONE]":
            self.unexpected.append(str(done))
        self._told(last)

    def unknown_model(self) -> None:
        """Nobody has it."""
        self._post(CHAT, {**QUESTION, "model": "made-up"}, 404)

    def wrong_key(self) -> None:
        """Nobody knows it."""
        self._post(CHAT, QUESTION, 401, key="sk-wrong")

    def refused_by_backend(self) -> None:
        """The caller's own fault."""
        self._post(CHAT, QUESTION, 422, "error;status=422")

    def failed(self) -> None:
        """All attempts fail."""
        self._post(CHAT, QUESTION, 503, "error;status=503")

    def limited(self) -> None:
        """Some of these are refused, one never knows which."""
        body = self._post("/v1/embeddings", {"model": "embed", "input": "How are you"}, 200, or_else=429)
        if b"error" not in body:
            self._told(json.loads(body))

    def leave(self) -> None:
        """A stream of which the client has enough after two tokens."""
        peer = Peer.to(self._gateway.port)
        payload = {**QUESTION, "stream": True}
        fault = "X-Simulate: pace;tokens=1000;tokens-per-second=20"
        peer.say(post(payload, CHAT, f"Authorization: Bearer {KEY}", fault))
        for _ in range(3):  # the first event has no token yet
            peer.until(b"\n\n")
        peer.socket.close()
        self._count(CHAT, LEFT)

    def break_it(self) -> int:
        """Ask a service until its breaker is open. Returns how many attempts failed."""
        for failed in range(100):
            body = self._post(
                "/v1/audio/speech", {"model": "speak", "input": "x", "voice": "x"}, 500, "error", 503
            )
            if b"simulated" not in body:
                return failed
        raise AssertionError("it does not open")

    def _told(self, answer: Any) -> None:
        usage = answer["usage"]
        with self._lock:
            self.tokens["prompt"] += usage["prompt_tokens"]
            self.tokens["completion"] += usage.get("completion_tokens", 0)

    def _count(self, path: str, status: int) -> None:
        with self._lock:
            self.answered[path, status] += 1

    def _post(
        self, path: str, payload: object, status: int, fault: str = "", or_else: int = 0, key: str = KEY
    ) -> bytes:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}", "X-Simulate": fault}
        client: http.client.HTTPConnection = self._gateway.connect()
        try:
            client.request("POST", path, json.dumps(payload), headers)
            response = client.getresponse()
            body = response.read()
        finally:
            client.close()
        self._count(path, response.status)
        if response.status not in (status, or_else):
            self.unexpected.append(f"{path} {response.status} {body[:200]!r}")
        return body


def asked(backend: Server) -> Counter[tuple[str, int]]:
    """What a backend has answered, by path and status, by what it printed."""
    lines = re.findall(r"^POST (\S+) \d+ bytes -> (\d+)$", backend.output, re.MULTILINE)
    return Counter((path, int(status)) for path, status in lines)


def total(counts: Counter[tuple[str, int]], wanted: Callable[[str, int], bool]) -> int:
    """How many of those there were."""
    return sum(number for (path, status), number in counts.items() if wanted(path, status))
