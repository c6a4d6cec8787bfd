"""Questions to a running gateway over its management API."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from jairouter.command.failures import Misused, NoGateway, Refused, Unreachable

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of an answer: a configuration of thousands of instances takes a few."""

_NO_ANSWER: Final = "no answer from {} within {:g} s"
_UNKNOWN: Final = "; whether it was done is not known: see jairouter versions"


class Http:
    """One gateway. Each question is a connection of its own: there are few of them.

    Args:
        url: Where it is; a path in it is put before the path of every question.
        timeout: Seconds for which it may be silent.
        hint: What else can be done when there is none; follows the reason.

    Raises:
        Misused: That is no URL of a gateway.
    """

    def __init__(self, url: str, timeout: float, hint: str = "") -> None:
        self.url = url.rstrip("/")
        self._hint = hint
        self._timeout = timeout
        told = "the URL of the gateway: expected http://HOST:PORT or https://HOST:PORT"
        try:
            parts = urlsplit(self.url)
            self._host, self._port = parts.hostname, parts.port
        except ValueError:
            raise Misused(told) from None
        if parts.scheme not in {"http", "https"} or not self._host or parts.query or parts.fragment:
            raise Misused(told)
        if parts.username is not None:
            raise Misused("the URL of the gateway: a name and password have no place in it")
        self._encrypted = parts.scheme == "https"
        self._prefix = parts.path

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None = None,
        body: bytes | None = None,
        content_type: str = "",
    ) -> Any:
        """Ask for something.

        Args:
            method: Of HTTP.
            path: Below the URL, beginning with a slash.
            query: Parameters; those that are None are left out.
            body: What is sent, if anything.
            content_type: What that is.

        Returns:
            The ``data`` of the answer.

        Raises:
            Refused: The gateway says no.
            Unreachable: There is none, or it says nothing that could be understood.
        """
        given = {name: value for name, value in (query or {}).items() if value is not None}
        target = f"{self._prefix}{path}" + (f"?{urlencode(given)}" if given else "")
        headers = {"Accept": "application/json", "Connection": "close"}
        if body is not None:
            headers["Content-Type"] = content_type
        elif method == "POST":
            body = b""  # so that its length is said: 0
        try:
            status, content = self._exchange(method, target, body, headers)
        except TimeoutError:
            unknown = "" if method == "GET" else _UNKNOWN
            raise Unreachable(_NO_ANSWER.format(self.url, self._timeout) + unknown) from None
        except OSError as error:
            reason = f"cannot reach {self.url}: {_reason(error)}{self._hint}"
            raise (NoGateway if _is_nobody(error) else Unreachable)(reason) from None
        except http.client.HTTPException as error:
            unknown = "" if method == "GET" else _UNKNOWN
            reason = f"{type(error).__name__} in its answer"
            raise Unreachable(f"cannot understand {self.url}: {reason}{unknown}") from None
        return self._data(status, content)

    def _exchange(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        assert self._host is not None
        connection: http.client.HTTPConnection
        if self._encrypted:
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=context
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            connection.request(method, target, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read(MOST_BYTES)
        finally:
            connection.close()

    def _data(self, status: int, content: bytes) -> Any:
        try:
            envelope = json.loads(content)
        except (ValueError, RecursionError):
            envelope = None
        if not isinstance(envelope, dict) or not isinstance(envelope.get("success"), bool):
            told = "nothing that its management API would say; is it a jairouter, and management.api.enabled?"
            raise Unreachable(f"{self.url} answers with status {status} and {told}")
        if envelope["success"]:
            return envelope.get("data")
        message = envelope.get("message") or envelope.get("errorCode") or f"status {status}"
        raise Refused(str(message), map(_fault, envelope.get("errors") or ()))


def _fault(error: object) -> str:
    """Write a fault as check-config does: ``origin: path: message``."""
    if not isinstance(error, dict):
        return str(error)
    return ": ".join(str(error[name]) for name in ("origin", "path", "message") if error.get(name))


def _reason(error: OSError) -> str:
    """Say what the system says, without its number."""
    return error.strerror or str(error) or type(error).__name__


def _is_nobody(error: OSError) -> bool:
    """Whether nothing listens there, by a word of the system that leaves no doubt."""
    return isinstance(error, ConnectionRefusedError | socket.gaierror)
