"""How many random examples are tried: the same few in every run of the tests, and others in ``make fuzz``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import settings

TIMES = int(os.environ.get("FUZZ_TIMES", "1"))
"""``make fuzz`` sets it; then the examples are others each time."""


def examples(number: int) -> Callable[[Any], Any]:
    """Settings for a property that is tried with so many examples."""
    return settings(
        deadline=None, database=None, derandomize=TIMES == 1, max_examples=number * TIMES, print_blob=True
    )
