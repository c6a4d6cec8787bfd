"""Deterministic texts, numbers and bytes: what was asked decides what is answered.

Tests compute the expected answer with the same functions.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import zlib
from collections.abc import Iterator

_TOKEN = re.compile(r"\S+\s*|\s+")

_WORDS = tuple(
    _TOKEN.findall(
        "the river runs past an old mill where two friends count boats and talk about rain "
        "until lamps are lit and every window shows a small bright room "
    )
)

# One block of `payload`: a 16-byte index, then filler that repeats only after 251 bytes, so that
# a lost, doubled or shifted block shows at once.
_BLOCK = 65536
_FILLER = bytes(index % 251 for index in range(_BLOCK - 16))


def tokenise(text: str) -> list[str]:
    """Split `text` into tokens (a word and the space after it); joined they are `text` again."""
    return _TOKEN.findall(text)


def reply(prompt: str, count: int) -> list[str]:
    """Return the `count` tokens that answer `prompt`: the prompt repeated, then filler.

    `reply("Good day", 5)` is `["You ", "said: ", "Good ", "day ", "<word> "]`, where the word
    depends on the prompt only.
    """
    # Only as many tokens as are wanted are cut off a prompt, which may be very long.
    said = (found.group() for found in _TOKEN.finditer("You said: " + prompt.strip() + " "))
    start = zlib.crc32(prompt.encode("utf-8", "replace")) % len(_WORDS)
    filler = itertools.islice(itertools.cycle(_WORDS), start, None)
    return list(itertools.islice(itertools.chain(said, filler), count))


def reply_text(prompt: str, count: int = 32) -> str:
    """Return the text a simulator with `tokens=count` answers to `prompt`."""
    return "".join(reply(prompt, count))


def vector(text: str, dimensions: int) -> list[float]:
    """Return a vector for `text`, each number between -1 and 1 and exact in 32 bits."""
    digest = hashlib.shake_256(text.encode("utf-8", "replace")).digest(2 * dimensions)
    pairs = zip(digest[::2], digest[1::2], strict=True)
    # Sixteen bits divided by a power of two: the same number in base64 and in JSON.
    return [(high * 256 + low - 32768) / 32768 for high, low in pairs]


def payload(size: int) -> Iterator[bytes]:
    """Yield `size` deterministic bytes in blocks of at most 64 KiB, none of them kept."""
    for index in range((size + _BLOCK - 1) // _BLOCK):
        block = b"%015d\n" % index + _FILLER
        yield block[: size - index * _BLOCK]


def payload_sha256(size: int) -> str:
    """Return the SHA-256 of `payload(size)`, in hexadecimal."""
    digest = hashlib.sha256()
    for block in payload(size):
        digest.update(block)
    return digest.hexdigest()


def resplit(pieces: Iterator[bytes], sizes: Iterator[int]) -> Iterator[bytes]:
    """Yield the bytes of `pieces` cut at `sizes`, whatever their own borders.

    When `sizes` ends, what is left of the present piece is yielded whole and the further pieces
    stay as they are.
    """
    held = b""
    for size in sizes:
        while len(held) < size:
            more = next(pieces, None)
            if more is None:
                break
            held += more
        if not held:
            return
        yield held[:size]
        held = held[size:]
    if held:
        yield held
    yield from pieces


def parse_sizes(text: str) -> Iterator[int]:
    """Return the sizes named by `1,2,3`, the last one for ever when it ends with `*`.

    Raises:
        ValueError: If `text` is not of this form or names a size below 1.
    """
    items = [item.strip() for item in text.split(",")]
    endless = items[-1].endswith("*")
    sizes = [int(item.rstrip("*")) for item in items]
    if min(sizes) < 1:
        raise ValueError("sizes must be at least 1")
    return itertools.chain(sizes, itertools.repeat(sizes[-1])) if endless else iter(sizes)
