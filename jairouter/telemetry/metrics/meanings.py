"""The table of all metrics: names, labels and what they mean. Pages and documentation are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from jairouter.telemetry.metrics.meaning import Meaning
from jairouter.telemetry.metrics.meanings_of_parts import CONFIGURATION, SECURITY
from jairouter.telemetry.metrics.meanings_of_process import JVM, PROCESS
from jairouter.telemetry.metrics.meanings_of_requests import BACKENDS, REQUESTS
from jairouter.telemetry.metrics.meanings_of_slow import SLOW
from jairouter.telemetry.metrics.meanings_of_state import STATE
from jairouter.telemetry.metrics.meanings_of_tracing import TRACING

GROUPS: Final[Mapping[str, tuple[Meaning, ...]]] = MappingProxyType(
    {
        "Requests": REQUESTS,
        "Backends": BACKENDS,
        "Slow requests and errors": SLOW,
        "State": STATE,
        "Tracing": TRACING,
        "Configuration, and the metrics themselves": CONFIGURATION,
        "Security": SECURITY,
        "Process": PROCESS,
        "Stand-ins": JVM,
    }
)
"""All of them, by the part that they are about."""

MEANINGS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {each.name: each for group in GROUPS.values() for each in group}
)
"""All of them, by name."""
