"""What a simulator has seen: requests, and clients that left before their answer was complete."""

from __future__ import annotations

import dataclasses
import json


@dataclasses.dataclass
class Seen:
    """One request, filled in while it arrives.

    Attributes:
        method: The method, for example `POST`.
        path: The path with its query, as it stood in the request line.
        headers: Every header line in order, names and values as bytes.
        time: When its headers were complete, in the clock's seconds.
        length: Bytes of body received.
        sha256: The digest of the body, in hexadecimal; complete when `complete` is.
        body: The body's bytes, `None` when it was larger than `Options.body_limit`.
        complete: Whether the whole request has arrived.
        connection: Which connection it came on, counted from 1.
    """

    method: str
    path: str
    headers: list[tuple[bytes, bytes]]
    time: float
    connection: int
    length: int = 0
    sha256: str = ""
    body: bytes | None = None
    complete: bool = False

    def header(self, name: bytes) -> bytes | None:
        """Return the last value of a header, or `None`; upper and lower case do not matter."""
        wanted = name.lower()
        return next((value for key, value in reversed(self.headers) if key.lower() == wanted), None)

    def json(self) -> object:
        """Return the body read as JSON.

        Raises:
            ValueError: If it is no JSON, or was too large to keep.
        """
        if self.body is None:
            raise ValueError("the body was not kept")
        return json.loads(self.body)


@dataclasses.dataclass(frozen=True)
class Disconnect:
    """A client that went away before its answer was complete.

    Attributes:
        seen: The request in question.
        phase: `reading-request`, `before-headers`, `before-body` or `mid-body`.
        time: When it was noticed, in the clock's seconds.
    """

    seen: Seen
    phase: str
    time: float
