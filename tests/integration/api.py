"""A client of the management API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tests.integration.processes import Server


@dataclass(frozen=True)
class Told:
    """What the management API answered.

    Attributes:
        status: Of HTTP.
        envelope: The whole body.
        etag: The version in force, as it was told.
    """

    status: int
    envelope: dict[str, Any]
    etag: str | None

    @property
    def data(self) -> Any:
        """What was asked for."""
        if not self.envelope["success"]:
            raise AssertionError(self.envelope)
        return self.envelope.get("data")

    @property
    def code(self) -> str | None:
        """Why it was refused."""
        return self.envelope.get("errorCode")


def call(
    server: Server, method: str, path: str, body: Any = None, *, match: int | None = None, **query: Any
) -> Told:
    """Ask for something.

    Args:
        server: The gateway.
        method: Of HTTP.
        path: Below ``/api``, without a slash at its beginning.
        body: JSON values; None for no body.
        match: The version that was seen.
        query: Parameters.
    """
    target = f"/api/{path}" + (f"?{urlencode(query)}" if query else "")
    headers: Mapping[str, str] = {
        **({"Content-Type": "application/json"} if body is not None else {}),
        **({"If-Match": f'"{match}"'} if match is not None else {}),
    }
    client = server.connect()
    try:
        client.request(method, target, None if body is None else json.dumps(body), headers)
        response = client.getresponse()
        return Told(response.status, json.loads(response.read()), response.headers["ETag"])
    finally:
        client.close()


def instance_path(service: str, instance: str) -> str:
    """Where an instance is, below ``/api``."""
    return f"config/instance/{service}/{quote(instance, safe='')}"
