"""A check: asks one backend, once or again and again, and says what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from jairouter.upstream.failures import CheckFailed, NoVerdict

if TYPE_CHECKING:
    from random import Random

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from jairouter.config.settings.balancing import HealthCheckSettings
    from jairouter.interfaces import IProbe
    from jairouter.traffic.instance import Instance


class Check:
    """Asks one backend: see the picture in `jairouter.upstream.prober`.

    Args:
        clock: The reactor, or a fake clock.
        random: For the jitter; None for a check that asks only when it is told to.
        settings: How.
        probe: Asks.
        over: Told of each probe, and why it failed, if it did.

    Attributes:
        settings: As given.
        instances: Those that the answer is for.
        due: When the next probe begins, in the clock's seconds; None while there is one under way.
        took: Seconds that the last probe took.
    """

    def __init__(
        self,
        clock: IReactorTime,
        random: Random | None,
        settings: HealthCheckSettings,
        probe: IProbe,
        over: Callable[[Check, Failure | None], None],
    ) -> None:
        self.settings = settings
        self.instances: tuple[Instance, ...] = ()
        self.due: float | None = None
        self.took = 0.0
        self._clock = clock
        self._random = random
        self._probe = probe
        self._tell_over = over
        self._call: IDelayedCall | None = None  # to begin a probe, or to end it
        self._probing: Deferred[None] | None = None
        self._began = 0.0
        self._late = False
        self._waiting: list[Deferred[None]] = []

    @property
    def asking(self) -> bool:
        """Whether there is a probe under way."""
        return self._probing is not None

    def wait(self, delay: float) -> None:
        """Ask in so many seconds."""
        self.due = self._clock.seconds() + delay
        self._call = self._clock.callLater(delay, self._begin)

    def ask_now(self) -> Deferred[None]:
        """Ask at once, or wait for the answer if it is being asked already.

        Returns:
            Fires when it is well, after `over` was told. Fails as `IProbe.probe` does, and with `NoVerdict`
            when it is stopped meanwhile. When it is cancelled and nobody else waits, a check that asks only
            when it is told to gives up.
        """
        waiting: Deferred[None] = Deferred(self._leave)
        self._waiting.append(waiting)
        if self._probing is None:
            self._stop_call()
            self._begin()
        return waiting

    def stop(self) -> None:
        """Ask no more."""
        self.due = None
        self._stop_call()
        probing, self._probing = self._probing, None
        if probing is not None:
            probing.cancel()
        self._answer(Failure(NoVerdict("it was given up: checks have stopped, or others have begun")))

    def _leave(self, waiting: Deferred[None]) -> None:
        self._waiting.remove(waiting)
        if not self._waiting and self._random is None:
            self.stop()

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
        self.took = max(0.0, self._clock.seconds() - self._began)
        settings = self.settings
        failed = result if isinstance(result, Failure) else None
        if failed is not None and self._late:
            failed = Failure(CheckFailed(f"no answer within {settings.timeout:g} s"))
        # First of all: nothing that goes wrong with the answer may keep the next one from being asked for
        if self._random is not None:
            self.wait(settings.interval * (1 + settings.jitter * (2 * self._random.random() - 1)))
        try:
            self._tell_over(self, failed)
        finally:
            self._answer(failed)

    def _answer(self, failed: Failure | None) -> None:
        """Tell those who wait."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if failed is None:
                each.callback(None)
            else:
                each.errback(failed)

    def _stop_call(self) -> None:
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()
