"""How it stands with each instance, for Prometheus: read when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from jairouter.telemetry.metrics.families import Source
from jairouter.traffic.breaker import Breaker
from jairouter.traffic.breaker_states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prometheus_client.core import Metric

    from jairouter.telemetry.metrics.families import Families
    from jairouter.traffic.group import Group
    from jairouter.traffic.instance import Instance

STATES: Final = {State.CLOSED: 0, State.OPEN: 1, State.HALF_OPEN: 2}
"""As the production guide's alert and the original have them."""


class _Seen(NamedTuple):
    """One series: an instance, or several that differ in their path alone.

    Attributes:
        usable: How many of them may get requests now.
        up: Whether probes speak against none of them; None where there are no probes.
        in_flight: Attempts under way.
        breaker: The state that is worst for traffic; None where there is no breaker.
    """

    usable: int
    up: bool | None
    in_flight: int
    breaker: int | None

    def beside(self, other: _Seen) -> _Seen:
        """Both together."""
        broken = [each for each in (self.breaker, other.breaker) if each is not None]
        return _Seen(
            self.usable + other.usable,
            other.up if self.up is None else self.up and other.up is not False,
            self.in_flight + other.in_flight,
            max(broken, key=_BAD.index, default=None),
        )


_BAD: Final = (0, 2, 1)
"""The states of a breaker, the worst one last."""


class InstanceMetrics(Source):
    """Shows whether instances are used, and why not.

    Args:
        services: The instances that may get traffic, by service and model; asked anew each time.
        seconds: The clock.
        families: Make what is shown.
    """

    def __init__(
        self,
        services: Callable[[], Mapping[str, Mapping[str, Group]]],
        seconds: Callable[[], float],
        families: Families,
    ) -> None:
        self._services = services
        self._seconds = seconds
        self._families = families

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        now = self._seconds()
        seen: dict[Sequence[str], _Seen] = {}
        usable: list[tuple[Sequence[str], int]] = []
        for service, models in self._services().items():
            for model, group in models.items():
                count = 0
                for each in group.instances:
                    key, found = (service, model, each.base_url), _look_at(each, now)
                    count += found.usable
                    seen[key] = found.beside(seen[key]) if key in seen else found
                usable.append(((service, model), count))
        return lambda: self._shown(seen, usable)

    def _shown(
        self, seen: Mapping[Sequence[str], _Seen], usable: list[tuple[Sequence[str], int]]
    ) -> Iterable[Metric]:
        known, each = self._families.known, seen.items()
        yield known("model_usable_backends", usable)
        yield known("backend_usable", ((key, int(what.usable > 0)) for key, what in each))
        up = ((key, int(what.up)) for key, what in each if what.up is not None)
        yield known("backend_health", up)
        yield known("backend_in_flight", ((key, what.in_flight) for key, what in each))
        states = [(key, what.breaker) for key, what in each if what.breaker is not None]
        for name in ("circuitbreaker_state", "circuit_breaker_state"):
            yield known(name, states)


def _look_at(instance: Instance, now: float) -> _Seen:
    live = instance.live
    breaker = live.breaker
    return _Seen(
        int(bool(instance.weight) and live.seen(now).why is None),
        None if live.health is None else live.health.up,
        live.in_flight,
        STATES[breaker.state] if isinstance(breaker, Breaker) else None,
    )
