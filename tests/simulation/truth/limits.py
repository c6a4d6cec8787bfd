"""Who was admitted and who was refused: by models of the limits that calculate for themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tests.simulation.configuration import Configuration
from tests.simulation.schedule import Schedule
from tests.simulation.truth.case import Case
from tests.simulation.truth.lives import Lives
from tests.simulation.truth.reference import Reference, certain, make
from tests.simulation.watch import Event, Watch, tag_of

if TYPE_CHECKING:
    from jairouter.exchange import Attempt, Exchange

_NOW = 1e-5


def judge_limits(schedule: Schedule, cases: Mapping[str, Case], watch: Watch) -> list[str]:
    """Follow all events with models of the limits.

    Args:
        schedule: The run.
        cases: All requests of the run, by tag.
        watch: What happened.
    """
    judge = _Judge(schedule, cases)
    for event in watch.events:
        judge.follow(event)
    return judge.faults


def overlaid(outer: Configuration, own: Configuration) -> Configuration:
    """What applies where something is given further out and something nearer."""
    inner = {**outer.get("client_ip", {}), **own.get("client_ip", {})}
    return {**outer, **own, "client_ip": inner}


def levels(model: Configuration, service: str) -> list[tuple[tuple[str, ...], Configuration]]:
    """The limits on the requests of a service, by the places where they are configured."""
    outer: Configuration = model.get("rate_limit", {})
    given: list[tuple[tuple[str, ...], Configuration]] = [(("model",), outer)] if outer else []
    own = model["services"][service].get("rate_limit")
    if own:
        given.append((("service", service), overlaid(outer, own)))
    found: list[tuple[tuple[str, ...], Configuration]] = []
    for place, settings in given:
        if settings["scope"] != "instance":
            found.append(((*place, settings["scope"]), settings))
        if settings.get("client_ip_enable"):
            own_part = settings.get("client_ip", {})
            most = {"max_requests": own_part["capacity"]} if own_part else {}
            found.append(((*place, "each client-ip"), {**settings, **own_part, **most}))
    return found


class _Judge:
    def __init__(self, schedule: Schedule, cases: Mapping[str, Case]) -> None:
        self.faults: list[str] = []
        self._schedule = schedule
        self._cases = cases
        self._version = 0
        self._limiters: dict[tuple[str, ...], tuple[int, Reference]] = {}
        self._carry(schedule.configuration, 0.0)
        self._held: dict[str, list[tuple[Reference, Fraction]]] = {}
        self._instances = Lives(schedule.configuration, _limit_of)
        self._attempts: dict[Attempt, tuple[Reference, Fraction]] = {}

    def follow(self, event: Event) -> None:
        """One event more."""
        now = Fraction(event.time)
        if event.kind == "asked":
            self._asked(event.about, event.time, event.more)
        elif event.kind == "over":
            for limiter, turn in self._held.pop(tag_of(event.about), ()):
                limiter.give_back(now, turn)
        elif event.kind == "reload":
            self._instances.reload(event.about, event.time)
            self._reload(event.about, event.time)
        elif event.kind == "begin":
            self._begins(event.about, event.time)
        elif event.kind == "end" and event.about in self._attempts:
            limiter, turn = self._attempts.pop(event.about)
            limiter.give_back(now, turn)

    def _reload(self, configuration: Configuration, when: float) -> None:
        self._version += 1
        self._carry(configuration, when)

    def _carry(self, configuration: Configuration, when: float) -> None:
        """What all share goes on at once; what one of many has, when its owner comes."""
        for service in configuration["model"]["services"]:
            for place, settings in levels(configuration["model"], service):
                if place[-1] == "service":
                    self._limiter(place, settings, when)

    # -- requests -------------------------------------------------------------

    def _asked(self, exchange: Exchange, when: float, wait: float | None) -> None:
        case = self._cases.get(tag_of(exchange))
        if case is None:
            return  # one that looks whether all has recovered
        now, found = Fraction(when), self._found(case, when)
        verdicts = [certain(limiter.early(now)) for limiter in found]
        admitted = False if False in verdicts else None if None in verdicts else True
        if admitted is not None and admitted is not (wait is not None):
            said = "admitted" if admitted else "refused"
            self.faults.append(f"request {case.request.tag} had to be {said} at {when:.3f} by the limits")
        self._judge_told(case, refused=wait is None)
        if wait is not None:
            waits = [limiter.take(now) for limiter in found]
            expected = max(waits, default=Fraction(0))
            if abs(expected - Fraction(wait)) > _NOW:
                self.faults.append(
                    f"request {case.request.tag} had to wait {float(expected):.6f}, not {wait:.6f}"
                )
            self._judge_wait(case, exchange, when + wait)
            self._held[case.request.tag] = [(each, now + own) for each, own in zip(found, waits, strict=True)]

    def _found(self, case: Case, when: float) -> list[Reference]:
        model = self._schedule.in_force(when)["model"]
        return [
            self._limiter((*place, *_key(place[-1], case)), settings, when)
            for place, settings in levels(model, case.request.service)
        ]

    def _limiter(self, key: tuple[str, ...], settings: Configuration, when: float) -> Reference:
        """That of the configuration of now; it goes on where the one of an earlier configuration stands."""
        version, found = self._limiters.get(key, (0, None))
        if found is None:
            found = make(settings, when)
        elif version != self._version:
            found = found.carried(settings, Fraction(when))
        self._limiters[key] = self._version, found
        return found

    def _judge_told(self, case: Case, *, refused: bool) -> None:
        """The client is told the same."""
        tag, answer = case.request.tag, case.answer
        if refused and case.attempts:
            self.faults.append(f"request {tag} was refused, and sent on")
        if answer is None or not answer.complete:
            return
        told = _is_refusal(answer.status, answer.body)
        if told is not refused:
            said = "refused" if refused else "admitted"
            self.faults.append(f"request {tag} was {said}, and told {answer.status}")
        if refused and answer.header(b"retry-after") is None:
            self.faults.append(f"request {tag} was refused without Retry-After")
        if not answer.header(b"x-ratelimit-limit-requests") and not case.schedule.drain:
            self.faults.append(f"request {tag} was not told of its limit")

    def _judge_wait(self, case: Case, exchange: Exchange, turn: float) -> None:
        early = [each.began for each in exchange.attempts if each.began < turn - _NOW]
        if early:
            self.faults.append(
                f"request {case.request.tag} went on at {early[0]:.3f}, before its turn at {turn:.3f}"
            )

    # -- attempts -------------------------------------------------------------

    def _begins(self, attempt: Attempt, when: float) -> None:
        found: _InstanceLimit = self._instances.of(attempt, when)
        limiter = found.limiter
        if limiter is None:
            return
        now = Fraction(when)
        if certain(limiter.early(now)) is False:
            self.faults.append(f"an attempt at {attempt.instance.identity} at {when:.3f}, beyond its limit")
        self._attempts[attempt] = limiter, now + limiter.take(now)


def _key(scope: str, case: Case) -> tuple[str, ...]:
    request, host = case.request, case.client.plan.host
    if scope in ("client-ip", "each client-ip"):
        return (host,)
    if scope == "caller":
        return (request.key.decode() or host,)
    return (request.service, request.model) if scope == "model" else ()


def _is_refusal(status: int, body: bytes) -> bool:
    """Whether the gateway says so by itself, and not because of its instances."""
    if status != 429:
        return False
    try:
        error: dict[str, Any] = json.loads(body)["error"]
    except (ValueError, KeyError):
        return False
    said = error["message"]
    return bool(said.startswith("the limit of ") and "every instance" not in said)


# -- instances ------------------------------------------------------------------


class _InstanceLimit:
    """The limit of one instance, if it has one."""

    def __init__(self, settings: Configuration | None, now: float) -> None:
        self._settings = settings
        self.limiter = make(settings, now) if settings else None

    def become(self, other: _InstanceLimit, now: float) -> None:
        """A reload: it goes on under the settings of another one."""
        before, self._settings = self._settings, other._settings
        if self._settings is None or before is None or before["algorithm"] != self._settings["algorithm"]:
            self.limiter = other.limiter
        elif self.limiter is not None:
            self.limiter = self.limiter.carried(self._settings, Fraction(now))

    def gone(self) -> None:
        """It is not configured any more."""


def _limit_of(model: Configuration, service: str, instance: Configuration, now: float) -> Any:
    """Its settings: the instance's own, or else the nearest of those outside with a bucket for each."""
    return _InstanceLimit(limit_settings(model, service, instance), now)


def limit_settings(model: Configuration, service: str, instance: Configuration) -> Configuration | None:
    """The settings of an instance's limit."""
    outer, own = model.get("rate_limit", {}), model["services"][service].get("rate_limit", {})
    if "rate_limit" in instance:
        return overlaid(overlaid(outer, own), instance["rate_limit"])
    merged = overlaid(outer, own) if own else {}
    return next((each for each in (merged, outer) if each and each["scope"] == "instance"), None)
