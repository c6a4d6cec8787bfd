"""What is known of the trace that a request belongs to: W3C Trace Context, https://www.w3.org/TR/trace-context/."""

from __future__ import annotations

from typing import NamedTuple


class Trace(NamedTuple):
    """The trace of one exchange, and the place of the exchange in it.

    Attributes:
        trace_id: 32 hexadecimal digits in lower case, not all of them 0.
        span_id: Of the span that is the exchange itself; 16 of them.
        parent_id: Of the caller's span; empty where the trace begins here.
        sampled: Whether its spans are to be kept and sent. Backends are told so.
        state: ``tracestate`` as it came, for backends; several lines joined by commas.
    """

    trace_id: str
    span_id: str
    parent_id: str
    sampled: bool
    state: bytes = b""
