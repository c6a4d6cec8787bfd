"""What the gateway takes from each attempt, for breakers and all the others, is what the backend did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jairouter.exchange import Outcome
from tests.simulation.backends import Attempt as Seen
from tests.simulation.truth.case import Case, is_clean, raced, told_by

if TYPE_CHECKING:
    from jairouter.exchange import Attempt


def judge_outcomes(case: Case) -> list[str]:
    """Look at attempts of which it is certain which request of a backend's they are."""
    if case.exchange is None:
        return []
    faults = []
    for attempt in case.exchange.attempts:
        seen = _seen(case, attempt)
        if seen is None:
            continue
        allowed = _allowed(case, seen)
        if attempt.outcome not in allowed:
            told = f"{seen.plan.kind} {told_by(seen).status}"
            faults.append(f"{told} was taken as {attempt.outcome}, not as {[each.word for each in allowed]}")
    return faults


def _seen(case: Case, attempt: Attempt) -> Seen | None:
    """What a backend saw of it, if there is just one that fits."""
    url, name = attempt.instance.base_url, attempt.instance.name
    same = (
        [each for each in case.exchange.attempts if each.instance is attempt.instance]
        if case.exchange
        else []
    )
    found = [
        each
        for each in case.attempts
        if url == f"http://{each.host}:9000" and case.model_of(each) == name and each.complete
        if not raced(each)
    ]
    return found[0] if len(found) == len(same) == 1 else None


def _allowed(case: Case, seen: Seen) -> set[Outcome]:
    told = told_by(seen)
    if is_clean(seen):
        allowed = {_of(told.status)}
        no_stream = case.begun_early and not told.is_event_stream  # where the client was promised one
        excused = no_stream or case.may_be_late or bool(case.client.plan.pauses)
    else:
        allowed = {Outcome.FAILED, Outcome.NEUTRAL, _of(told.status)}
        broken = seen.plan.kind in ("no answer", "stall", "cut short") and not told.complete
        allowed -= {Outcome.SUCCEEDED} if broken else set()
        excused = True
    told_to_go = case.client.left is not None or case.schedule.drain is not None
    may_be_cancelled = told_to_go or case.retry["hedge"]["enabled"] or excused
    allowed |= {Outcome.ABANDONED} if may_be_cancelled else set()
    return allowed | ({Outcome.FAILED, Outcome.NEUTRAL} if excused else set())


def _of(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome.SUCCEEDED
    if status == 429:
        return Outcome.THROTTLED
    return Outcome.NEUTRAL if 400 <= status < 500 else Outcome.FAILED
