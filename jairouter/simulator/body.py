"""The body of a request while it arrives: counted and hashed, kept only when small."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from typing import IO

from jairouter.simulator.multipart import FormReader

# JSON up to this size is read for what it asks; beyond it only its length and digest are known.
JSON_LIMIT = 32 * 1024 * 1024

_READ_SIZE = 65536


class RequestBody:
    """Takes a body piece by piece.

    Attributes:
        length: Bytes received so far.
    """

    def __init__(self, limit: int, form: FormReader | None = None, spooled: bool = False) -> None:
        """Prepare to receive.

        Args:
            limit: Up to this many bytes are kept in memory.
            form: Reads the parts of a form as they pass.
            spooled: Keep all bytes, on disk beyond 1 MB, so that they can be sent back.
        """
        self.length = 0
        self.form = form
        self._digest = hashlib.sha256()
        self._limit = limit
        self._kept: list[bytes] = []
        self._spool: IO[bytes] | None = None
        if spooled:
            self._spool = tempfile.SpooledTemporaryFile(max_size=1024 * 1024)  # noqa: SIM115

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self.length += len(data)
        self._digest.update(data)
        if self.length <= self._limit:
            self._kept.append(data)
        else:
            self._kept.clear()
        if self.form is not None:
            self.form.feed(data)
        if self._spool is not None:
            self._spool.write(data)

    @property
    def sha256(self) -> str:
        """The digest of what has arrived, in hexadecimal."""
        return self._digest.hexdigest()

    @property
    def content(self) -> bytes | None:
        """All bytes received so far, or `None` when there were too many to keep."""
        return b"".join(self._kept) if self.length <= self._limit else None

    def replay(self) -> Iterator[bytes]:
        """Yield the bytes again, as they were; only for a spooled body."""
        if self._spool is None:
            return
        self._spool.seek(0)
        while piece := self._spool.read(_READ_SIZE):
            yield piece

    def close(self) -> None:
        """Let go of everything that was kept."""
        self._kept.clear()
        if self._spool is not None:
            self._spool.close()
