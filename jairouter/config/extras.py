"""Asks whether what settings need besides the gateway itself is installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from urllib.parse import urlsplit

from jairouter.config.faults import Findings
from jairouter.config.settings.root import Settings
from jairouter.config.tree import Members, lookup

_NEEDED = "opentelemetry.exporter.otlp.proto.http"


def otlp_installed() -> bool:
    """Whether the extra ``otlp`` is there."""
    try:
        return find_spec(_NEEDED) is not None
    except ModuleNotFoundError:  # not even what it is a part of
        return False


def check(
    settings: Settings, tree: Members, findings: Findings, installed: Callable[[], bool] = otlp_installed
) -> None:
    """Tell of spans that could not be sent.

    Args:
        settings: the settings, valid otherwise.
        tree: what was given, with canonical keys.
        findings: where faults go.
        installed: says whether the extra ``otlp`` is there.
    """
    tracing = settings.tracing
    wanted = tracing.exporter.type == "otlp" or (
        tracing.exporter.type == "composite" and tracing.exporter.otlp.enabled
    )
    if not tracing.enabled or not wanted:
        return
    if not installed():
        _fault(
            tree,
            findings,
            ("tracing", "exporter", "type"),
            "to send spans by OTLP, jairouter[otlp] has to be installed (pip install 'jairouter[otlp]'); "
            "with type none they are kept in memory alone",
        )
    parts = urlsplit(tracing.exporter.otlp.endpoint or "")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        _fault(
            tree,
            findings,
            ("tracing", "exporter", "otlp", "endpoint"),
            "expected an address such as http://localhost:4318/v1/traces",
        )


def _fault(tree: Members, findings: Findings, path: tuple[str, ...], text: str) -> None:
    node = lookup(tree, path)
    findings.fault(tree.origin if node is None else node.origin, path, text)
