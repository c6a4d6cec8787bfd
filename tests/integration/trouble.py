"""Three gateways in trouble of all kinds that alerts are for, and how each of them is mended.

One of them gets the traffic. One speaks TLS, wants keys, and has a certificate that soon ends. One goes away.
"""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.integration.processes import PATIENCE, TWISTD, Gateway, Server, configuration, simulator
from tests.integration.proxies import free_ports
from tests.integration.secure import SecureGateway, certificate, replace
from tests.upstream.authority import root, write

KEY: Final = "sk-front-q7Zr4Wm9Xc2Vb8Nk3Lp6"
FRONT: Final = {"name": "front", "value": KEY, "permissions": ["read"]}
GONE: Final = "http://127.0.0.1:1"
"""Nobody listens there."""
PLENTY: Final = 1 << 50
LIMITED: Final = """
import pathlib, sys
from twisted.scripts.twistd import run
from jairouter.telemetry.metrics import process
limit = pathlib.Path(sys.argv.pop(1))
process.memory_limit = lambda root=None: int(limit.read_text())
run()
"""
"""Runs a gateway whose control group has the limit that a file says."""


def _loaded(backend: str, dying: str) -> dict[str, Any]:
    """The gateway that gets the traffic: each kind of trouble has a service of its own."""
    tree = configuration(backend)
    services = tree["model"]["services"]
    services["chat"] = {
        "instances": [
            {"name": "m", "base-url": backend},
            {"name": "m", "base-url": backend.replace("127.0.0.1", "localhost")},
            {"name": "slow", "base-url": backend},
            {"name": "gone", "base-url": GONE, "weight": 1},
        ],
        "fallback": {"enabled": True, "models": {"gone": ["m"]}},
        "retry": {"delay": 0, "budget": {"ratio": 0.1, "min-per-second": 0.1}},
    }
    services["embedding"]["rate-limit"] = {
        "enabled": True,
        "algorithm": "token-bucket",
        "capacity": 1,
        "rate": 1,
    }
    services["rerank"]["instances"][0]["base-url"] = dying
    services["rerank"]["load-balance"] = {"health-check": {"enabled": True, "interval": "200ms"}}
    services["tts"]["circuit-breaker"] = {
        "enabled": True,
        "failure-threshold": 2,
        "success-threshold": 1,
        "recovery-timeout": 100,
    }
    often = {"min-interval-ms": 1, "min-occurrences": 1, "suppression-window-ms": 1}
    tree["monitoring"] = {
        "metrics": {"thresholds": {"imgGen": 1}},
        "slow-query-alert": {"enabled": True, "global": {**often, "max-alerts-per-hour": 100000}},
    }
    tree["security"] = {"sanitization": {"request": {"enabled": True}}}
    tags = {"application": "jairouter", "environment": "production", "instance": "gateway-1"}
    tree["management"] = {"metrics": {"tags": tags}}  # as in the guide, where one hides Prometheus' own
    return tree


