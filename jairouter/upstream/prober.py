r"""The prober: asks all instances that are to be checked, again and again, and tells them what came of it.

For each backend there is a check of its own, and none waits for another::

             delay over                good, failed, too late
    WAITING ------------> PROBING --------------------------------> WAITING for the next interval
       |                     |
       | stop                | stop: the probe is cancelled
       v                     v
    STOPPED               STOPPED

Instances that would be asked the same question at the same place share the answer: a backend with fifty
models is asked once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from jairouter.upstream.failures import CheckFailed, NoVerdict

if TYPE_CHECKING:
    from random import Random

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from jairouter.config.settings.balancing import HealthCheckSettings
    from jairouter.interfaces import IProbe
    from jairouter.traffic.instance import Instance

SPREAD: Final = 3.0
"""Seconds within which all first checks are begun, unless the interval is shorter."""

_Identity = tuple[str, str, str, str | None]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks of an instance say.

    Attributes:
        up: Whether it is.
        since: When that began, in the clock's seconds; for one that never changed, when it was asked first.
        at: When the last check was over, likewise.
        duration: Seconds that it took.
        reason: Why that one failed; empty when it did not.
    """

    up: bool
    since: float
    at: float
    duration: float
    reason: str = ""


class Prober:
    """See the module's picture.

    Args:
        clock: The reactor, or a fake clock.
        random: For the jitter.
        make_probe: Makes the probe that some settings ask for.
    """

    _log = Logger()

    def __init__(
        self, clock: IReactorTime, random: Random, make_probe: Callable[[HealthCheckSettings], IProbe]
    ) -> None:
        self._clock = clock
        self._random = random
        self._make_probe = make_probe
        self._checks: dict[Hashable, _Check] = {}
        self._checked: dict[_Identity, Checked] = {}
        self._running = False

    def start(self) -> None:
        """Begin to check; does nothing when that has begun."""
        if not self._running:
            self._running = True
            for check in self._checks.values():
                check.wait(self._first_delay(check))

    def stop(self) -> None:
        """Check nothing any more. What is under way is given up, and says nothing."""
        self._running = False
        for check in self._checks.values():
            check.stop()

    def watch(self, wanted: Mapping[Instance, HealthCheckSettings]) -> None:
        """Check these, and no others.

        Those that were checked before, by their identity, are not asked sooner or later for it, and what is
        known about them is kept.

        Args:
            wanted: What to check, and how.
        """
        due = {each.identity: check.due for check in self._checks.values() for each in check.instances}
        old, self._checks = self._checks, {}
        together: dict[Hashable, list[Instance]] = {}
        for instance, settings in wanted.items():
            together.setdefault(_question(instance, settings), []).append(instance)
        for question, instances in together.items():
            check = old.pop(question, None)
            if check is None:
                check = self._new_check(instances, wanted[instances[0]], due)
            self._checks[question] = check
            check.instances = tuple(instances)
        for check in old.values():
            check.stop()
        kept = {each.identity for each in wanted}
        self._checked = {which: found for which, found in self._checked.items() if which in kept}

    def checked(self, instance: Instance) -> Checked | None:
        """What is known about an instance; None if it is not checked, or was not yet."""
        return self._checked.get(instance.identity)

    def _new_check(
        self,
        instances: list[Instance],
        settings: HealthCheckSettings,
        due: Mapping[_Identity, float | None],
    ) -> _Check:
        check = _Check(self._clock, self._random, settings, self._make_probe(settings), self._over)
        if self._running:
            times = [when for each in instances if (when := due.get(each.identity)) is not None]
            left = max(0.0, min(times) - self._clock.seconds()) if times else self._first_delay(check)
            check.wait(min(left, settings.interval))
        return check

    def _first_delay(self, check: _Check) -> float:
        return self._random.random() * min(SPREAD, check.settings.interval)

    def _over(self, check: _Check, duration: float, failed: Failure | None) -> None:
        if failed is None or failed.check(CheckFailed):
            reason = "" if failed is None else failed.getErrorMessage() or "no reason given"
            for instance in check.instances:
                self._tell(instance, duration, reason)
        elif failed.check(NoVerdict):
            self._log.warn(
                "{instance} is not checked: {reason}",
                instance=_called(check.instances[0]),
                reason=failed.getErrorMessage(),
            )
        else:
            self._log.failure("checking {instance} failed", failed, instance=_called(check.instances[0]))

    def _tell(self, instance: Instance, duration: float, reason: str) -> None:
        live, now, good = instance.live, self._clock.seconds(), not reason
        changed = live.probed(good, now)
        up = good if live.health is None else live.health.up
        before = self._checked.get(instance.identity)
        since = now if changed or before is None else before.since
        self._checked[instance.identity] = Checked(up, since, now, duration, reason)
        if not changed or live.health is None:
            return
        if good:
            self._log.info(
                "{instance}: up after {count} good checks",
                instance=_called(instance),
                count=live.health.rise,
            )
        else:
            self._log.warn(
                "{instance}: down after {count} failed checks: {reason}",
                instance=_called(instance),
                count=live.health.fall,
                reason=reason,
            )


