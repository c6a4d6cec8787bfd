"""Masks bodies that are here as a whole: how each kind is read, and where that takes place."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Final

from jairouter.codec.ip_address import parse_ip
from jairouter.codec.json_strings import NO_JSON, Places
from jairouter.codec.masked_events import NO_TEXT
from jairouter.codec.masked_json import masked_json
from jairouter.codec.masking import Rule, Rules
from jairouter.codec.patience import TOO_SLOW, Patience, Unreadable

if TYPE_CHECKING:
    from jairouter.exchange import Exchange
    from jairouter.request_body.spool import RunInThread

AT_ONCE: Final = 64 * 1024
"""Bytes that are looked through on the event loop; more takes a thread."""
LOOK: Final = 0.01
"""Seconds for which the event loop may look through one body; what takes longer takes a thread as well."""
IN_A_THREAD: Final = 1.0
"""Seconds for which a thread may look through each begun megabyte of a body."""

SIZE: Final = "size"
ENCODING: Final = "encoding"

_MEGABYTE: Final = 1024 * 1024
_GZIP: Final = (b"gzip", b"x-gzip")

_TEXTS: Final = frozenset({b"application/xml", b"application/x-subrip", b"application/yaml"})
LINES: Final = frozenset(
    {b"application/x-ndjson", b"application/jsonl", b"application/x-jsonlines", b"text/event-stream"}
)
"""Media types of many documents, which nobody looks into."""


@dataclass(frozen=True)
class Masking:
    """What is masked in one direction.

    Attributes:
        rules: What is looked for.
        places: Members of JSON that are left alone.
        users: The names of callers whose data is left as it is.
        networks: Likewise, where they call from.
        strict: Whether what cannot be looked through is refused.
        told: Whether it is recorded that something was masked.
        max_held: Characters of a stream's text that may wait for more.
        max_wait: Seconds for which they may.
    """

    rules: Rules
    places: Places
    users: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    strict: bool = False
    told: bool = True
    max_held: int = 256
    max_wait: float = 5.0

    def spares(self, exchange: Exchange) -> bool:
        """Whether this caller's data is left as it is."""
        if self.users and exchange.known is not None and exchange.known.name in self.users:
            return True
        if not self.networks:
            return False
        address = parse_ip(exchange.request.client_ip)
        return address is not None and any(address in network for network in self.networks)


Work = Callable[[str, Masking, Patience, "Counter[Rule]"], str]
"""Masks a text of one kind."""


def work_for(kind: bytes) -> tuple[Work | None, str]:
    """How to mask what is of this media type, and what to call that in metrics."""
    if kind == b"application/json" or kind.endswith(b"+json"):
        return mask_json, "application/json"
    if not kind:
        return _mask_either, "other"
    if kind == b"text/event-stream":
        return None, "text/event-stream"  # one that nobody can watch: it is compressed
    if kind.startswith(b"text/") or kind in _TEXTS or kind.endswith(b"+xml"):
        return _mask_text, "text/plain"
    return None, "other"


def mask_json(text: str, masking: Masking, patience: Patience, counts: Counter[Rule]) -> str:
    """Mask a document of JSON: see `Work`."""
    return masked_json(text, masking.rules, masking.places, patience, counts)


def _mask_text(text: str, masking: Masking, patience: Patience, counts: Counter[Rule]) -> str:
    return masking.rules.masked(text, patience, counts)


def _mask_either(text: str, masking: Masking, patience: Patience, counts: Counter[Rule]) -> str:
    """What says of itself nothing at all."""
    found: Counter[Rule] = Counter()
    try:
        masked = mask_json(text, masking, patience, found)
    except Unreadable as error:
        if error.reason != NO_JSON:
            raise
        return _mask_text(text, masking, patience, counts)
    counts.update(found)
    return masked


def _looked_through(
    data: bytes, work: Work, masking: Masking, seconds: Callable[[], float], limit: float
) -> tuple[bytes | None, Counter[Rule]]:
    """Mask a whole body, if need be. May be called in a thread."""
    counts: Counter[Rule] = Counter()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Unreadable(NO_TEXT) from None
    masked = work(text, masking, Patience(seconds, limit), counts)
    return (masked.encode("utf-8", "surrogatepass") if masked != text else None), counts


def unpacked(data: bytes, encoding: bytes, most: int) -> bytes:
    """What is in a body with a Content-Encoding. May be called in a thread.

    Args:
        data: The whole body.
        encoding: The header.
        most: Bytes that it may be.

    Raises:
        Unreadable: It is longer, or it is no gzip.
    """
    if encoding not in _GZIP:
        raise Unreadable(ENCODING)
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = unpacking.decompress(data, most + 1)
    except zlib.error:
        raise Unreadable(ENCODING) from None
    if len(plain) > most:
        raise Unreadable(SIZE)
    if not unpacking.eof or unpacking.unused_data:
        raise Unreadable(ENCODING)
    return plain


async def look_through(
    data: bytes,
    work: Work,
    masking: Masking,
    counts: Counter[Rule],
    seconds: Callable[[], float],
    run_in_thread: RunInThread,
) -> bytes | None:
    """Mask a whole body, on the event loop if that does not take long.

    Args:
        data: The body.
        work: Masks what is of its kind.
        masking: What is masked.
        counts: Where it is counted what was masked.
        seconds: A steady clock.
        run_in_thread: For long bodies.

    Returns:
        None where there is nothing to mask.

    Raises:
        Unreadable: It cannot be looked through.
    """
    look = partial(_looked_through, data, work, masking, seconds)
    if len(data) <= AT_ONCE:
        try:
            masked, found = look(LOOK)
        except Unreadable as error:
            if error.reason != TOO_SLOW:
                raise
        else:
            counts.update(found)
            return masked
    masked, found = await run_in_thread(look, IN_A_THREAD * (1 + len(data) // _MEGABYTE))
    counts.update(found)
    return masked  # type: ignore[no-any-return]
