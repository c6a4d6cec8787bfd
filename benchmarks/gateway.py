"""The gateway, as operators run it."""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.processes import Process, free_ports


class Gateway(Process):
    """One `twistd` process with every filter switched on.

    Args:
        name: What messages call it.
        backends: Ports to pass on to, by the name of the model behind them.
        others: How many instances there are besides, which nobody asks for anything.
        sections: More of its configuration.

    Attributes:
        port: Where it listens.
    """

    changing_service = "embedding"
    changing = "other-0"
    """An instance whose weight may change: one of the others."""

    def __init__(self, name: str, backends: Mapping[str, int], others: int = 0, **sections: Any) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="jairouter-bench-gateway-")
        (self.port,) = free_ports(1)
        self._path = Path(self._folder.name, "jairouter.yml")
        store = {"path": f"{self._folder.name}/versions", **sections.pop("store", {})}
        self._tree = _configuration(self.port, backends, {**sections, "store": store})
        if others:
            self._tree["model"]["services"][self.changing_service] = {
                "instances": [_other(number, next(iter(backends.values()))) for number in range(others)]
            }
        self._write()
        twistd = Path(sys.executable).with_name("twistd")
        super().__init__(name, [twistd, "-n", "--pidfile=", "jairouter", "--config", self._path])
        self.wait_for_port(self.port)

    @property
    def answers(self) -> bool:
        """Whether it does; by then it takes its signals too."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            client.request("GET", "/actuator/health")
            return client.getresponse().status == 200
        except OSError:
            return False
        finally:
            client.close()

    def write(self, weight: int) -> None:
        """Give the instance that may change another weight, in the file."""
        self._tree["model"]["services"][self.changing_service]["instances"][0]["weight"] = weight
        self._write()

    def _write(self) -> None:
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps(self._tree, indent=1))
        beside.replace(self._path)

    def stop(self) -> None:
        """See `Process.stop`."""
        super().stop()
        self._folder.cleanup()


def _configuration(port: int, backends: Mapping[str, int], sections: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults, but for the addresses, and with every filter switched on that is off by default.

    Each model has two instances, so that there is something to choose and to try again; both are the same
    backend, so that what is compared does as much.
    """
    instances = [
        {"name": model, "base-url": f"http://127.0.0.1:{backend}", **path}
        for model, backend in backends.items()
        for path in ({}, {"path": "/v1/chat/completions"})
    ]
    limit = {"enabled": True, "capacity": 10**9, "rate": 10**9}
    model = {
        "load-balance": {
            "type": "least-connections",
            "health-check": {"enabled": True, "type": "tcp"},  # not every backend here has a page
            "outlier-detection": {"enabled": True},
        },
        "rate-limit": {**limit, "client-ip-enable": True},
        "circuit-breaker": {"enabled": True},
        "fallback": {"enabled": True},
        "services": {"chat": {"rate-limit": limit, "instances": instances}},
    }
    server = {"address": "127.0.0.1", "port": port, **sections.get("server", {})}
    return {**sections, "server": server, "model": model}


def _other(number: int, backend: int) -> dict[str, Any]:
    """An instance that differs from its neighbours, as those of large installations do."""
    instance: dict[str, Any] = {
        "name": f"model-{number // 3}",
        "instance-id": f"other-{number}",
        "base-url": f"http://127.0.0.1:{backend}",
        "path": f"/{number}/v1/embeddings",
        "weight": 1 + number % 3,
        "headers": {"Authorization": f"Bearer ${{BACKEND_KEY:{number}}}"},
    }
    if number % 4 == 0:
        instance["rate-limit"] = {"enabled": True, "capacity": 100, "rate": 100}
    if number % 4 == 1:
        instance["circuit-breaker"] = {"failure-threshold": 7}
    if number % 10 == 2:
        instance["base-url"] = f"https://127.0.0.1:{backend}"
        instance["tls"] = {"trust-all": number % 20 == 2}
    return instance
