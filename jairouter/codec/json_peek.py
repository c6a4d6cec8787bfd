r"""Reads from a JSON request body what routing needs, and nothing else.

The body itself is forwarded byte for byte; this module never writes JSON. msgspec skips every
member not named here without building Python values, so that the cost hardly depends on what the
conversation holds: about 1.5 us for a chat request of 600 bytes, about 10 ms for 50 MB.

**Two parsers, one meaning.** RFC 8259, section 4, leaves open what a name given twice means, and
parsers differ: some take the first value, some the last. A caller who may use model A but not B
could send both. The decode hook below is called for *each* occurrence of a routed member, however
its name is spelled (``"mod\u0065l"`` too), so that such a body is seen and refused.

**Lone surrogates.** ``"\ud83d"`` without its other half is allowed by the grammar of RFC 8259
(section 8.2 warns of it), and JavaScript clients send it when they cut a text in the middle of an
emoji. msgspec refuses it. Only then the body is read once more from a copy in which each such
escape is replaced by ``\ufffd``, which is as long, so that byte offsets stay true.
"""

import codecs
import re
from typing import Any, Final, TypeVar

import msgspec

from jairouter.codec.model_name import fault_in

_BOM: Final = b"\xef\xbb\xbf"
_HIGH: Final = rb"[89abAB][0-9a-fA-F]{2}"
_LOW: Final = rb"[c-fC-F][0-9a-fA-F]{2}"
# A high surrogate before no low one, or the reverse; after an even number of backslashes, which
# are text. Starts with a literal so that 50 MB are searched in 15 ms.
_LONE_SURROGATE: Final = re.compile(
    rb"\\(?<!\\\\)((?:\\\\)*+)u[dD]"
    rb"(?:" + _HIGH + rb"(?!\\u[dD]" + _LOW + rb")"
    rb"|(?<!\\u[dD]" + _HIGH + rb"\\u[dD])" + _LOW + rb")"
)
# More of them than cut texts leave in a long conversation.
_MAX_SURROGATES: Final = 1000
# Of routed members, all occurrences together: each costs a call, and nobody needs more than three.
_MAX_ROUTED: Final = 32
_MALFORMED: Final = re.compile(r"JSON is malformed: (?P<what>.*) \(byte (?P<byte>\d+)\)")
_MEMBER: Final = re.compile(r" - at `\$\.(\w+)")
_SLICE: Final = 65536
_T = TypeVar("_T", str, bool)

_KINDS: Final[dict[type, str]] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


class PeekError(Exception):
    """A request body from which a request cannot be routed; the client's fault (400).

    Attributes:
        message: one plain English sentence without a full stop, fit to be shown to the client. It
            never repeats any of the body.
        param: the member at fault (``"model"``, ``"stream"``), or None when it is the whole body.
    """

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class Peek(msgspec.Struct, frozen=True, gc=False):
    """What a request body says about where it goes and how the answer comes.

    Attributes:
        model: the model asked for; never empty, no control characters.
        stream: whether the answer is asked for as server-sent events.
        include_usage: whether ``stream_options.include_usage`` is true, that is, whether the
            client expects the usage chunk at the end of a stream.
    """

    model: str
    stream: bool
    include_usage: bool


class _Model:
    """Stands for a value of ``model``, so that msgspec calls the hook for it."""


class _Stream:
    """Stands for a value of ``stream``."""


class _Options:
    """Stands for a value of ``stream_options``."""


_MODEL: Final = _Model()
_STREAM: Final = _Stream()
_OPTIONS: Final = _Options()
_MARKS: Final[dict[type, object]] = {_Model: _MODEL, _Stream: _STREAM, _Options: _OPTIONS}


class _Routed(msgspec.Struct, gc=False):
    # No "| None": then the hook is called for null as well.
    model: _Model = _MODEL
    stream: _Stream = _STREAM
    stream_options: _Options = _OPTIONS


