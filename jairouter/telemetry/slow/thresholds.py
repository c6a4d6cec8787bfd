"""From which time on a request is slow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from jairouter.config.naming import relaxed

if TYPE_CHECKING:
    from jairouter.config.settings.monitoring import MonitoringSettings

DEFAULTS: Final = {
    "chat": 8.0,
    "embedding": 3.0,
    "rerank": 2.0,
    "tts": 8.0,
    "stt": 30.0,
    "imgGen": 30.0,
    "imgEdit": 30.0,
}
"""Seconds, as the Java original has them."""

ANY: Final = "slow-query"
"""The name of the threshold of all that have none."""
_ANY: Final = 5.0
_IMAGES: Final = ("imgGen", "imgEdit")


def thresholds_of(settings: MonitoringSettings) -> dict[str, float]:
    """Seconds by service. What stands nearest to the metrics counts, where several places say something.

    A service that nobody gives a threshold has its default; `slow-query` is for services that have none, and,
    where it is written, for those that are not.
    """
    given: dict[str, float] = {}
    for place in (settings.thresholds, settings.performance.thresholds, settings.metrics.thresholds):
        given.update({_name(name): seconds for name, seconds in place.items()})
    found = {
        service: _given(given, service, given.get(relaxed(ANY), default))
        for service, default in DEFAULTS.items()
    }
    return {**found, "": given.get(relaxed(ANY), _ANY)}


def _name(name: str) -> str:
    return relaxed(name).removesuffix("threshold").removesuffix("request")


def _given(given: Mapping[str, float], service: str, default: float) -> float:
    if relaxed(service) in given:
        return given[relaxed(service)]
    return given.get("images", default) if service in _IMAGES else default


def severity_of(times: float) -> str:
    """How bad it is, by how many times the threshold it took."""
    return "critical" if times >= 5 else "warning" if times >= 3 else "info"