class _Check:
    """Asks one backend.

    Args:
        clock: As the prober's.
        random: As the prober's.
        settings: How.
        probe: Asks.
        over: Told of each probe: how long it took, and why it failed, if it did.

    Attributes:
        settings: As given.
        instances: Those that the answer is for.
        due: When the next probe begins, in the clock's seconds; None while there is one under way.
    """

    def __init__(
        self,
        clock: IReactorTime,
        random: Random,
        settings: HealthCheckSettings,
        probe: IProbe,
        over: Callable[[_Check, float, Failure | None], None],
    ) -> None:
        self.settings = settings
        self.instances: tuple[Instance, ...] = ()
        self.due: float | None = None
        self._clock = clock
        self._random = random
        self._probe = probe
        self._tell_over = over
        self._call: IDelayedCall | None = None  # to begin a probe, or to end it
        self._probing: Deferred[None] | None = None
        self._began = 0.0
        self._late = False

    def wait(self, delay: float) -> None:
        """Ask in so many seconds."""
        self.due = self._clock.seconds() + delay
        self._call = self._clock.callLater(delay, self._begin)

    def stop(self) -> None:
        """Ask no more."""
        self.due = None
        self._stop_call()
        probing, self._probing = self._probing, None
        if probing is not None:
            probing.cancel()

    def _begin(self) -> None:
        self.due, self._late = None, False
        self._began = self._clock.seconds()
        self._call = self._clock.callLater(self.settings.timeout, self._too_late)
        probing = self._probing = maybeDeferred(self._probe.probe, self.instances[0])
        probing.addBoth(self._over, probing)

    def _too_late(self) -> None:
        self._late = True
        assert self._probing is not None
        self._probing.cancel()

    def _over(self, result: object, probing: Deferred[None]) -> None:
        if self._probing is not probing:
            return  # stopped
        self._probing = None
        self._stop_call()
        now = self._clock.seconds()
        settings = self.settings
        failed = result if isinstance(result, Failure) else None
        if failed is not None and self._late:
            failed = Failure(CheckFailed(f"no answer within {settings.timeout:g} s"))
        # First of all: nothing that goes wrong with the answer may keep the next one from being asked for
        self.wait(settings.interval * (1 + settings.jitter * (2 * self._random.random() - 1)))
        self._tell_over(self, max(0.0, now - self._began), failed)

    def _stop_call(self) -> None:
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()


def _question(instance: Instance, settings: HealthCheckSettings) -> Hashable:
    """What is equal for instances that are asked the same at the same place, equally often."""
    asked = () if settings.type == "tcp" else (settings.path, instance.headers, instance.tls)
    how = (settings.type, settings.interval, settings.jitter, settings.timeout)
    return instance.base_url, how, asked


def _called(instance: Instance) -> str:
    return f"{instance.service}/{instance.name} at {instance.label}"
