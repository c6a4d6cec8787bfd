"""What the tests of the loader share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jairouter.config.loader import ConfigurationFaults, Loaded, Text, load


def read(text: str, profiles: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> Loaded:
    """Load one file with this text."""
    return load([Text("a.yml", text.encode())], profiles, environ)


def faults_of(
    text: str | bytes, profiles: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> list[str]:
    """Load one file with this text, which must be refused, and return its faults."""
    content = text if isinstance(text, bytes) else text.encode()
    try:
        load([Text("a.yml", content)], profiles, environ)
    except ConfigurationFaults as faults:
        return [str(fault) for fault in faults.faults]
    raise AssertionError("the configuration was not refused")
