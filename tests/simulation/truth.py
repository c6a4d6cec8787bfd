"""Is what the clients were told true? Judged by what the backends said, never by what the gateway thinks."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from tests.simulation.backends import Attempt, Record
from tests.simulation.clients import SimulatedClient
from tests.simulation.messages import Message, read_answers
from tests.simulation.schedule import HELD, RequestPlan, Schedule

KEEP_ALIVE = b": keep-alive\n\n"
_ERROR_EVENT = re.compile(rb'(?:\A|(?<=[\r\n]))data: (\{"error":.*\})\n\n\Z')
_MADE_HERE = re.compile(rb'\{"error":\{"message":')
MOST_ATTEMPTS = 2 * 3
"""Each of three may meet a kept-alive connection that is being closed, and is then sent once more."""
RETRIABLE = ("no_healthy_upstream", "upstream_busy", "gateway_busy", "shutting_down")


@dataclass(frozen=True)
class Case:
    """One request, what became of it behind the gateway, and what its client was told.

    Attributes:
        schedule: The run.
        client: Who asked.
        request: What.
        attempts: What backends saw of it.
        answer: What came back, or None.
    """

    schedule: Schedule
    client: SimulatedClient
    request: RequestPlan
    attempts: list[Attempt]
    answer: Message | None

    @property
    def told(self) -> Message:
        """What the last backend said, as HTTP has it; status 0 if that is no answer."""
        return told_by(self.attempts[-1]) if self.attempts else Message()

    @property
    def clean(self) -> bool:
        """Whether the last backend did all that can be asked of one, so that there is no excuse."""
        if not self.attempts or "total-timeout" in self.schedule.configuration or self.request.slow:
            return False
        last = self.attempts[-1]
        return not worth_another(last)

    @property
    def died_on_reuse(self) -> bool:
        """Whether the only attempt met a kept-alive connection that closed without a word."""
        return any(attempt.reused and attempt.may_be_unheard for attempt in self.attempts)


def told_by(attempt: Attempt) -> Message:
    """What a backend said, as HTTP has it; status 0 if that is no answer."""
    answers = read_answers(bytes(attempt.said), attempt.ended == "close")
    return answers[0] if answers else Message()


def worth_another(attempt: Attempt) -> bool:
    """Whether it may have failed in such a way that another instance is asked."""
    done = attempt.plan.kind == "good" and attempt.said_all and attempt.complete and not attempt.cut
    status = told_by(attempt).status
    return not done or status == 429 or status >= 500


def judge(schedule: Schedule, clients: list[SimulatedClient], record: Record) -> list[str]:
    """Everything that is not as it must be."""
    faults = list(record.faults)
    for client in clients:
        answers = client.answers()
        if len(answers) > len(client.begun):
            faults.append(f"client {client.plan.number} got more answers than it had asked for")
        for number, request in enumerate(client.plan.requests):
            answer = answers[number] if number < len(answers) else None
            case = Case(schedule, client, request, record.attempts.get(request.tag, []), answer)
            found = [*judge_attempts(case), *judge_answer(case, answers[:number], number)]
            kinds = [(attempt.plan.kind, attempt.plan.then) for attempt in case.attempts]
            faults += [f"request {request.tag} {kinds}: {fault}" for fault in found]
    return faults


# -- what the backends got ----------------------------------------------------


def judge_attempts(case: Case) -> list[str]:
    """The bytes are the client's, and nobody is asked after one who did what can be asked of a backend."""
    faults = []
    for attempt in case.attempts:
        faults += _judge_bytes(case.request, attempt)
        faults += _judge_leaving(case.client, attempt)
    for first in case.attempts[:-1]:
        raced = first.reused and first.may_be_unheard and first.lost is not None
        if not raced and not worth_another(first):
            faults.append("sent again after a good answer")
    if len(case.attempts) > MOST_ATTEMPTS:
        faults.append(f"sent {len(case.attempts)} times")
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
    was_over = (attempt.over is not None and attempt.over <= left) or attempt.ended
    if not was_over and (attempt.lost is None or attempt.lost > left + 1e-6):
        return [f"the client left at {left:.3f}, the backend was told at {attempt.lost}"]
    return []


def _judge_bytes(request: RequestPlan, attempt: Attempt) -> list[str]:
    faults = []
    body = bytes(attempt.body)
    if attempt.complete and body != request.body:
        faults.append(f"the backend got other bytes: {len(body)} for {len(request.body)}")
    if not request.body.startswith(body):
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


# -- what the client was told -------------------------------------------------


