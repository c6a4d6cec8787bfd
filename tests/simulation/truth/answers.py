"""What the client was told: an answer that some backend gave, whole, or an error that is true."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.simulation.backends import Attempt
from tests.simulation.configuration import HELD, STATIC
from tests.simulation.messages import Message
from tests.simulation.truth.cached import judge_cached
from tests.simulation.truth.case import Case, is_clean, told_by
from tests.simulation.truth.streams import judge_stream, mixed_up

RETRIABLE = ("no_healthy_upstream", "upstream_busy", "gateway_busy", "shutting_down")


def judge_answer(case: Case, cases: Mapping[str, Case]) -> list[str]:
    """The answer is complete and true, or it is broken off and there is a reason.

    Args:
        case: Whose answer.
        cases: All requests of the run, by tag.
    """
    answer, client = case.answer, case.client
    if client.turned_away or case.number >= len(client.begun):
        return []
    if answer is None or not answer.complete:
        return _judge_nothing(case)
    return _judge_whole(case, answer, cases)


def _judge_whole(case: Case, answer: Message, cases: Mapping[str, Case]) -> list[str]:
    in_the_pipeline = not (case.request.slow and answer.status == 408)
    if in_the_pipeline and not answer.header(b"x-request-id"):
        return ["an answer without X-Request-Id"]
    if mixed_up(case, answer):
        return ["text of two attempts in one answer"]
    if case.stood_in:
        return _judge_fallback(case, answer, cases)
    if answer.is_event_stream and answer.status == 200:
        found = judge_stream(case, answer)
        unmarked = case.begun_early and case.fallback.get("strategy") == "cache"
        return judge_cached(case, answer, cases) if found and unmarked else found
    if (answer.status, answer.body) in [(each.status, each.body) for each in case.told if each.complete]:
        return _judge_passed_over(case, answer)
    return _judge_error(case, answer)


def _judge_passed_over(case: Case, answer: Message) -> list[str]:
    """An answer that failed is not given where a good one came."""
    good = [each for each in case.attempts if is_clean(each) and told_by(each).status < 400]
    if answer.status >= 500 and good and not case.may_be_late:
        return [f"status {answer.status}, though there was a good answer"]
    return []


def _judge_nothing(case: Case) -> list[str]:
    """No answer, or a part of one."""
    if case.client.closed is None:
        return ["never answered"]
    if _may_break_off(case):
        return []
    if case.attempts and _had_to_arrive(case, case.attempts[-1]):
        return ["a good answer did not arrive whole"]
    if case.answer is not None and case.answer.is_event_stream and case.answer.status == 200:
        return ["a stream that broke does not say so in-band"]
    return [] if case.attempts else ["broken off though no backend was asked"]


def _may_break_off(case: Case) -> bool:
    """Whether the connection could end before the answer, whatever the backend did."""
    client, earlier = case.client, case.earlier
    if client.left is not None or case.schedule.drain is not None or not client.begun[case.number]:
        return True
    if case.number > len(earlier) or (earlier and (earlier[-1].closes or not earlier[-1].complete)):
        return True  # it ended with an earlier answer
    # The gateway does not wait for ever until somebody reads a refusal, or what stands before one
    refused = not case.attempts or any(request.refusal for request in client.plan.requests)
    return bool(client.plan.pauses) and refused


def _had_to_arrive(case: Case, attempt: Attempt) -> bool:
    """Whether what a backend said was all that the client could be told.

    A failed answer may be replaced by that of another attempt, which no backend need have seen.
    """
    if not is_clean(attempt) or case.may_be_late:
        return False
    if case.model_of(attempt) != case.request.model and told_by(attempt).status >= 400:
        return False
    status = told_by(attempt).status
    replaceable = case.retry["enabled"] or bool(case.fallback)
    return status < 400 or not (replaceable and (status >= 500 or status == 429))


# -- in place of the model --------------------------------------------------------


def _judge_fallback(case: Case, answer: Message, cases: Mapping[str, Case]) -> list[str]:
    """Something stood in for the model: it is what the answer says it is."""
    word, good = case.stood_in, [each for each in case.attempts if _had_to_arrive(case, each)]
    if not case.fallback:
        return [f"{word} stood in, though nothing says so"]
    if any(told_by(each).status < 400 and case.model_of(each) == case.request.model for each in good):
        return [f"{word} stood in, though there was a good answer"]
    if word.startswith("model:"):
        return _judge_other_model(case, answer, word.removeprefix("model:"))
    if word != case.fallback["strategy"]:
        return [f"{word} stood in, where {case.fallback['strategy']} should"]
    return judge_cached(case, answer, cases) if word == "cache" else _judge_made_here(case, answer, word)


def _judge_made_here(case: Case, answer: Message, word: str) -> list[str]:
    if word == "default":
        return [] if answer.status == 503 else [f"the plain answer has status {answer.status}"]
    if answer.status != case.fallback["status"] or STATIC.encode() not in answer.body:
        return [f"{answer.status} {answer.body!r} is not the static answer"]
    return []


def _judge_other_model(case: Case, answer: Message, model: str) -> list[str]:
    if model not in case.others:
        return [f"{model} must not stand in for {case.request.model}"]
    # (of a request that a backend did not read to its end nobody knows which model it was for)
    of_it = [each for each in case.attempts if case.model_of(each) == model or not each.complete]
    if not of_it:
        return [f"{model} was not asked, but is said to have answered"]
    if answer.is_event_stream and answer.status == 200:
        return judge_stream(case, answer)
    if (answer.status, answer.body) in [(each.status, each.body) for each in map(told_by, of_it)]:
        return [] if answer.status < 400 else ["another model's failure was passed on"]
    return _judge_error(case, answer)  # it broke off


# -- errors that the gateway makes ------------------------------------------------


def _judge_error(case: Case, answer: Message) -> list[str]:
    """Nothing that a backend said: so it must be an error that the gateway made."""
    if answer.status < 400:
        return [f"status {answer.status} with a body that no backend said: {answer.body[:80]!r}"]
    fault = fault_in_error(answer.body)
    if fault:
        return [f"status {answer.status}: {fault}: {answer.body[:80]!r}"]
    last = case.attempts[-1] if case.attempts else None
    if last is not None and _had_to_arrive(case, last):
        told = told_by(last)
        if not (told.status >= 500 and told.header(b"content-type") == b"text/html"):
            return [f"status {answer.status}, though the backend's answer was good: {answer.body[:120]!r}"]
    allowed = allowed_errors(case)
    if answer.status not in allowed:
        return [f"status {answer.status} where only {sorted(allowed)} are true: {answer.body[:120]!r}"]
    code = json.loads(answer.body)["error"]["code"]
    if code in RETRIABLE and answer.header(b"retry-after") is None:
        return [f"{code} without Retry-After"]
    return []


def fault_in_error(body: bytes) -> str | None:
    """What keeps a body from being an error in OpenAI's shape."""
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return "not OpenAI's shape"
    if not isinstance(error, dict) or set(error) != {"message", "type", "param", "code"}:
        return "not the four members"
    if not (isinstance(error["message"], str) and error["message"] and isinstance(error["type"], str)):
        return "no message or type"
    if not isinstance(error["code"], str | None) or not isinstance(error["param"], str | None):
        return "code or param is no string"
    return None


