"""How a moment is written for people and programs that read answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

DAY: Final = 86_400
"""Seconds."""


def date_of(seconds: float) -> str:
    """Write a date, given in seconds since the epoch, as RFC 3339 does: ``2025-08-01T12:00:00.500Z``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
