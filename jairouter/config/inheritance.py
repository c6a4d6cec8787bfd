"""What applies to a service or an instance, when it is given partly there and partly further out.

Each key by itself is taken from the nearest place that gives it: instance, service, all services.
The functions are pure; a caller that needs the answer often keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from jairouter.config.settings.balancing import LoadBalanceSettings
from jairouter.config.settings.breaking import CircuitBreakerSettings
from jairouter.config.settings.fallback import FallbackSettings
from jairouter.config.settings.limits import RateLimitSettings
from jairouter.config.settings.model import InstanceSettings, ModelSettings
from jairouter.config.settings.retrying import RetrySettings
from jairouter.config.settings.section import Section

S = TypeVar("S", bound=Section)

#: How long a breaker stays open when nothing says so, in seconds.
OPEN_DURATION = 60.0


def overlaid(outer: S, inner: S | None) -> S:
    """Return a section with the keys that an inner one gives laid over an outer one.

    Example: `{capacity: 5, rate: 1}` over `{rate: 9, scope: model}`, where the inner one gives
    only the capacity, is `{capacity: 5, rate: 9, scope: model}`.

    Args:
        outer: what applies further out, with all its values.
        inner: what is given nearer; of it, only the keys that were given count.
    """
    if inner is None:
        return outer
    update = {}
    for name in inner.model_fields_set:
        below, above = getattr(outer, name), getattr(inner, name)
        both = isinstance(below, Section) and isinstance(above, Section)
        update[name] = overlaid(below, above) if both else above
    return outer.model_copy(update=update)


def _through(outer: S, inner: Iterable[S | None]) -> S:
    for section in inner:
        outer = overlaid(outer, section)
    return outer


def load_balance_for(model: ModelSettings, service: str) -> LoadBalanceSettings:
    """Return how an instance of a service is chosen.

    Args:
        model: the `model` tree.
        service: the canonical name of the service; it need not be configured.
    """
    given = model.services.get(service)
    return overlaid(model.load_balance, given.load_balance if given else None)


def retry_for(model: ModelSettings, service: str) -> RetrySettings:
    """Return when an attempt at an instance of a service is followed by another.

    What older files say under `load-balance.failover` counts where `retry` says nothing.
    """
    given = model.services.get(service)
    failover = load_balance_for(model, service).failover
    fields = {"enabled": "enabled", "retry_attempts": "max_retries", "retry_delay": "delay"}
    told = {fields[name]: getattr(failover, name) for name in failover.model_fields_set & fields.keys()}
    outermost = RetrySettings().model_copy(update=told)
    return _through(outermost, (model.retry, given.retry if given else None))


def fallback_for(model: ModelSettings, service: str) -> FallbackSettings:
    """Return what is answered when no instance of a service could."""
    given = model.services.get(service)
    return overlaid(model.fallback, given.fallback if given else None)


def adapter_for(model: ModelSettings, service: str, instance: InstanceSettings | None = None) -> str:
    """Return the dialect of an instance, or of a service in general."""
    given = model.services.get(service)
    nearer = (instance and instance.adapter, given and given.adapter)
    return next((adapter for adapter in nearer if adapter), model.adapter)


def rate_limit_for(
    model: ModelSettings, service: str, instance: InstanceSettings | None = None
) -> RateLimitSettings:
    """Return the values of the limit of a service, or of one instance.

    Which of the limits exist at all is another matter: a limit of a service or an instance exists
    when it is given there, and the global one is one limit over everything.
    """
    given = model.services.get(service)
    nearer = (given.rate_limit if given else None, instance.rate_limit if instance else None)
    return _through(model.rate_limit, nearer)


def circuit_breaker_for(
    model: ModelSettings, service: str, instance: InstanceSettings | None = None
) -> CircuitBreakerSettings:
    """Return the circuit breaker of an instance, or of the instances of a service in general.

    In the answer `recovery_timeout` is always given, and `timeout` is the longest time of one
    request, or None. At each level, a `timeout` that no `recovery-timeout` stands beside or
    further out is read as the recovery timeout, as older files mean it.
    """
    given = model.services.get(service)
    nearer = (
        given.circuit_breaker if given else None,
        instance.circuit_breaker if instance else None,
    )
    levels = [model.circuit_breaker, *(level for level in nearer if level)]
    recovery: float | None = None
    alone: float | None = None
    timeout: float | None = None
    for level in levels:
        if level.recovery_timeout is not None:
            recovery = level.recovery_timeout
            timeout = timeout if level.timeout is None else level.timeout
        elif level.timeout is not None and recovery is not None:
            timeout = level.timeout
        elif level.timeout is not None:
            alone = level.timeout
    meant = next((length for length in (recovery, alone) if length is not None), OPEN_DURATION)
    merged = _through(model.circuit_breaker, nearer)
    return merged.model_copy(update={"recovery_timeout": meant, "timeout": timeout})


OF_SERVICES: Final[Mapping[str, Callable[[ModelSettings, str], Any]]] = {
    "adapter": adapter_for,
    "load-balance": load_balance_for,
    "circuit-breaker": circuit_breaker_for,
    "retry": retry_for,
    "fallback": fallback_for,
}
"""What services inherit, by its key, besides limits: whether these exist is a matter of its own."""
