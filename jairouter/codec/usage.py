r"""Finds out what an answer has cost while it goes by.

Backends say so in an object under the name ``usage``: at the end of an answer, in the last events of a stream
(where the client has asked for it), or in several (Anthropic; vLLM on request), of which later ones replace
earlier ones. Only that object is decoded, once, when all is over; until then it is searched for, which takes
less than a microsecond for an event. In generated text quotes are escaped (``\"usage\"``), so that it cannot
be mistaken.

Where a backend says nothing, the number of events stands for that of the tokens made, since backends send an
event for each, and a quarter of the bytes for those of other text:
https://help.openai.com/en/articles/4936856-what-are-tokens-and-how-to-count-them.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from jairouter.usage import Usage

TAIL: Final = 4096
"""Bytes at the end of an answer among which the object is searched for."""

MAX_ESTIMATED: Final = 64 * 1024
"""Bytes that are taken for text; more are most likely pictures or sounds, of which bytes say nothing."""

BYTES_PER_TOKEN: Final = 4

MOST: Final = 10**9
"""Tokens of one kind that an answer may have; who says more is mistaken. One such number would spoil the sums
of its model for good, and one that is no float any more the page that shows them."""

# Two levels are enough: details lie one level below
_OBJECT: Final = re.compile(rb'"usage"\s*:\s*(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})')
_FIRST: Final = re.compile(
    rb'"(?:content|reasoning_content|reasoning|thinking|text|delta|arguments|partial_json)"\s*:\s*"[^"]'
    rb'|"(?:tool_calls|function_call)"\s*:\s*[\[{]\s*[^\]}\s]'
)


class _Details(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct, gc=False):
    """The members of all dialects: OpenAI's older and newer ones, and Anthropic's."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


_DETAILS: Final = frozenset(name for name in _Usage.__struct_fields__ if name.endswith("_details"))
_decoder: Final = msgspec.json.Decoder(_Usage)
_NOTHING: Final = Usage(0, 0)


def usage_in(answer: bytes) -> Usage | None:
    """What an answer says of its cost.

    Args:
        answer: Some of it, up to its end.

    Returns:
        Tokens; None if it says nothing that can be read. Never below 0: some backends write -1 for what
        they do not know.
    """
    found = _last_object(answer, max(0, len(answer) - TAIL))
    return None if found is None else _read(found, None)


def _read(usage: bytes, before: Usage | None) -> Usage | None:
    try:
        said = _decoder.decode(usage)
    except msgspec.ValidationError:
        said = _what_is_right(usage)
    except msgspec.DecodeError:
        return before
    return _merged(said, before) or before


def _what_is_right(usage: bytes) -> _Usage:
    """Of an object with members that are not what they should be: the others."""
    try:
        return msgspec.convert(_whole_numbers(msgspec.json.decode(usage)), _Usage)
    except msgspec.DecodeError:  # a number that no float can hold
        return _Usage()


def _whole_numbers(members: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers, and objects of such; some backends write 5.0 for 5, or a text where others have an object."""
    right: dict[str, Any] = {}
    for name, value in members.items():
        if name in _DETAILS and isinstance(value, dict):
            right[name] = _whole_numbers(value)
        elif name not in _DETAILS and type(value) is int:
            right[name] = value
        elif name not in _DETAILS and isinstance(value, float) and value.is_integer():
            right[name] = int(value)
    return right


def _last_object(data: bytes, start: int = 0) -> bytes | None:
    """The last ``usage`` that is an object; in most events of a stream it is null."""
    at = data.rfind(b'"usage"', start)
    while at >= 0:
        found = _OBJECT.match(data, at)
        if found is not None:
            return found[1]
        at = data.rfind(b'"usage"', start, at)
    return None


def _merged(said: _Usage, before: Usage | None) -> Usage | None:
    prompt = _first(said.prompt_tokens, said.input_tokens)
    completion = _first(said.completion_tokens, said.output_tokens)
    if prompt is None and completion is None:
        prompt = _first(said.total_tokens)  # rerankers say nothing else
        if not prompt:
            return None
    cached = _detail(said.prompt_tokens_details, said.input_tokens_details, "cached_tokens")
    reasoning = _detail(said.completion_tokens_details, said.output_tokens_details, "reasoning_tokens")
    if said.cache_read_input_tokens or said.cache_creation_input_tokens:
        # Anthropic counts these apart from the others, OpenAI among them
        cached = _first(said.cache_read_input_tokens) or 0
        prompt = (prompt or 0) + cached + (_first(said.cache_creation_input_tokens) or 0)
    old = before or _NOTHING
    return Usage(
        old.prompt if prompt is None else prompt,
        old.completion if completion is None else completion,
        max(cached, old.cached),
        max(reasoning, old.reasoning),
    )


def _first(older: int | None, newer: int | None = None) -> int | None:
    """The first that says something that can be true."""
    if older is not None and 0 <= older <= MOST:
        return older
    return newer if newer is not None and 0 <= newer <= MOST else None


def _detail(older: _Details | None, newer: _Details | None, name: str) -> int:
    details = older or newer
    return 0 if details is None else _first(getattr(details, name)) or 0


def estimated(prompt: int | None, completion: int) -> Usage | None:
    """A guess.

    Args:
        prompt: Bytes of the request; None where they are no text.
        completion: Tokens that were counted as they came.

    Returns:
        None where nothing can be guessed.
    """
    of_prompt = 0 if prompt is None or prompt > MAX_ESTIMATED else -(-prompt // BYTES_PER_TOKEN)
    if not of_prompt and not completion:
        return None
    return Usage(of_prompt, completion, estimated=True)


_DONE: Final = (b"data: [DONE]\n\n", b"data:[DONE]\n\n", b"data: [DONE]\r\n\r\n", b"data: [DONE]\n")
"""The end of a stream, which is no token."""


class StreamMeter:
    """What is known of the tokens of one event stream so far.

    Attributes:
        begun: Whether the first token has come.
        events: How many events have, but for the one that says that it was the last.
    """

    __slots__ = ("_first_said", "_said", "begun", "events")

    def __init__(self) -> None:
        self.begun = False
        self.events = 0
        self._first_said: bytes | None = None
        self._said: bytes | None = None

    def see(self, events: bytes) -> None:
        """Look at the next piece of the stream. Called for every piece: must be cheap.

        Args:
            events: Whole events, as `jairouter.codec.sse.EventSplitter` gives them out.
        """
        self.events += events.count(b"data:") - events.endswith(_DONE)
        if not self.begun and _FIRST.search(events):
            self.begun = True
        said = _last_object(events)
        if said is not None:
            if self._first_said is None:
                self._first_said = said
            self._said = said

    @property
    def usage(self) -> Usage | None:
        """What the stream has said of its cost until now."""
        if self._first_said is None or self._said is None:
            return None
        first = _read(self._first_said, None)
        return first if self._said is self._first_said else _read(self._said, first)
