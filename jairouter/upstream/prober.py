r"""The prober: asks all instances that are to be checked, again and again, and tells them what came of it.

For each backend there is a check of its own, and none waits for another::

             delay over                good, failed, too late
    WAITING ------------> PROBING --------------------------------> WAITING for the next interval
       |                     |
       | stop                | stop: the probe is cancelled
       v                     v
    STOPPED               STOPPED

Whoever cannot wait for the next one asks with `check_now`.

Instances that would be asked the same question at the same place share the answer: a backend with fifty
models is asked once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from jairouter.upstream.check import Check
from jairouter.upstream.failures import CheckFailed, NoVerdict

if TYPE_CHECKING:
    from random import Random

    from twisted.internet.interfaces import IReactorTime

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
        told: Is told of each check that came to something: the instance, the seconds it took, and whether it
            is well.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        random: Random,
        make_probe: Callable[[HealthCheckSettings], IProbe],
        told: Callable[[Instance, float, bool], None] = lambda *_: None,
    ) -> None:
        self._clock = clock
        self._random = random
        self._make_probe = make_probe
        self._told = told
        self._checks: dict[Hashable, Check] = {}
        self._checked: dict[_Identity, Checked] = {}
        self._unasked: dict[Hashable, Check] = {}  # under way, of instances that are not checked otherwise
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
        for check in (*self._checks.values(), *self._unasked.values()):
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

    def check_now(self, instance: Instance, settings: HealthCheckSettings) -> Deferred[Checked]:
        """Ask at once; if it is being asked already, that answer will do.

        For an instance that is checked it is a check like any other: it counts, whoever waits for it. For
        another one it means nothing beyond what is returned.

        Args:
            instance: Which.
            settings: How, if it is not checked anyway.

        Returns:
            What is known then, within the timeout of the check. Fails with `NoVerdict` when the gateway could
            not ask, or checks nothing any more. When everybody has cancelled, an instance that is not checked
            otherwise is left alone at once.
        """
        if not self._running:
            return fail(NoVerdict("no checks are made before the gateway has begun, nor when it stops"))
        for check in self._checks.values():
            if any(each.identity == instance.identity for each in check.instances):
                asked = check.ask_now()
                return asked.addBoth(self._found, instance)
        question = _question(instance, settings)
        alone = self._unasked.get(question)
        if alone is None:
            alone = Check(self._clock, None, settings, self._make_probe(settings), lambda *_: None)
            alone.instances = (instance,)
            self._unasked[question] = alone
        return alone.ask_now().addBoth(self._answered, question, alone)

    def _found(self, result: Failure | None, instance: Instance) -> Checked:
        """What is known of an instance that has just been checked."""
        if result is not None:
            result.trap(CheckFailed)
        found = self._checked.get(instance.identity)
        if found is None:
            raise NoVerdict("it is not checked any more")
        return found

    def _answered(self, result: Failure | None, question: Hashable, check: Check) -> Checked:
        """What an instance said that is not checked otherwise."""
        if not check.asking and self._unasked.get(question) is check:
            del self._unasked[question]
        now = self._clock.seconds()
        if result is None:
            return Checked(True, now, now, check.took)
        result.trap(CheckFailed)
        return Checked(False, now, now, check.took, _reason(result))

    def _new_check(
        self,
        instances: list[Instance],
        settings: HealthCheckSettings,
        due: Mapping[_Identity, float | None],
    ) -> Check:
        check = Check(self._clock, self._random, settings, self._make_probe(settings), self._over)
        if self._running:
            times = [when for each in instances if (when := due.get(each.identity)) is not None]
            left = max(0.0, min(times) - self._clock.seconds()) if times else self._first_delay(check)
            check.wait(min(left, settings.interval))
        return check

    def _first_delay(self, check: Check) -> float:
        return self._random.random() * min(SPREAD, check.settings.interval)

    def _over(self, check: Check, failed: Failure | None) -> None:
        if failed is None or failed.check(CheckFailed):
            reason = "" if failed is None else _reason(failed)
            for instance in check.instances:
                self._tell(instance, check.took, reason)
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
        self._told(instance, duration, good)
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


def _question(instance: Instance, settings: HealthCheckSettings) -> Hashable:
    """What is equal for instances that are asked the same at the same place, equally often."""
    asked = () if settings.type == "tcp" else (settings.path, instance.headers, instance.tls)
    how = (settings.type, settings.interval, settings.jitter, settings.timeout)
    return instance.base_url, how, asked


def _reason(failed: Failure) -> str:
    return failed.getErrorMessage() or "no reason given"


def _called(instance: Instance) -> str:
    return f"{instance.service}/{instance.name} at {instance.label}"
