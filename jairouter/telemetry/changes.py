"""What happens to instances, for the log: one line per change, none per request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger, LogLevel

from jairouter.traffic.breaker_states import State

if TYPE_CHECKING:
    from jairouter.traffic.breaker_states import Change
    from jairouter.traffic.instance import Instance


class Changes:
    """Logs when an instance is taken out of use, and when it is back; the prober logs its own findings.

    Attributes:
        breaker_changed: Is told besides of each change of a breaker's state.
    """

    _log = Logger()

    def __init__(self, breaker_changed: Callable[[Instance, Change], None] | None = None) -> None:
        self.breaker_changed = breaker_changed

    def breaker_of(self, instance: Instance) -> Callable[[Change], None]:
        """What the breaker of an instance is to call: see `Breaker.on_change`."""

        def changed(change: Change) -> None:
            if self.breaker_changed is not None:
                self.breaker_changed(instance, change)
            level = LogLevel.warn if change.after is State.OPEN else LogLevel.info
            self._log.emit(
                level,
                "instance {label} ({url}): breaker {before} -> {after} {why}",
                before=change.before.value,
                after=change.after.value,
                why=change.why,
                **_named(instance),
            )

        return changed

    def ejected(self, instance: Instance, failures: int, seconds: float) -> None:
        """See `Outliers`, `on_eject`."""
        self._log.warn(
            "instance {label} ({url}): left out for {seconds:g} s after {failures} failures in a row",
            seconds=seconds,
            failures=failures,
            **_named(instance),
        )


def _named(instance: Instance) -> dict[str, str]:
    return {"label": instance.label, "url": instance.base_url}
