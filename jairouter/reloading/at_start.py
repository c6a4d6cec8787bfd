"""What of the settings is read when the gateway starts, and so waits for the next start when it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from jairouter.config.faults import Notice
from jairouter.config.shape import Group, Leaf, Member, holds_secret

if TYPE_CHECKING:
    from jairouter.config.faults import Origin
    from jairouter.config.loader import Loaded
    from jairouter.config.settings.root import Settings
    from jairouter.config.settings.section import Section

READ_AT_START: Final = (
    "server",
    "server.ssl.enabled",
    "webclient.connection-timeout",
    "webclient.max-response-header-size",
    "webclient.connection-pool",
    "webclient.dns",
    "store",
    "management",
    "logging",
    "loadbalancer.routing-monitor",
    "monitoring.enabled",
    "monitoring.metrics",
)
"""Keys; those below them are meant too."""

READ_ANEW: Final = ("server.max-spooled-size", "server.ssl", "logging.level", "monitoring.metrics.thresholds")
"""Keys below those that are read whenever a configuration comes into force, except for what `READ_AT_START`
names below them."""


def waiting(start: Settings, loaded: Loaded) -> tuple[Notice, ...]:
    """Say what of a configuration takes effect at the next start, one notice for each key.

    Args:
        start: The settings that the gateway has started with.
        loaded: The configuration that is to be in force.
    """
    return tuple(
        Notice(f"{_named(key, member, value)} takes effect at the next start", _origin(key, loaded.origins))
        for key, member, value in _changed(start, loaded.settings, "")
        if _depth(key, READ_AT_START) > _depth(key, READ_ANEW)
    )


def _changed(before: Section, after: Section, place: str) -> Iterator[tuple[str, Member, Any]]:
    """Go through the keys whose values are not the same."""
    if before == after:
        return
    for key, member in Group(type(after)).members.items():
        old, new = getattr(before, member.field), getattr(after, member.field)
        if old == new:
            continue
        if isinstance(member.shape, Group) and old is not None and new is not None:
            yield from _changed(old, new, f"{place}{key}.")
        else:
            yield f"{place}{key}", member, new


def _named(key: str, member: Member, value: Any) -> str:
    """Name a key with its value where that is short and may be shown."""
    shape = member.shape
    if not isinstance(shape, Leaf) or value is None or holds_secret(shape):
        return key
    return f"{key}: {shape.form.show(value)}"


def _origin(key: str, origins: Mapping[str, Origin]) -> Origin | None:
    """Where a key was written; of several values, the first."""
    inside = (origin for given, origin in origins.items() if given.startswith((f"{key}.", f"{key}[")))
    return origins.get(key) or next(inside, None)


def _depth(key: str, places: tuple[str, ...]) -> int:
    """How far down the deepest of these places is that a key is below of; 0 for none."""
    return max((place.count(".") + 1 for place in places if f"{key}.".startswith(f"{place}.")), default=0)
