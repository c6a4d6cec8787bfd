"""What equal requests have in common, for balancers that keep them together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING

from jairouter.codec.prompt_prefix import prompt_prefix
from jairouter.interfaces import Affinity

if TYPE_CHECKING:
    from jairouter.exchange import Exchange

BEGINNING = 4096
"""Bytes of a body that count where no prompt is found in it."""


def key_for(
    affinity: Affinity, *, header: bytes | None = None, prefix_messages: int = 1
) -> Callable[[Exchange], bytes] | None:
    """Find out how the keys are made that a balancer wants.

    Args:
        affinity: The balancer's.
        header: The name of the header that decides, in any case, for `Affinity.HEADER`; None leaves it to the
            client's address.
        prefix_messages: How many messages behind the system prompt count, for `Affinity.PREFIX`.

    Returns:
        Makes the key of an exchange, and never raises. None where none is wanted.
    """
    if affinity is Affinity.NONE:
        return None
    if affinity is Affinity.PREFIX:
        return partial(_prefix, prefix_messages)
    if affinity is Affinity.HEADER and header is not None:
        return partial(_header, header.lower())
    return _client


def _client(exchange: Exchange) -> bytes:
    return exchange.request.client_ip.encode("utf-8", "replace")


def _header(wanted: bytes, exchange: Exchange) -> bytes:
    """The first value of a header that is not empty."""
    length = len(wanted)
    for name, value in exchange.request.headers:
        if len(name) == length and value and name.lower() == wanted:
            return value
    return _client(exchange)


def _prefix(messages: int, exchange: Exchange) -> bytes:
    """The model and the beginning of its prompt.

    A JSON body in which no prompt is found counts with its own beginning, since what it means is the
    backend's business. One that is not in memory, as a form is not, leaves it to the client's address.
    """
    body = exchange.body.data
    if not body:
        return _client(exchange)
    parts = prompt_prefix(body, messages)
    digest = blake2b(exchange.model.encode("utf-8", "replace"), digest_size=16)
    for part in (memoryview(body)[:BEGINNING],) if parts is None else parts:
        digest.update(b"\0%d\0" % len(part))  # so that no two lists of parts look the same
        digest.update(part)
    return digest.digest()
