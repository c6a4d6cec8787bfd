"""Bytes that are kept in the order in which they came, at a cost in proportion to their number.

A client may send a body in chunks of a byte or two. Each of them by itself is an object of some forty bytes,
so that a list of them costs many times what was sent.
"""

from __future__ import annotations

from typing import Final

SMALL: Final = 1024
"""Two neighbours below this length are joined. Above it, what an object costs beside its bytes does not
matter; and joining small ones copies little."""


class Pieces:
    """What has come and was not taken yet.

    Attributes:
        size: Bytes in all.
    """

    __slots__ = ("_pieces", "size")

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[bytes] = []

    def append(self, data: bytes) -> None:
        """More comes."""
        self.size += len(data)
        pieces = self._pieces
        if pieces and len(data) < SMALL and len(pieces[-1]) < SMALL:
            pieces[-1] += data
        else:
            pieces.append(data)

    def take(self) -> bytes:
        """Take what came first, or some of it; nothing when nothing is left."""
        data = self._pieces.pop(0) if self._pieces else b""
        self.size -= len(data)
        return data

    def joined(self) -> bytes:
        """All that is here."""
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0] if self._pieces else b""

    def clear(self) -> None:
        """Forget it."""
        self.size = 0
        self._pieces.clear()
