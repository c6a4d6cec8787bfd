"""The gateway, as operators run it."""

from __future__ import annotations

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
        sections: More of its configuration.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, name: str, backends: Mapping[str, int], **sections: Any) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="jairouter-bench-gateway-")
        (self.port,) = free_ports(1)
        path = Path(self._folder.name, "jairouter.yml")
        path.write_text(json.dumps(_configuration(self.port, backends, sections), indent=1))
        twistd = Path(sys.executable).with_name("twistd")
        super().__init__(name, [twistd, "-n", "--pidfile=", "jairouter", "--config", path])
        self.wait_for_port(self.port)

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
