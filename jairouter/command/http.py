"""Questions to a running gateway over its management API."""

from __future__ import annotations

import copy
import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from jairouter.command.failures import Denied, Misused, NoGateway, NotTaken, Refused, Unreachable

if TYPE_CHECKING:
    from jairouter.command.credentials import Known

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of an answer: a configuration of thousands of instances takes a few."""

_NO_ANSWER: Final = "no answer from {} within {:g} s"
_UNKNOWN: Final = "; whether it was done is not known: see jairouter versions"


_WHO: Final = (
    "it asks who you are: --api-key-file, --token-file or --username say so "
    "(or the variables JAIROUTER_API_KEY and JAIROUTER_TOKEN)"
)


@dataclass(frozen=True, slots=True)
class Trust:
    """Which certificate of a gateway is a good one.

    Attributes:
        ca_file: A file with the authorities it may come from; None for those of the system.
        anything: Whether it is not looked at.
    """

    ca_file: str | None = None
    anything: bool = False

    def context(self) -> ssl.SSLContext:
        """What TLS needs to know.

        Raises:
            Refused: The file cannot be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:  # of which ssl.SSLError is one
            told = "no certificate in it" if isinstance(error, ssl.SSLError) else _reason(error)
            raise Refused(f"{self.ca_file}: {told}") from None
        if self.anything:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Http:
    """One gateway. Each question is a connection of its own: there are few of them.

    A redirection is not followed: it would carry credentials to another place.

    Args:
        url: Where it is; a path in it is put before the path of every question.
        timeout: Seconds for which it may be silent.
        hint: What else can be done when there is none; follows the reason.
        trust: Which certificate is a good one.

    Attributes:
        url: As above, without a slash at its end.
        host: The host in it.
        encrypted: Whether what is asked is encrypted.

    Raises:
        Misused: That is no URL of a gateway.
    """

    def __init__(self, url: str, timeout: float, hint: str = "", trust: Trust | None = None) -> None:
        self.url = url.rstrip("/")
        self._hint = hint
        self._trust = trust or Trust()
        self._known: Known | None = None
        self._timeout = timeout
        told = "the URL of the gateway: expected http://HOST:PORT or https://HOST:PORT"
        try:
            parts = urlsplit(self.url)
            host, self._port = parts.hostname, parts.port
        except ValueError:
            raise Misused(told) from None
        if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
            raise Misused(told)
        if parts.username is not None:
            raise Misused("the URL of the gateway: a name and password have no place in it")
        self.host: str = host
        self.encrypted = parts.scheme == "https"
        self._prefix = parts.path

    def known_as(self, known: Known) -> Http:
        """The same, asked by somebody."""
        other = copy.copy(self)
        other._known = known
        return other

    def ask_json(self, method: str, path: str, body: Any, query: Mapping[str, object] | None = None) -> Any:
        """Ask for something with JSON values; see `ask`. Returns a mapping, perhaps an empty one."""
        content = json.dumps(body).encode("ascii")
        data = self.ask(method, path, query, content, "application/json")
        if data is None:
            return {}
        if not isinstance(data, Mapping):
            raise Unreachable(f"{self.url} gave an answer that this command does not understand")
        return data

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
            Denied: The gateway does not know who asks, or does not allow it.
            Refused: The gateway says no.
            Unreachable: There is none, or it says nothing that could be understood.
        """
        given = {name: value for name, value in (query or {}).items() if value is not None}
        target = f"{self._prefix}{path}" + (f"?{urlencode(given)}" if given else "")
        headers = {"Accept": "application/json", "Connection": "close"}
        if self._known is not None:
            headers.update(self._known.headers)
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
        connection: http.client.HTTPConnection
        if self.encrypted:
            connection = http.client.HTTPSConnection(
                self.host, self._port, timeout=self._timeout, context=self._trust.context()
            )
        else:
            connection = http.client.HTTPConnection(self.host, self._port, timeout=self._timeout)
        try:
            connection.request(method, target, body, dict(headers))
            answer = connection.getresponse()
            if 300 <= answer.status < 400:
                told = answer.getheader("Location") or "another place"
                raise Unreachable(f"{self.url} sends on to {told[:200]}, which is not followed: see --url")
            return answer.status, answer.read(MOST_BYTES)
        finally:
            connection.close()

    def _data(self, status: int, content: bytes) -> Any:
        try:
            envelope = json.loads(content)
        except (ValueError, RecursionError):
            envelope = None
        understood = isinstance(envelope, dict) and isinstance(envelope.get("success"), bool)
        if status in {401, 403}:
            raise self._denied(status, envelope if understood else {})
        if not understood:
            told = "nothing that its management API would say; is it a jairouter, and management.api.enabled?"
            raise Unreachable(f"{self.url} answers with status {status} and {told}")
        if envelope["success"]:
            return envelope.get("data")
        message = envelope.get("message") or envelope.get("errorCode") or f"status {status}"
        raise Refused(str(message), map(_fault, envelope.get("errors") or ()))

    def _denied(self, status: int, envelope: Mapping[str, Any]) -> Denied:
        """Say who is not known, or not allowed."""
        message = str(envelope.get("message") or f"status {status}")
        if status == 403 or envelope.get("errorCode") == "LOGIN_FAILED":
            return Denied(message)
        if self._known is None:
            return Denied(f"{self.url}: {message}; {_WHO}")
        return NotTaken(f"{self.url} does not take {self._known.what}: {message}")


def _fault(error: object) -> str:
    """Write a fault as check-config does: ``origin: path: message``."""
    if not isinstance(error, dict):
        return str(error)
    return ": ".join(str(error[name]) for name in ("origin", "path", "message") if error.get(name))


def _reason(error: OSError) -> str:
    """Say what the system says, without its number."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message} (see --ca-file)"
    return error.strerror or str(error) or type(error).__name__


def _is_nobody(error: OSError) -> bool:
    """Whether nothing listens there, by a word of the system that leaves no doubt."""
    return isinstance(error, ConnectionRefusedError | socket.gaierror)
