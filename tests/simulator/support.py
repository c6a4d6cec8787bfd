"""A client without a socket: writes requests into a simulator and reads what it wrote."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping
from email.message import Message
from http.client import HTTPResponse
from random import Random
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from jairouter.simulator.options import Options
from jairouter.simulator.simulator import Simulator

MESSAGES = [{"role": "user", "content": "Good day"}]


class _Socket:
    """As much of a socket as http.client needs to read an answer."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


@dataclasses.dataclass(frozen=True)
class Received:
    """An answer as the client read it."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Any]:
        """The data of all server-sent events; JSON is decoded, `[DONE]` left as it is."""
        data = [
            line.removeprefix("data: ")
            for line in self.body.decode().split("\n")
            if line.startswith("data: ")
        ]
        return [one if one == "[DONE]" else json.loads(one) for one in data]

    def names(self) -> list[str]:
        """The names of all server-sent events."""
        lines = self.body.decode().split("\n")
        return [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]

    def lines(self) -> list[Any]:
        """All lines, as JSON."""
        return [json.loads(line) for line in self.body.splitlines()]


class Peer:
    """One connection to a simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self.transport = StringTransport()
        self.channel = simulator.site().buildProtocol(None)
        self.channel.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        self.channel.dataReceived(data)

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a whole request."""
        lines = [f"{method} {path} HTTP/1.1", "Host: simulator"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        lines += [f"Content-Length: {len(body)}"] if body or method == "POST" else []
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def leave(self) -> None:
        """Close the connection from this side."""
        self.channel.connectionLost(Failure(ConnectionDone()))

    def take(self) -> bytes:
        """Return what was written since the last time."""
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def answer(self) -> Received:
        """Read one complete answer.

        Raises:
            IncompleteRead: If it is cut short.
        """
        response = HTTPResponse(_Socket(self.take()))  # type: ignore[arg-type]
        response.begin()
        body = response.read()
        return Received(response.status, response.headers, body)


class Bench:
    """A simulator under a fake clock, and a client for it."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.simulator = Simulator(self.clock, Random(1), Options(**options))
        self.peer = Peer(self.simulator)

    def begin(self, path: str, value: object, **headers: str) -> Peer:
        """Send a JSON request, `x_simulate="..."` making a header, and return its connection."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        named["Content-Type"] = "application/json"
        self.peer.request("POST", path, json.dumps(value).encode(), named)
        return self.peer

    def post(self, path: str, value: object, **headers: str) -> Received:
        """Send a JSON request, let enough time pass for its answer, and return that."""
        peer = self.begin(path, value, **headers)
        self.settle()
        return peer.answer()

    def get(self, path: str) -> Received:
        self.peer.request("GET", path)
        return self.peer.answer()

    def chat(self, model: str = "m", **members: Any) -> Received:
        """Ask for a chat completion with further members in the request."""
        return self.post("/v1/chat/completions", chat(model, **members))

    def settle(self) -> None:
        """Let everything happen that takes less than a hundred seconds."""
        for _ in range(1000):
            calls = self.clock.getDelayedCalls()
            if not calls:
                return
            self.clock.advance(max(0, calls[0].getTime() - self.clock.seconds()))


def chat(model: str = "m", **members: Any) -> dict[str, Any]:
    """Return the body of a request for a chat completion."""
    return {"model": model, "messages": MESSAGES, **members}


def form(*parts: tuple[str, str | None, bytes], boundary: str = "b0undary") -> bytes:
    """Return a form with parts given as name, file name and bytes."""
    made = b""
    for name, filename, data in parts:
        disposition = f'form-data; name="{name}"'
        if filename is not None:
            disposition += f'; filename="{filename}"\r\nContent-Type: application/octet-stream'
        made += f"--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
        made += data + b"\r\n"
    return made + f"--{boundary}--\r\n".encode()


FORM = {"Content-Type": 'multipart/form-data; boundary="b0undary"'}