class Trouble:
    """All of it.

    Args:
        folder: For certificates and the like.

    Attributes:
        targets: Where the gateways are: schemes by port.
        failures: What clients got instead of an answer.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._limit = folder / "limit"
        self._limit.write_text(f"{PLENTY}")
        self._stopping = threading.Event()
        self._mended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._good = ""
        self.failures: list[str] = []
        self._started: list[Server] = []
        try:
            self._start_all()
        except BaseException:
            self.stop()
            raise

    def _start_all(self) -> None:
        self._backend = self._start(simulator("--tokens", "8"))
        self._dying = self._start(simulator())
        self._loaded = self._start(self._limited(_loaded(self._backend.url, self._dying.url)))
        self._secure = self._start(self._with_keys())
        self._leaving_configuration = configuration(
            self._backend.url, server={"port": free_ports("leaving")["leaving"]}
        )
        self._leaving = self._start(Gateway(self._leaving_configuration))
        self.targets = {self._loaded.port: "http", self._secure.port: "https", self._leaving.port: "http"}

    def _start(self, started: Any) -> Any:
        self._started.append(started)
        return started

    def _limited(self, tree: dict[str, Any]) -> Gateway:
        return Gateway(tree, (sys.executable, "-c", LIMITED, self._limit, *TWISTD[1:]))

    def _with_keys(self) -> SecureGateway:
        write(self._folder, root_pem=root().pem)
        self._certify(days=5)
        pem, key = (str(self._folder / f"live.{kind}") for kind in ("pem", "key"))
        return SecureGateway(
            self._backend.url,
            self._folder,
            server={"ssl": {"enabled": True, "certificate": pem, "certificate-private-key": key}},
            config={"reload": {"debounce": "0.1s", "interval": "0.5s"}},
            security={"api-key": {"enabled": True, "keys": [FRONT]}},
        )

    def _certify(self, days: int) -> None:
        held = certificate(days=(-1, days))
        replace(self._folder / "live.key", held.key_pem())
        replace(self._folder / "live.pem", held.pem)

    # -- what goes on all the time, and what is wrong with it ------------------

    def begin(self) -> None:
        """Let clients come, all of whom meet with trouble until it is mended."""
        for pause, work in (
            (0.1, self._chat),
            (0.1, self._stream),
            (0.5, self._rare),
            (0.1, self._embed),
            (0.1, self._paint),
            (0.2, self._call),
        ):
            self._repeat(pause, work)
        for _ in range(24):
            self._repeat(0.05, self._wait_long)

    def _repeat(self, pause: float, work: Callable[[], object]) -> None:
        def run() -> None:
            while not self._stopping.wait(pause):
                try:
                    work()
                except (OSError, http.client.HTTPException) as error:
                    if not self._stopping.is_set():
                        self.failures.append(f"{work.__name__}: {error!r}")

        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def _post(
        self, path: str, payload: dict[str, Any], fault: str = "", server: Server | None = None, key: str = ""
    ) -> int:
        headers = {"Content-Type": "application/json", "X-Simulate": fault, "Authorization": f"Bearer {key}"}
        client = (server or self._loaded).connect()
        try:
            client.request("POST", f"/v1/{path}", json.dumps(payload), headers)
            response = client.getresponse()
            response.read()
            return response.status
        finally:
            client.close()

    def _ask(self, model: str, fault: str = "", **more: Any) -> int:
        messages = [{"role": "user", "content": "Call 13812345678"}]
        return self._post("chat/completions", {"model": model, "messages": messages, **more}, fault)

    def _chat(self) -> None:
        self._ask("m")
        if not self._mended.is_set():
            self._ask("m", "error")

    def _stream(self) -> None:
        self._ask("m", "pace;tokens=8;tokens-per-second=100", stream=True)

    def _rare(self) -> None:
        """What is no trouble, or not for an alert: something to see in each panel."""
        self._ask("gone")
        if not self._mended.is_set():
            self._ask("m", "error-event;after=2", stream=True)
        with socket.create_connection(("127.0.0.1", self._secure.port), PATIENCE) as stranger:
            stranger.sendall(b"this is not TLS\r\n\r\n")

    def _embed(self) -> None:
        if not self._mended.is_set():
            self._post("embeddings", {"model": "embed", "input": "x"})

    def _paint(self) -> None:
        if not self._mended.is_set():
            self._post("images/generations", {"model": "paint", "prompt": "x"}, "pace;latency=0.05")

    def _wait_long(self) -> None:
        if not self._mended.is_set():
            self._ask("slow", "stall-before-headers;for=5.5", stream=True)

    def _call(self) -> None:
        self._post("embeddings", {"model": "embed", "input": "x"}, server=self._secure, key=KEY)
        if not self._mended.is_set():
            self._post("embeddings", {"model": "embed", "input": "x"}, server=self._secure, key="sk-wrong")
            self._secure.send_signal(signal.SIGSTOP)
            time.sleep(0.3)
            self._secure.send_signal(signal.SIGCONT)

    # -- trouble that is made once ---------------------------------------------

    def make(self) -> None:
        """Make all the trouble that clients do not make."""
        self._limit.write_text("1000000")
        for _ in range(2):
            self._post("audio/speech", {"model": "speak", "input": "x", "voice": "x"}, "error")
        self._dying.stop()
        self._good = self._secure.file.read_text()
        replace(self._secure.file, b"{server: {port: many}}")
        self._leaving.stop()

    def mend(self) -> None:
        """Let there be no more trouble."""
        self._mended.set()
        self._limit.write_text(f"{PLENTY}")
        replace(self._secure.file, self._good.encode())
        self._certify(days=90)
        self._start(simulator("--port", str(self._dying.port)))
        self._start(Gateway(self._leaving_configuration))
        while self._post("audio/speech", {"model": "speak", "input": "x", "voice": "x"}) != 200:
            time.sleep(0.1)

    def stop(self) -> None:
        """End all of it."""
        self._stopping.set()
        for each in self._threads:
            each.join(30)
        for started in reversed(self._started):
            started.stop()

    def __str__(self) -> str:
        return "\n".join([*self.failures[-20:], *(str(each) for each in self._started if each.running)])