def allowed_errors(case: Case) -> set[int]:
    """The statuses that tell the truth about what happened."""
    request, schedule = case.request, case.schedule
    allowed = {503} if schedule.drain is not None else set()
    if request.slow:
        allowed |= {408, 504}
    if request.service == "stt":
        allowed |= {500} if schedule.disk_is_full else set()
    if request.refusal:
        return allowed | {request.refusal} | ({413} if len(request.body) > HELD else set())
    limits = [case.service, case.configuration["model"], *case.service["instances"]]
    if any("rate_limit" in each for each in limits) or case.service["load_balance"]["cool_down"]["enabled"]:
        allowed.add(429)
    failed = [each for each in case.attempts if not is_clean(each) or told_by(each).status >= 400]
    if not case.attempts or failed:
        allowed.add(503)  # the pool may be exhausted, or no instance may take requests
        allowed |= {504 if outage.silent else 502 for outage in schedule.outages}
        if request.service == "stt":
            allowed.add(502)  # a form cannot be sent a second time when a kept-alive connection dies
    for each in failed:
        allowed |= _errors_of(each, told_by(each))
    if case.may_be_late:
        allowed.add(504)
    return allowed


def _errors_of(attempt: Attempt, told: Message) -> set[int]:
    """What an attempt that went wrong may become."""
    plan = attempt.plan
    errors: set[int] = set()
    if plan.kind != "good" or not attempt.complete or attempt.cut:
        errors.add(502)
    if plan.then == "stall" or not plan.reads:
        errors.add(504)
    if plan.kind == "error event":
        errors.add(500)
    if told.status >= 500 or told.status == 429:
        errors.add(told.status)
    return errors
