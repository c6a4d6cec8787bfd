"""What backends got: the client's bytes, as often as is allowed, and not after the answer had begun."""

from __future__ import annotations

from tests.simulation.backends import Attempt
from tests.simulation.clients import SimulatedClient
from tests.simulation.configuration import HELD
from tests.simulation.truth.case import Case, is_clean, raced, told_by

NOW = 1e-6
"""Seconds in which what happens at once has happened."""
_STATUSES = {"5xx", "500", "502", "503", "504", "429"}


def judge_attempts(case: Case) -> list[str]:
    """The bytes are the client's, and each attempt is one that is allowed."""
    faults = []
    for attempt in case.attempts:
        faults += _judge_bytes(case, attempt)
        faults += _judge_leaving(case.client, attempt)
    for at, attempt in enumerate(case.attempts[1:], 1):
        faults += _judge_further(case, case.attempts[:at], attempt)
    faults += _judge_hosts(case)
    faults += _judge_losers(case)
    if case.attempts and case.request.refusal:
        faults.append(f"should have been refused with {case.request.refusal}, but was sent on")
    return faults


def _judge_leaving(client: SimulatedClient, attempt: Attempt) -> list[str]:
    """A backend hears at once that the client is gone."""
    left = client.left
    if left is None or not client.seen_off or not attempt.plan.reads:
        return []
    if attempt.began > left:
        return ["asked for a client that had left"]
    if not _is_over(attempt, left) and (attempt.lost is None or attempt.lost > left + NOW):
        return [f"the client left at {left:.3f}, the backend was told at {attempt.lost}"]
    return []


def _is_over(attempt: Attempt, when: float) -> bool:
    """Whether a backend has nothing more to do for it."""
    return bool(attempt.over is not None and attempt.over <= when) or bool(attempt.ended)


def _judge_bytes(case: Case, attempt: Attempt) -> list[str]:
    faults = []
    request, body = case.request, bytes(attempt.body)
    allowed = [request.body, *(case.body_for(other) for other in case.others)]
    if attempt.complete and body not in allowed:
        faults.append(f"the backend got other bytes: {len(body)} for {len(request.body)}")
    if not any(each.startswith(body) for each in allowed):
        faults.append("the backend got other bytes in a part of the body")
    target = attempt.line.split(b" ")[1].decode()
    if target.removeprefix("/served") != request.target_behind:
        faults.append(f"went to {target}")
    named = dict(attempt.headers)
    if named.get(b"content-type") != request.content_type or named.get(b"accept") != b"*/*":
        faults.append(f"headers are changed: {attempt.headers}")
    if {b"connection", b"expect"} & set(named) or len(named) != len(attempt.headers):
        faults.append(f"headers that stop at the gateway went on, or some came twice: {attempt.headers}")
    return faults


# -- one more attempt -----------------------------------------------------------


def _judge_further(case: Case, earlier: list[Attempt], attempt: Attempt) -> list[str]:
    """Whether there may be one more after, or beside, these."""
    begun = case.first_byte
    if begun is not None and attempt.began > begun + NOW:
        return [
            f"asked again at {attempt.began:.3f}, after the first byte had reached the client at {begun:.3f}"
        ]
    if any(raced(each) and each.host == attempt.host for each in earlier):
        return []  # one of them was this one
    model = case.model_of(attempt)
    if case.others and model == case.request.model and not attempt.complete:
        return []  # nobody can tell which model it was for
    same = [each for each in earlier if case.model_of(each) == model and not raced(each)]
    if not same:
        return []
    if not case.retry["enabled"]:
        return ["asked again though there must be no retries"]
    return _judge_reasons(case, same, attempt)


def _judge_reasons(case: Case, same: list[Attempt], attempt: Attempt) -> list[str]:
    """Each earlier attempt failed in a way after which there is another, or is overtaken by a hedge."""
    pending = 0
    begun = _lived(case, attempt)[0]
    for each in same:
        over = _lived(case, each)[1]
        if over is None or over > begun + NOW:
            pending += 1
        elif not (_classes(case, each) & set(_spelt_out(case.retry["on"]))):
            said = told_by(each).status
            return [f"asked again after {each.plan.kind} {said}, which its classes do not name"]
    if pending > (1 if case.retry["hedge"]["enabled"] else 0):
        return [f"asked again while {pending} attempts were under way"]
    return []


def _lived(case: Case, attempt: Attempt) -> tuple[float, float | None]:
    """When the gateway began with it and was done, as it says itself; it need not have begun with sending.

    A host may have been asked more than once, and there may be attempts that never came through.
    """
    if case.exchange is None:
        return attempt.began, None
    model = case.model_of(attempt)
    mine = [each for each in case.attempts if each.host == attempt.host and case.model_of(each) == model]
    at = [each for each in mine if not raced(each) or each is attempt].index(attempt)
    lives = [
        (each.began, each.ended or None)
        for each in sorted(case.exchange.attempts, key=lambda each: each.began)
        if each.instance.name == model and _host(each.instance.base_url) == attempt.host
        if each.began <= attempt.began + NOW and not 0 < each.ended < attempt.began - NOW
    ]
    return lives[min(at, len(lives) - 1)] if lives else (attempt.began, 0.0)


def _host(base_url: str) -> str:
    return base_url.removeprefix("http://").partition(":")[0]


def _classes(case: Case, attempt: Attempt) -> set[str]:
    """The names of what may have gone wrong with it."""
    told = told_by(attempt)
    classes = {str(told.status)} | ({"5xx"} if told.status >= 500 else set())
    if not is_clean(attempt) or case.request.slow:
        classes |= {"connect", "reset", "timeout", *_STATUSES}
    return classes


def _spelt_out(on: list[str]) -> list[str]:
    return [*on, *(str(status) for status in range(500, 600) if "5xx" in on)]


# -- how often, and where ---------------------------------------------------------


def _judge_hosts(case: Case) -> list[str]:
    """Nobody is asked twice, and no more than so many are."""
    faults = []
    asked: dict[str, list[Attempt]] = {}
    for attempt in case.attempts:
        before = asked.setdefault(case.model_of(attempt), [])
        again = [each for each in before if each.host == attempt.host]
        known = attempt.complete or not case.others
        if again and known and not raced(again[-1]) and not case.retry["same_instance"]:
            faults.append(f"the same instance was asked twice: {attempt.host}")
        before.append(attempt)
    if case.exchange is None:
        return faults
    most = 1
    if case.retry["enabled"]:
        most += case.retry["max_retries"] + bool(case.retry["hedge"]["enabled"])
    models = [each.instance.name for each in case.exchange.attempts]
    for model in set(models):
        if models.count(model) > most:
            faults.append(f"{model} was tried {models.count(model)} times, where {most} are allowed")
        if model not in (case.request.model, *case.others):
            faults.append(f"{model} was asked, which must not stand in for {case.request.model}")
    if len(case.request.body) > HELD and len(case.attempts) > 1 and case.retry["hedge"]["enabled"]:
        hedged = any(each.hedge for each in case.exchange.attempts)
        faults += ["a body that is not held went to two places at a time"] if hedged else []
    return faults


def _judge_losers(case: Case) -> list[str]:
    """Once an answer has begun, everybody else is told that nobody waits for them."""
    begun = case.first_byte
    if begun is None:
        return []
    under_way = [
        each
        for each in case.attempts
        if each.plan.reads and not _is_over(each, begun) and (each.lost is None or each.lost > begun + NOW)
    ]
    if len(under_way) > 1:
        return [f"{len(under_way)} backends were at work when the answer had begun, at {begun:.3f}"]
    return []
