"""What the endpoints of the management API work on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from jairouter.control import IConfiguration
    from jairouter.filters.resolve import Services
    from jairouter.interfaces import IDecisionLog
    from jairouter.traffic.instance import Identity
    from jairouter.traffic.limits import Limits
    from jairouter.traffic.live import Live
    from jairouter.upstream.prober import Prober


class Traffic(Protocol):
    """How traffic is controlled now; `jairouter.policies.Policies` is one."""

    @property
    def services(self) -> Services:
        """The instances that may get traffic, by service and model."""

    @property
    def limits(self) -> Limits:
        """How many requests are let through."""

    @property
    def lives(self) -> Mapping[Identity, Live]:
        """What is known about each instance."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the endpoints work on.

    Attributes:
        configuration: The one in force.
        traffic: How traffic is controlled now; asked anew each time, since a reload makes another one.
        prober: Checks the instances.
        decisions: Why recent requests went where they went, if that is remembered.
        seconds: The clock, as in everything about traffic.
        today: Seconds since the epoch.
    """

    configuration: IConfiguration
    traffic: Callable[[], Traffic]
    prober: Prober
    decisions: IDecisionLog | None
    seconds: Callable[[], float]
    today: Callable[[], float]
