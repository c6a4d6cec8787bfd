"""What the tests of commands share: running one, and a gateway that is not there."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from twisted.trial.unittest import SynchronousTestCase

from jairouter.command import line, places, restoring
from jairouter.command.shell import Shell

NOW = 1_750_000_000.0
"""2025-06-15T15:06:40Z."""
STAMP = "20250615T150640Z"


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed for scripts."""
        return json.loads(self.out)


class Clock:
    """Stands still, but when somebody sleeps."""

    def __init__(self) -> None:
        self.now = NOW

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class CommandTestCase(SynchronousTestCase):
    """Runs commands in this process, with surroundings of their own, in a directory that is empty."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        nowhere = str(self.folder / "no-such-default")
        self.patch(places, "DEFAULT_CONFIGURATION", nowhere)
        self.patch(restoring, "DEFAULT_CONFIGURATION", nowhere)
        self.clock = Clock()
        self.random = Random(7)

    def run_command(
        self,
        *arguments: str | Path,
        environ: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        asked: Callable[[str], str] | None = None,
        hidden: Callable[[str], str] | None = None,
        terminal: bool = False,
    ) -> Ran:
        """Run one.

        Args:
            arguments: Of the command line.
            environ: The environment variables.
            stdin: What comes in.
            asked: There is a person at a terminal, who says this.
            hidden: What that person says when a secret is asked for.
            terminal: Whether what comes in is typed.
        """
        shell = Shell(
            environ or {},
            lambda: self.clock.now,
            self.clock.sleep,
            lambda: asked is not None,
            asked or self.fail,
            hidden or self.fail,
            self.random,
        )
        out, err = io.StringIO(), io.StringIO()
        keyboard = io.TextIOWrapper(io.BytesIO(stdin))
        self.patch(keyboard, "isatty", lambda: terminal)
        self.patch(sys, "stdin", keyboard)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = line.main(list(map(str, arguments)), shell)
            except SystemExit as exited:
                assert isinstance(exited.code, int)
                status = exited.code
        return Ran(status, out.getvalue(), err.getvalue())

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


@dataclass(frozen=True)
class Asked:
    """A question that came."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes | None
    content_type: str | None
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        """The body as JSON values."""
        assert self.body is not None
        return json.loads(self.body)


class FakeGateway:
    """Stands in for connections to a gateway; say in `answers` what it answers at each path.

    An answer is what comes in `data`, an `Exception` that connecting raises, or a pair of status and body.
    """

    def __init__(self, test: SynchronousTestCase) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[Asked] = []
        self.addresses: list[tuple[str, int | None]] = []
        test.patch(http.client, "HTTPConnection", self._connect)

    def _connect(self, host: str, port: int | None = None, timeout: float | None = None) -> Any:
        assert timeout is not None
        self.addresses.append((host, port))
        return _FakeConnection(self)


class _FakeConnection:
    def __init__(self, gateway: FakeGateway) -> None:
        self._gateway = gateway

    def request(self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> None:
        parts = urlsplit(target)
        query, content_type = dict(parse_qsl(parts.query)), headers.get("Content-Type")
        asked = Asked(method, parts.path, query, body, content_type, dict(headers))
        self._gateway.asked.append(asked)
        answer = self._gateway.answers[f"{method} {parts.path}"]
        if callable(answer):
            answer = answer()
        if isinstance(answer, BaseException):
            raise answer
        self._answer = answer

    def getresponse(self) -> Any:
        if isinstance(self._answer, tuple):
            status, content = self._answer
            content = content if isinstance(content, bytes) else json.dumps(content).encode()
            return _FakeAnswer(status, content)
        return _FakeAnswer(200, json.dumps({"success": True, "message": "OK", "data": self._answer}).encode())

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class _FakeAnswer:
    status: int
    content: bytes

    def getheader(self, name: str) -> str | None:
        return None

    def read(self, size: int) -> bytes:
        return self.content[:size]


def refusal(status: int, code: str, message: str, *errors: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """An answer that says no."""
    told = {"success": False, "message": message, "errorCode": code, "timestamp": ""}
    return status, {**told, "errors": list(errors)} if errors else told