def judge_answer(case: Case, earlier: list[Message], number: int) -> list[str]:
    """The answer is complete and true, or it is broken off and there is a reason."""
    answer, client = case.answer, case.client
    if client.turned_away or number >= len(client.begun):
        return []
    if answer is None or not answer.complete:
        return _judge_nothing(case, earlier, number)
    in_the_pipeline = not (case.request.slow and answer.status == 408)
    if in_the_pipeline and not answer.header(b"x-request-id"):
        return ["an answer without X-Request-Id"]
    if answer.is_event_stream and answer.status == 200:
        return _judge_stream(case, answer)
    # (of several failed answers not always the last one: when nobody else is there after all)
    told = [case.told, *(told_by(each) for each in case.attempts if worth_another(each))]
    if any(each.complete and (answer.status, answer.body) == (each.status, each.body) for each in told):
        return []
    return _judge_error(case, answer)


def _judge_nothing(case: Case, earlier: list[Message], number: int) -> list[str]:
    """No answer, or a part of one."""
    if case.client.closed is None:
        return ["never answered"]
    if _may_break_off(case, earlier, number):
        return []
    if case.clean:
        return ["a good answer did not arrive whole"]
    if case.answer is not None and case.answer.is_event_stream and case.answer.status == 200:
        return ["a stream that broke does not say so in-band"]
    return [] if case.attempts else ["broken off though no backend was asked"]


def _may_break_off(case: Case, earlier: list[Message], number: int) -> bool:
    """Whether the connection could end before the answer, whatever the backend did."""
    client = case.client
    if client.left is not None or case.schedule.drain is not None or not client.begun[number]:
        return True
    if number > len(earlier) or (earlier and (earlier[-1].closes or not earlier[-1].complete)):
        return True  # it ended with an earlier answer
    # The gateway does not wait for ever until somebody reads a refusal, or what stands before one
    refused = not case.attempts or any(request.refusal for request in client.plan.requests)
    return bool(client.plan.pauses) and refused


def _judge_error(case: Case, answer: Message) -> list[str]:
    """Nothing that a backend said: so it must be an error that the gateway made."""
    if answer.status < 400:
        return [f"status {answer.status} with a body that no backend said: {answer.body[:80]!r}"]
    fault = fault_in_error(answer.body)
    if fault:
        return [f"status {answer.status}: {fault}: {answer.body[:80]!r}"]
    if case.clean and not (case.told.status >= 500 and case.told.header(b"content-type") == b"text/html"):
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
    failed = [each for each in case.attempts if worth_another(each)]
    if not case.attempts or case.died_on_reuse or failed:
        allowed.add(503)  # the pool may be exhausted
        allowed |= {504 if outage.silent else 502 for outage in schedule.outages}
        if request.service == "stt":
            allowed.add(502)  # a form cannot be sent a second time when a kept-alive connection dies
    for each in failed:
        allowed |= _errors_of(each, told_by(each))
    if "total-timeout" in schedule.configuration:
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
    if told.status >= 500:
        errors.add(told.status)
    return errors


# -- event streams --------------------------------------------------------------


def _judge_stream(case: Case, answer: Message) -> list[str]:
    said = case.told.body if case.told.is_event_stream else b""
    got = answer.body.replace(KEEP_ALIVE, b"")
    if not case.told.is_event_stream and "first-event: 1s" in case.schedule.configuration:
        return _judge_broken_stream(case, got, b"")  # begun with comments, then there was no stream
    if case.clean or (case.told.complete and case.attempts[-1].plan.kind not in ("error event", "no mark")):
        if got == said:
            return []
        if case.clean:
            return [f"a good stream was changed: {got[-80:]!r} for {said[-80:]!r}"]
    return _judge_broken_stream(case, got, said)


def _judge_broken_stream(case: Case, got: bytes, said: bytes) -> list[str]:
    events = [event for event in re.split(rb"\r?\n\r?\n", got) if event]
    errors = [event for event in events if b'"error":' in event]
    if len(errors) != 1:
        return [f"{len(errors)} error events in a stream that broke: {got[-200:]!r}"]
    if events[-1] is not errors[0]:
        return [f"more after the error event: {got[-100:]!r}"]
    if said and case.attempts[-1].plan.kind == "error event" and said.startswith(got):
        return []  # the backend's own error event, and nothing behind it
    made_here = _ERROR_EVENT.search(got)
    if made_here is None or fault_in_error(made_here[1]):
        return [f"no error event in OpenAI's shape: {got[-200:]!r}"]
    before = got[: made_here.start()]
    if not said.startswith(before) and not said.startswith(before.removesuffix(b"\n\n")):
        return [f"text that the backend did not say: {before[-80:]!r}"]
    return []
