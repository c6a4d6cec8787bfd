"""What is known about an instance beside its settings, and what of it comes back in bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jairouter.config.instance_key import label_of
from jairouter.config.naming import relaxed
from jairouter.dates import date_of
from jairouter.traffic.breaker import Breaker
from jairouter.traffic.instance import identity_of

if TYPE_CHECKING:
    from jairouter.config.settings.model import InstanceSettings
    from jairouter.traffic.instance import Identity, Instance
    from jairouter.upstream.prober import Checked
    from jairouter.web.management.parts import Parts


def identity(service: str, settings: InstanceSettings) -> Identity:
    """What makes it the same instance across a reload."""
    return identity_of(service, settings.name, settings.base_url, settings.path, settings.instance_id or "")


def status_of(settings: InstanceSettings) -> str:
    """Whether an instance gets requests: ``active``, ``inactive`` or ``draining``."""
    return settings.status if settings.enabled else "inactive"


def state_of(parts: Parts, service: str, settings: InstanceSettings) -> dict[str, Any]:
    """What is known about an instance; see the schema `STATE`."""
    which = identity(service, settings)
    live = parts.traffic().lives.get(which)
    told: dict[str, Any] = {"status": status_of(settings), "healthStatus": "unknown"}
    told["inFlight"] = live.in_flight if live is not None else 0
    told["label"] = label_of(service, settings.name, settings.base_url, settings.path, settings.instance_id)
    instance = _instance(parts, service, which)
    checked = parts.prober.checked(instance) if instance is not None else None
    if checked is not None:
        told |= _health(parts, checked)
    if live is not None and isinstance(live.breaker, Breaker):
        told["circuitBreakerState"] = live.breaker.state.value
    return told


def settings_in(body: Mapping[str, Any], settings: InstanceSettings) -> dict[str, Any]:
    """A body that a client may have taken from a reply, without the status if that is the one that was shown.

    Otherwise ``"enabled": true`` beside it would have no effect.

    Args:
        body: As the client wrote it.
        settings: Of the instance.
    """
    shown = status_of(settings)
    return {key: value for key, value in body.items() if (relaxed(key), value) != ("status", shown)}


def _instance(parts: Parts, service: str, which: Identity) -> Instance | None:
    group = parts.traffic().services.get(service, {}).get(which[1])
    if group is None:
        return None
    return next((each for each in group.instances if each.identity == which), None)


def _health(parts: Parts, checked: Checked) -> dict[str, str]:
    ago = max(0.0, parts.seconds() - checked.at)
    told = {
        "healthStatus": "healthy" if checked.up else "unhealthy",
        "lastHealthCheck": date_of(parts.today() - ago),
    }
    return {**told, "lastHealthError": checked.reason} if checked.reason else told