def peek(body: bytes) -> Peek:
    """Read model, stream and include_usage from a request body.

    Members other than these are not judged: that is the backend's business, and so is a
    ``stream_options`` of an odd form, which counts as not asking for usage. A member may be given
    twice with the same value.

    Args:
        body: the whole body, UTF-8, any size.

    Returns:
        What the body says.

    Raises:
        PeekError: the body is empty, starts with a byte order mark, is not UTF-8, is not JSON (RFC
            8259: no comments, no NaN), is nested too deeply (about 1000 levels), is not an object;
            model is missing, no string, empty or holds control characters; stream is neither
            boolean nor null; model or stream is given twice with different values, or any of
            these members very often.
    """
    if not body.isascii():
        _check_encoding(body)
    model: str | None = None
    stream: bool | None = None
    include_usage = False
    for kind, value in _routed_members(body):
        if kind is _Model:
            model = _same("model", model, _as_model(value))
        elif kind is _Stream:
            stream = _same("stream", stream, _as_flag(value))
        else:
            include_usage = isinstance(value, dict) and value.get("include_usage") is True
    if model is None:
        raise PeekError("model is missing", "model")
    return Peek(model, stream is True, include_usage)


def _check_encoding(body: bytes) -> None:
    """Refuse what is no UTF-8 text: msgspec does not look inside the members it skips."""
    if body.startswith(_BOM):
        # RFC 8259, section 8.1: senders must not add one; a receiver may ignore it. Not every
        # backend does, and the body is forwarded as it is, so say it here, clearly.
        raise PeekError("the request body starts with a byte order mark, which JSON does not allow")
    # By slices: a long text with one emoji in it would take four times its length.
    start = 0
    while start < len(body):
        piece = body[start : start + _SLICE]
        try:
            # A character cut at the end of the slice is left for the next one.
            start += codecs.utf_8_decode(piece, "strict", start + _SLICE >= len(body))[1]
        except UnicodeDecodeError as fault:
            place = _place(body, start + fault.start)
            raise PeekError(f"the request body is not valid UTF-8 {place}") from None


def _routed_members(body: bytes) -> list[tuple[type, Any]]:
    """Find every occurrence of a routed member, in the order of the body."""
    try:
        return _decode_or_mend(body)
    except RecursionError:
        raise PeekError("the request body is nested too deeply") from None
    except msgspec.ValidationError as fault:
        # Of the routed members only a number can be at fault here: the hook takes anything else.
        if member := _MEMBER.search(str(fault)):
            raise PeekError(f"{member[1]} holds a number out of range", member[1]) from None
        raise PeekError("the request body must be a JSON object") from None
    except msgspec.DecodeError as fault:
        raise _not_json(body, str(fault)) from None


def _decode_or_mend(body: bytes) -> list[tuple[type, Any]]:
    try:
        return _decode(body)
    except msgspec.DecodeError:
        mended, count = _LONE_SURROGATE.subn(rb"\\\1ufffd", body, _MAX_SURROGATES)
        if not count:
            raise
    return _decode(mended)


def _decode(body: bytes) -> list[tuple[type, Any]]:
    found: list[tuple[type, Any]] = []

    def note(kind: type, value: Any) -> object:
        if len(found) >= _MAX_ROUTED:
            raise PeekError("model, stream or stream_options is given too often")
        found.append((kind, value))
        return _MARKS[kind]

    msgspec.json.decode(body, type=_Routed, dec_hook=note)
    return found


def _not_json(body: bytes, fault: str) -> PeekError:
    if not body.strip():
        return PeekError("the request body is empty")
    malformed = _MALFORMED.fullmatch(fault)
    if malformed is None:  # "Input data was truncated" is all else that msgspec says
        return PeekError(f"the request body is not valid JSON: it ends early {_place(body)}")
    what = malformed["what"]
    # msgspec has gone past the first trailing character when it complains.
    at = int(malformed["byte"]) - (what == "trailing characters")
    return PeekError(f"the request body is not valid JSON: {what} {_place(body, at)}")


def _place(body: bytes, at: int | None = None) -> str:
    """Name a place as editors do, line and column from 1, and as a byte offset from 0."""
    at = len(body) if at is None else at
    line = body.count(b"\n", 0, at) + 1
    column = at - (body.rfind(b"\n", 0, at) + 1) + 1
    return f"at line {line}, column {column} (byte {at})"


def _as_model(value: Any) -> str:
    if not isinstance(value, str):
        raise PeekError(f"model must be a string, not {_KINDS[type(value)]}", "model")
    if fault := fault_in(value):
        raise PeekError(f"model {fault}", "model")
    return value


def _as_flag(value: Any) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        kind = _KINDS[type(value)]
        raise PeekError(f"stream must be true, false or null, not {kind}", "stream")
    return value


def _same(param: str, before: _T | None, value: _T) -> _T:
    if before is not None and before != value:
        raise PeekError(f"{param} is given twice with different values", param)
    return value
