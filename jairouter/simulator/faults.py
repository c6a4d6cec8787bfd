"""Ways to misbehave, each a function from the answer that was due to the one that is sent.

A specification is `NAME[;parameter=value...][,NAME...]`, for example
`interim,stall-mid-body;after=3`. It stands in the option `--fault`, in a request's `X-Simulate`
header, or after a `!` in the model's name.

Parameters every fault takes: `rate` (share of the requests it strikes, 0 to 1, default 1) and
`only` (strikes only paths that begin so). `after` counts events in a stream and bytes in any other
answer; where it is not given, two events or half of the body are sent. `for` ends a stall after so
many seconds; without it, it lasts until the client leaves. Faults that need a stream leave other
answers alone, but for `error-event` and `done-after-error`, which become `error`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping

from jairouter.simulator import breaking
from jairouter.simulator.answer import Answer, Cut, Framing, whole
from jairouter.simulator.fault import Fault, UnknownFault

# Not HTTP in any version: a TLS alert, a NUL and bytes outside ASCII.
GARBAGE = b"\x15\x03\x01\x00\x02\x02\x46\x00\xff\xfe this is no HTTP answer \xf0\x9f\r\n\r\n"

_INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"


def parse(specification: str) -> tuple[Fault, ...]:
    """Return the faults a specification names, in order.

    Raises:
        UnknownFault: If a name is not known; the message lists those that are.
    """
    items = (item.strip() for item in specification.split(","))
    return tuple(_parse_one(item) for item in items if item)


def _parse_one(item: str) -> Fault:
    name, *pairs = (word.strip() for word in item.split(";"))
    if name not in known():
        raise UnknownFault(f"unknown fault '{name}'; known are: {', '.join(known())}")
    parameters = dict(pair.partition("=")[::2] for pair in pairs if pair)
    fault = Fault(name, parameters)
    for parameter in parameters:
        if parameter not in ("only", "message"):
            fault.number(parameter, 0)
    return fault


def known() -> tuple[str, ...]:
    """Return all names a specification may use, in alphabetical order."""
    return tuple(sorted((*_CHANGES, *ELSEWHERE)))


def apply(answer: Answer, faults: Iterable[Fault]) -> Answer:
    """Return the answer as the faults leave it, the first one applied first."""
    for fault in faults:
        change = _CHANGES.get(fault.name)
        if change is not None:
            answer = change(answer, fault)
    return answer


def _refuse(answer: Answer, fault: Fault) -> Answer:
    return dataclasses.replace(answer, instead=Cut.CLOSE)


def _reset(answer: Answer, fault: Fault) -> Answer:
    return dataclasses.replace(answer, instead=Cut.RESET)


def _garbage(answer: Answer, fault: Fault) -> Answer:
    return dataclasses.replace(answer, prelude=GARBAGE, instead=Cut.CLOSE)


def _stall_before_headers(answer: Answer, fault: Fault) -> Answer:
    seconds = fault.number("for", 0)
    if seconds:
        return dataclasses.replace(answer, latency=(answer.latency or 0) + seconds)
    return dataclasses.replace(answer, instead=Cut.STALL)


def _wrong_length(answer: Answer, fault: Fault) -> Answer:
    length = answer.length // 2 if answer.framing is Framing.LENGTH else 64
    return dataclasses.replace(answer, framing=Framing.LENGTH, length=length)


def _garbage_body(answer: Answer, fault: Fault) -> Answer:
    return dataclasses.replace(whole(b'{"id": "chatcmpl-1", "choices": [,'), latency=answer.latency)


def _throttled(answer: Answer, fault: Fault) -> Answer:
    parameters = {"status": "429", "retry-after": "1", **fault.parameters}
    return breaking.error(answer, Fault(fault.name, parameters))


def _slow_headers(answer: Answer, fault: Fault) -> Answer:
    return dataclasses.replace(answer, head_gap=fault.number("every", 0.1))


def _interim(answer: Answer, fault: Fault) -> Answer:
    return dataclasses.replace(answer, prelude=_INTERIM)


def _close_delimited(answer: Answer, fault: Fault) -> Answer:
    return dataclasses.replace(answer, framing=Framing.CLOSE)


def _keep_alive_drop(answer: Answer, fault: Fault) -> Answer:
    return dataclasses.replace(answer, drop_next=True)


_CHANGES: Mapping[str, Callable[[Answer, Fault], Answer]] = {
    "refuse": _refuse,
    "reset": _reset,
    "reset-mid-body": breaking.reset_mid_body,
    "stall-before-headers": _stall_before_headers,
    "stall-after-headers": breaking.stall_after_headers,
    "stall-mid-body": breaking.stall_mid_body,
    "truncate": breaking.truncate,
    "truncate-chunked": breaking.truncate_chunked,
    "wrong-length": _wrong_length,
    "garbage": _garbage,
    "garbage-body": _garbage_body,
    "error": breaking.error,
    "429": _throttled,
    "error-event": breaking.error_event,
    "done-after-error": breaking.done_after_error,
    "no-done": breaking.no_done,
    "huge-event": breaking.huge_event,
    "slow-headers": _slow_headers,
    "interim": _interim,
    "close-delimited": _close_delimited,
    "keep-alive-drop": _keep_alive_drop,
}

# Known names that act before there is an answer: on how the request is read, or on the settings
# it is answered with.
ELSEWHERE: Mapping[str, str] = {
    "slow-reading": "reads the body `bytes` (1024) at a time, `every` (0.1) s; 0: not at all",
    "early-error": "answers with `status` (413) before the body is read, and closes",
    "early-reset": "resets the connection before the body is read",
    "echo": "answers with exactly the text of the prompt",
    "pace": "answers this request with its own `latency`, `tokens` and `tokens-per-second`",
}
