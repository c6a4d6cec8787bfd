"""Reads and writes W3C Trace Context (https://www.w3.org/TR/trace-context/): pure, bytes in, values out."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

SAMPLED: Final = 1
"""The flag that says that the caller may have recorded its span; all others are reserved."""

MOST_MEMBERS: Final = 32
MOST_BYTES: Final = 512
LONG_MEMBER: Final = 128
"""Bytes above which a member is the first to go where there are too many (section 3.3.1.5)."""

_PARENT: Final = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_NO_TRACE: Final = b"0" * 32
_NO_SPAN: Final = b"0" * 16
_KEY: Final = rb"(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
_VALUE: Final = rb"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER: Final = re.compile(rb"(" + _KEY + rb")=" + _VALUE)


class Parent(NamedTuple):
    """Where a caller says that it stands.

    Attributes:
        trace_id: 32 hexadecimal digits in lower case, not all of them 0.
        span_id: Of the caller's span; 16 of them.
        sampled: Whether the caller may have recorded it.
    """

    trace_id: str
    span_id: str
    sampled: bool


def parent_of(traceparent: bytes) -> Parent | None:
    """Read a ``traceparent``; section 3.2 of the specification, to the letter.

    Of a later version only the parts of version 00 are read. Several lines, joined by commas, are none.

    Returns:
        None where it is not valid, so that a new trace begins.
    """
    found = _PARENT.fullmatch(traceparent)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == b"ff" or (version == b"00" and more is not None):
        return None
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return Parent(trace_id.decode("ascii"), span_id.decode("ascii"), bool(int(flags, 16) & SAMPLED))


def traceparent_of(trace_id: str, span_id: str, sampled: bool) -> bytes:
    """Write one, of version 00: reserved flags are 0."""
    return f"00-{trace_id}-{span_id}-{'01' if sampled else '00'}".encode("ascii")


@lru_cache(maxsize=256)
def state_of(tracestate: bytes) -> bytes:
    """What is passed on of a ``tracestate``, several lines of which are joined by commas.

    What is not valid, names something twice or has more than 32 members is not passed on at all (sections
    3.3.1.1 and 3.3.1.3). Of one of more than 512 bytes members of more than 128 bytes are left out, the last
    ones first, and then others from the end.

    Returns:
        Empty where nothing is left.
    """
    members = [member for each in tracestate.split(b",") if (member := each.strip(b" \t"))]
    if len(members) > MOST_MEMBERS:
        return b""
    found = [_MEMBER.fullmatch(each) for each in members]
    keys = {each[1] for each in found if each is not None}
    if len(keys) < len(members):
        return b""
    return b",".join(_within(members))


def _within(members: list[bytes]) -> list[bytes]:
    size = sum(map(len, members)) + len(members) - 1
    kept = [*members]
    for is_long in (True, False):
        for at in range(len(kept) - 1, -1, -1):
            if size <= MOST_BYTES:
                return kept
            if len(kept[at]) > LONG_MEMBER or not is_long:
                size -= len(kept[at]) + 1
                del kept[at]
    return kept
