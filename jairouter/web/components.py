"""Parts of the gateway as the health page shows them.

None of them makes the gateway refuse requests; what is not ``UP`` is for whoever looks, and for alerts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jairouter.web.actuator import Component

if TYPE_CHECKING:
    from jairouter.traffic.group import Group

DEGRADED: Final = "DEGRADED"

FREE: Final = 10 * 1024 * 1024
"""Bytes that have to be free on a disk, as Spring Boot has it."""

SHARE: Final = 100
"""How many times as long as it took to ask for a component the answer is good; see `Seldom`."""

LAG: Final = 0.5
"""Seconds by which events may be late."""


class Seldom:
    """A component that is asked for no more often than a hundredth of the time is spent on it.

    Load balancers ask for health all the time, and anybody may; with thousands of instances that takes
    milliseconds, in which nothing else is done.

    Args:
        ask: Asks for the component.
        seconds: The clock.
    """

    def __init__(self, ask: Callable[[], Component], seconds: Callable[[], float]) -> None:
        self._ask, self._seconds = ask, seconds
        self._known: Component | None = None
        self._asked = self._until = 0.0

    def __call__(self) -> Component:
        """The component, perhaps as it was a moment ago."""
        begun = self._seconds()
        # (A clock that was set back makes no answer good for longer)
        if self._known is None or not self._asked <= begun < self._until:
            self._known = self._ask()
            self._asked = self._seconds()
            self._until = self._asked + SHARE * (self._asked - begun)
        return self._known


def backends(services: Mapping[str, Mapping[str, Group]], now: float) -> Component:
    """Whether each model has an instance that may get requests.

    Args:
        services: The instances, by service and model.
        now: The clock's seconds.
    """
    details: dict[str, Any] = {}
    status = "UP"
    for service, models in services.items():
        for model, group in models.items():
            usable = sum(bool(each.weight) and each.live.seen(now).why is None for each in group.instances)
            details.setdefault(service, {})[model] = {"instances": len(group.instances), "usable": usable}
            if not usable:
                status = DEGRADED
    return Component(status, details)


def event_loop(lag: float) -> Component:
    """Whether events are dealt with in time.

    Args:
        lag: Seconds by which the last one that was measured was late.
    """
    return Component("UP" if lag < LAG else DEGRADED, {"lagMs": round(lag * 1000, 1)})


def disk(path: Path) -> Component:
    """Whether there is room where the gateway writes. Asks the file system, which answers at once.

    Args:
        path: A directory, or one that is still to be made.
    """
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        found = os.statvfs(path)
    except OSError as error:
        return Component(DEGRADED, {"reason": error.strerror or type(error).__name__})
    free = found.f_bavail * found.f_frsize
    details = {"total": found.f_blocks * found.f_frsize, "free": free, "threshold": FREE, "exists": True}
    return Component("UP" if free >= FREE else DEGRADED, details)


def store(kind: str, path: Path) -> Component:
    """Whether versions of the configuration can be kept.

    Args:
        kind: ``memory`` or ``file``.
        path: The directory of a file store, which is made when it is needed.
    """
    if kind == "memory":
        return Component("UP", {"type": kind})
    while not path.exists() and path != path.parent:
        path = path.parent
    good = os.access(path, os.W_OK | os.X_OK)
    return Component("UP" if good else DEGRADED, {"type": kind, "writable": good})
