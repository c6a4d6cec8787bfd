"""No attempt while a breaker has to be open, and no more trials than so many: by a model of the breakers."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from jairouter.exchange import Outcome
from tests.simulation.configuration import Configuration
from tests.simulation.schedule import Schedule
from tests.simulation.truth.choices import may_be_away
from tests.simulation.truth.lives import Lives
from tests.simulation.watch import Event, Watch

if TYPE_CHECKING:
    from jairouter.exchange import Attempt

PATIENCE = 30.0
_HAIR = 1e-6


def judge_breakers(schedule: Schedule, watch: Watch) -> list[str]:
    """Follow all attempts with models of the breakers."""
    faults: list[str] = []
    lives = Lives(schedule.configuration, lambda *about: Model(about[0], about[1], about[2]))
    for event in watch.events:
        if event.kind == "reload":
            lives.reload(event.about, event.time)
        elif event.kind == "begin":
            fault = lives.of(event.about, event.time).begins(event.about, event.time)
            if fault:
                faults.append(f"{event.about.instance.identity} at {event.time:.3f}: {fault}")
        elif event.kind == "end":
            lives.of(event.about, event.time).ends(event.about, event.more, event.time)
        elif event.kind == "nobody":
            faults += _judge_nobody(schedule, lives, event)
    return faults


def _judge_nobody(schedule: Schedule, lives: Lives, event: Event) -> list[str]:
    """There is a reason for each instance, where breakers are all that can keep them away."""
    exchange, now = event.about, event.time
    configuration = schedule.in_force(exchange.started)
    service = exchange.request.route.service
    given = configuration["model"]["services"][service]
    if configuration is not schedule.in_force(now) or may_be_away(configuration, given, breakers=False):
        return []
    tried = {each.instance.base_url for each in exchange.attempts if each.instance.name == event.more}
    faults = []
    for each in given["instances"]:
        if each["name"] == event.more and each["weight"] and each["base_url"] not in tried:
            found = lives.known((service, each["name"], each["base_url"], each.get("path")))
            if found is not None and found.admits(now):
                where = f"{each['name']} at {each['base_url']}"
                faults.append(f"{where} was left alone at {now:.3f} without a reason")
    return faults


class Model:
    """The breaker of one instance, as it is described.

    Args:
        model: The `model` tree.
        service: The instance's.
        instance: Its settings.
    """

    def __init__(self, model: Configuration, service: str, instance: Configuration) -> None:
        self.settings: Configuration = model["services"][service].get("circuit_breaker", {})
        self.state = "closed"
        self._since = 0.0
        self._open_for = 0.0
        self._row = self._good = 0
        self._window: deque[bool] = deque()
        self._began: dict[Attempt, int] = {}
        self._trials: dict[Attempt, bool] = {}  # whether each was counted as a good one
        self._epoch = 0

    def become(self, other: Model, now: float) -> None:
        """A reload: it goes on under the settings of another one."""
        self.settings = other.settings
        if self._open_for:
            self._open_for = self._length(self._open_for)

    def gone(self) -> None:
        """It is not configured any more; what began earlier may go there all the same, without much ado."""
        self.settings = {}

    def begins(self, attempt: Attempt, now: float) -> str | None:
        """An attempt begins. Returns why it must not."""
        if not self.settings:
            return None
        fault = None
        if self.state == "open":
            if now < self._since + self._open_for - _HAIR:
                fault = f"an attempt though the breaker is open until {self._since + self._open_for:.3f}"
            self._enter("half-open", now)
        elif self.state == "half-open":
            most = self.settings["half_open_trials"] or self.settings["success_threshold"]
            count = sum(1 for each in self._trials if now < self._place(each, now) + self._patience - _HAIR)
            if count >= most:
                fault = f"{count + 1} trials at a time, where {most} are allowed"
            self._ripen(now)
        self._began[attempt] = self._epoch
        if self.state == "half-open":
            self._trials[attempt] = False
        return fault

    def admits(self, now: float) -> bool:
        """Whether an attempt may be made for certain. Changes nothing."""
        if not self.settings or self.state == "closed":
            return True
        if self.state == "open":
            return now > self._since + self._open_for + _HAIR
        most = self.settings["half_open_trials"] or self.settings["success_threshold"]
        return bool(len(self._trials) < most)

    def ends(self, attempt: Attempt, outcome: Outcome, now: float) -> None:
        """An attempt is over."""
        epoch = self._began.pop(attempt, None)
        if epoch != self._epoch or not self.settings:
            return
        if self.state == "half-open":
            self._ripen(now)
            if self.state == "half-open":
                self._trial_ends(attempt, outcome, now)
        elif self.state == "closed" and outcome in (Outcome.SUCCEEDED, Outcome.FAILED):
            self._counts(outcome is Outcome.FAILED, now)

    def _trial_ends(self, attempt: Attempt, outcome: Outcome, now: float) -> None:
        good = self._trials.pop(attempt)
        if outcome is Outcome.FAILED:
            self._open(now)
        elif outcome is Outcome.SUCCEEDED and not good:
            self._good += 1
            self._close_if_good(now)

    def _counts(self, failed: bool, now: float) -> None:
        settings, window = self.settings, self._window
        self._row = self._row + 1 if failed else 0
        past = settings.get("statistics", {})
        if self._row >= settings["failure_threshold"]:
            self._open(now)
        elif past:
            if len(window) == past["window_size"]:
                window.popleft() if past["sliding_window"] else window.clear()
            window.append(failed)
            enough = len(window) >= past["minimum_requests"]
            if enough and sum(window) * 100 >= settings["failure_rate_threshold"] * len(window):
                self._open(now)

    # -- states ---------------------------------------------------------------

    def _open(self, now: float) -> None:
        again = self.state == "half-open" or now - self._since < self._open_for
        grows = self.settings.get("adaptive_recovery", {})
        last = self._open_for * grows.get("backoff_multiplier", 1) if again else 0.0
        self._open_for = self._length(last)
        self._enter("open", now)

    def _length(self, wanted: float) -> float:
        grows: dict[str, Any] = self.settings.get("adaptive_recovery", {})
        least = self.settings["recovery_timeout"]
        if not grows:
            return float(least)
        return float(min(max(wanted, least, grows["min_timeout"]), grows["max_timeout"]))

    def _enter(self, state: str, now: float) -> None:
        self.state, self._since = state, now
        self._epoch += 1
        self._good = 0
        self._trials.clear()

    def _close_if_good(self, now: float) -> None:
        if self._good >= self.settings["success_threshold"]:
            self._row = 0
            self._window.clear()
            self._enter("closed", now)

    @property
    def _patience(self) -> float:
        return max(float(self.settings["recovery_timeout"]), PATIENCE)

    @staticmethod
    def _place(attempt: Attempt, now: float) -> float:
        """Since when it is waited for."""
        answering = 0 < attempt.answered <= now and 200 <= attempt.status < 300
        return attempt.answered if answering else attempt.began

    def _ripen(self, now: float) -> None:
        """Trials that go on for long are good ones."""
        for each, good in self._trials.items():
            since = self._place(each, now)
            if not good and since != each.began and now >= since + self._patience:
                self._trials[each] = True
                self._good += 1
        self._close_if_good(now)
