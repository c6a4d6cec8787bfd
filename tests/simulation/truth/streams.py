"""Event streams: the backend's bytes, and where they break, one event that says so."""

from __future__ import annotations

import re

from tests.simulation.messages import Message
from tests.simulation.truth import answers
from tests.simulation.truth.case import KEEP_ALIVE, Case, is_clean, told_by

_ERROR_EVENT = re.compile(rb'(?:\A|(?<=[\r\n]))data: (\{"error":.*\})\n\n\Z')


def mixed_up(case: Case, answer: Message) -> bool:
    """Whether there is text in it of more than one attempt."""
    tag = re.escape(case.request.tag.encode())
    said = re.findall(
        rb'"' + tag + rb"/(\d+)/\d+ |\"answers\": \"" + tag + rb'", "attempt": (\d+)', answer.body
    )
    return len({one or other for one, other in said}) > 1


def judge_stream(case: Case, answer: Message) -> list[str]:
    """It is what one of the attempts said, as far as that went."""
    got = answer.body.replace(KEEP_ALIVE, b"")
    views = [(each, told_by(each)) for each in case.attempts]
    streams = [(each, told) for each, told in views if told.is_event_stream]
    none = len(streams) < len(views) or not views
    if case.begun_early and none and not _judge_broken_stream(got, b"", is_error_event=False):
        return []  # begun with comments, then there was no stream
    faults: list[str] = ["a stream that no backend began"]
    for each, told in reversed(streams):
        clean = is_clean(each) and not case.may_be_late
        whole = clean or (told.complete and each.plan.kind not in ("error event", "no mark"))
        if whole and got == told.body:
            return []
        if clean:
            faults = [f"a good stream was changed: {got[-80:]!r} for {told.body[-80:]!r}"]
            continue
        found = _judge_broken_stream(got, told.body, is_error_event=each.plan.kind == "error event")
        if not found:
            return []
        faults = found
    return faults


def _judge_broken_stream(got: bytes, said: bytes, *, is_error_event: bool) -> list[str]:
    events = [event for event in re.split(rb"\r?\n\r?\n", got) if event]
    errors = [event for event in events if b'"error":' in event]
    if len(errors) != 1:
        return [f"{len(errors)} error events in a stream that broke: {got[-200:]!r}"]
    if events[-1] is not errors[0]:
        return [f"more after the error event: {got[-100:]!r}"]
    if said and is_error_event and said.startswith(got):
        return []  # the backend's own error event, and nothing behind it
    made_here = _ERROR_EVENT.search(got)
    if made_here is None or answers.fault_in_error(made_here[1]):
        return [f"no error event in OpenAI's shape: {got[-200:]!r}"]
    before = got[: made_here.start()]
    if not said.startswith(before) and not said.startswith(before.removesuffix(b"\n\n")):
        return [f"text that the backend did not say: {before[-80:]!r}"]
    return []
