"""What each service has to fall back on, as it is configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from jairouter.config.inheritance import fallback_for
from jairouter.filters.memory import Memory
from jairouter.filters.static_answer import StaticAnswer
from jairouter.traffic.answer_cache import AnswerCache

if TYPE_CHECKING:
    from jairouter.config.settings.fallback import FallbackSettings
    from jairouter.config.settings.model import ModelSettings

ROOM = 64 * 1024 * 1024
"""Bytes of all answers together that are remembered of one service."""


class Plan(NamedTuple):
    """What is tried, in this order.

    Attributes:
        models: Other models that are asked, by the model that nobody could answer for; those under `*` stand
            in for all that are not named.
        memory: Has the last good answer to the same request, or None where nothing is remembered.
        static: What is said to everybody, or None.
        plainly: Whether the failure is told as 503, whatever it was.
    """

    models: Mapping[str, tuple[str, ...]]
    memory: Memory | None = None
    static: StaticAnswer | None = None
    plainly: bool = False

    def others(self, model: str) -> tuple[str, ...]:
        """The models that may stand in for another one, each of them once."""
        named = self.models.get(model)
        if named is None:
            named = self.models.get("*", ())
        return tuple(name for name in dict.fromkeys(named) if name != model)


def make_plans(
    model: ModelSettings, seconds: Callable[[], float], old: Mapping[str, Plan] | None = None
) -> dict[str, Plan]:
    """The plans of those services that have one, by their names.

    Args:
        model: What is configured.
        seconds: The clock.
        old: The plans that they take the place of; what those remember is kept where it is remembered alike.
    """
    plans: dict[str, Plan] = {}
    for service in map(str, model.services):
        settings = fallback_for(model, service)
        if settings.enabled:
            before = old.get(service) if old is not None else None
            plans[service] = _plan(settings, seconds, before.memory if before is not None else None)
    return plans


def _plan(settings: FallbackSettings, seconds: Callable[[], float], old: Memory | None) -> Plan:
    memory = static = None
    if (
        settings.strategy == "cache"
        and settings.cache_size
        and settings.cache_ttl
        and settings.cache_max_answer
    ):
        bounds = (settings.cache_size, settings.cache_ttl, settings.cache_max_answer, ROOM)
        alike = old is not None and old.cache.bounds == bounds
        memory = old if alike else Memory(AnswerCache(*bounds), seconds)
    if settings.strategy in ("static", "mock") and settings.response is not None:
        static = StaticAnswer(settings.response, settings.status)
    return Plan(settings.models, memory, static, settings.strategy == "default")
