"""Requests and answers that are valid, in all the ways in which they may be, and what spoils them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from hypothesis import strategies as st

from tests.fuzz.reference import Fields, Message

CRLF = b"\r\n"
_ALPHA = "abcdefghijklmnopqrstuvwxyz"
_TCHAR = "!#$%&'*+-.^_`|~0123456789" + _ALPHA + _ALPHA.upper()

RESERVED: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "content-type", "content-encoding"}
    | {"expect", "upgrade", "content_length", "transfer_encoding", "proxy-connection", "te", "trailer"}
    | {"keep-alive", "x-request-id", "cookie", "jairouter_token", "x-api-key", "proxy-authorization"}
)
"""Names that mean something to the gateway."""


def _bytes_of(alphabet: str, **sizes: int) -> st.SearchStrategy[bytes]:
    return st.text(alphabet, **sizes).map(lambda text: text.encode("latin-1"))


BLANKS = _bytes_of(" \t", max_size=2)
TOKENS = _bytes_of(_TCHAR, min_size=1, max_size=8)
NAMES = st.one_of(
    st.sampled_from([b"Accept", b"X-A", b"Authorization", b"x-forwarded-for", b"User-Agent"]),
    TOKENS.filter(lambda name: name.lower().decode() not in RESERVED),
)
_OBS = "".join(map(chr, range(0x80, 0x100)))
_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
VALUES = _bytes_of(_VISIBLE + _OBS + " \t", max_size=12).map(lambda value: value.strip(b" \t"))
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=4)

_PCHAR = "-._~!$&'()*+,;=:@" + _ALPHA + "0123456789"
_ENCODED = st.sampled_from([b"%20", b"%2F", b"%00", b"%0d%0a", b"%C3%a4"])
_SEGMENTS = st.lists(st.one_of(_bytes_of(_PCHAR, max_size=6), _ENCODED), max_size=3).map(b"".join)
PATHS = st.lists(_SEGMENTS, min_size=1, max_size=3).map(lambda parts: b"/" + b"/".join(parts))
QUERIES = st.one_of(st.just(b""), _bytes_of(_PCHAR + "/?[]", max_size=8).map(lambda text: b"?" + text))
HOSTS = st.sampled_from([b"gateway", b"Gateway:8080", b"127.0.0.1:80", b"[::1]:443", b"", b"a-b.c_d.e"])
BODIES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"0\r\n\r\n", b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"]
    ),
)


@st.composite
def cased(draw: st.DrawFn, name: bytes) -> bytes:
    """A name as it may be written."""
    return draw(st.sampled_from([name, name.lower(), name.upper()]))


@st.composite
def field_lines(draw: st.DrawFn, pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Headers as lines, with any blanks round the values."""
    return b"".join(b"%b:%b%b%b\r\n" % (name, draw(BLANKS), value, draw(BLANKS)) for name, value in pairs)


EXTENSIONS = st.one_of(
    st.just(b""),
    TOKENS.map(lambda name: b";" + name),
    st.tuples(TOKENS, TOKENS).map(lambda pair: b";%b=%b" % pair),
    st.tuples(TOKENS, _bytes_of(_ALPHA + ' ;=,\t\r\n"', max_size=5)).map(
        lambda pair: b';%b="%b"' % (pair[0], pair[1].translate(None, b'\r\n"'))
    ),
)


@st.composite
def chunks(draw: st.DrawFn, body: bytes) -> bytes:
    """A body in chunks, with extensions and trailers."""
    cuts = sorted(draw(st.sets(st.integers(1, max(len(body) - 1, 1)), max_size=3)))
    edges = [0, *[cut for cut in cuts if cut < len(body)], len(body)]
    wire = b""
    for start, end in pairwise(edges):
        if end > start:
            size = draw(st.sampled_from([b"%x", b"%X", b"000%x"])) % (end - start)
            wire += size + draw(EXTENSIONS) + CRLF + body[start:end] + CRLF
    trailers = draw(field_lines(draw(st.lists(st.tuples(NAMES, VALUES), max_size=2))))
    return wire + draw(st.sampled_from([b"0", b"00"])) + draw(EXTENSIONS) + CRLF + trailers + CRLF


@st.composite
def framed(draw: st.DrawFn, body: bytes, *, may_chunk: bool = True) -> tuple[Fields, bytes]:
    """A body with the header that says where it ends."""
    if may_chunk and draw(st.booleans()):
        coding = draw(st.sampled_from([b"chunked", b"Chunked"]))
        name = draw(cased(b"Transfer-Encoding"))
        # (a blank behind the coding is valid, and refused)
        return ((name, coding),), draw(chunks(body))
    length = b"0" * draw(st.integers(0, 2)) + b"%d" % len(body)
    return ((draw(cased(b"Content-Length")), length),), body


@st.composite
def heads(draw: st.DrawFn, start: bytes, pairs: Fields, framing: Fields) -> tuple[bytes, Fields]:
    """A head on the wire; no blank goes round what frames the body."""
    others = draw(st.permutations(pairs))
    place = draw(st.integers(0, len(others)))
    before, after = others[:place], others[place:]
    lines = draw(field_lines(before)) + b"".join(b"%b: %b\r\n" % each for each in framing)
    wire = start + CRLF + lines + draw(field_lines(after)) + CRLF
    return wire, (*before, *framing, *after)


@st.composite
def requests(draw: st.DrawFn, *, last: bool = True) -> tuple[bytes, Message]:
    """A valid request on the wire, and what it is.

    Args:
        draw: Hypothesis'.
        last: Whether the connection may end with it.
    """
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.0"])) if last else b"1.1"
    method = draw(
        st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"PATCH", b"OPTIONS", b"QUERY"])
    )
    host = draw(HOSTS)
    target = draw(PATHS) + draw(QUERIES)
    if host and draw(st.integers(0, 3)) == 0:
        target = draw(st.sampled_from([b"http://", b"HTTPS://"])) + host + target
    body = draw(BODIES)
    framing: Fields = ()
    wire_body = b""
    if draw(st.booleans()):
        framing, wire_body = draw(framed(body, may_chunk=version == b"1.1"))
    else:
        body = b""
    pairs = ((draw(cased(b"Host")), host), *draw(PAIRS))
    if last and draw(st.booleans()):
        pairs = (*pairs, (b"Connection", draw(st.sampled_from([b"close", b"keep-alive", b"x-a, Close"]))))
    head, fields = draw(heads(b"%b %b HTTP/%b" % (method, target, version), pairs, framing))
    connection = [value.lower() for name, value in pairs if name == b"Connection"]
    closes = any(b"close" in value for value in connection)
    keeps = not closes and (version == b"1.1" or b"keep-alive" in connection)
    return head + wire_body, Message((method, target, version), fields, body, keeps)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[bytes, list[Message]]:
    """Requests one behind the other, with empty lines before them."""
    number = draw(st.integers(1, 3))
    made = [draw(requests(last=at == number - 1)) for at in range(number)]
    wire = b"".join(CRLF * draw(st.sampled_from([0, 0, 1, 2])) + data for data, _ in made)
    return wire, [message for _, message in made]


STATUSES = st.sampled_from([200, 200, 200, 201, 202, 203, 204, 206, 400, 404, 418, 429, 500, 503, 599])
REASONS = _bytes_of(_VISIBLE + _OBS + " \t", max_size=10)
INTERIM = st.sampled_from(
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 \r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    ]
)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, Message]:
    """A valid answer on the wire, and what it is; without a header for it, it ends with the connection."""
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.0"]))
    status = draw(STATUSES)
    body = b"" if status == 204 else draw(BODIES)
    framing: Fields = ()
    wire_body = body
    if status != 204 and draw(st.integers(0, 4)):
        framing, wire_body = draw(framed(body, may_chunk=version == b"1.1"))
    pairs: Fields = ((b"Content-Type", b"application/json"), *draw(PAIRS))
    connection = draw(st.sampled_from([b"", b"", b"close", b"keep-alive"]))
    if connection:
        pairs = (*pairs, (b"Connection", connection))
    start = b"HTTP/%b %d %b" % (version, status, draw(REASONS))
    head, fields = draw(heads(start, pairs, framing))
    keeps = connection != b"close" and (version == b"1.1" or connection == b"keep-alive")
    keeps = keeps and (bool(framing) or status == 204)
    interim = b"".join(draw(st.lists(INTERIM, max_size=2)))
    return interim + head + wire_body, Message((version, b"%d" % status), fields, body, keeps)


SNIPPETS = (
    *(
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\0",
        b" ",
        b"\t",
        b":",
        b";",
        b",",
        b"0",
        b"\x0b",
        b"\x7f",
        b"\xff",
    ),
    *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: identity\r\n"),
    *(b"Host: x\r\n", b"Connection: close\r\n", b"Connection: upgrade\r\nUpgrade: x\r\n", b"Expect: x\r\n"),
    *(b"0\r\n\r\n", b"5\r\nhello\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b" HTTP/1.1\r\n", b"HTTP/1.0"),
    *(b"http://x", b"#", b"?", b"%", b"%zz", b"@", b"\\", b"[", b"]", b"*", b"1", b"f", b"-", b"+", b"_"),
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n", b"RTSP/1.0"),
)


@st.composite
def spoiled(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes with a few changed, inserted, removed, doubled, or with other line ends."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(1, 4)))
        kind = draw(
            st.sampled_from(["insert", "insert", "insert", "replace", "flip", "delete", "double", "end"])
        )
        if kind == "insert":
            data = data[:at] + draw(st.sampled_from(SNIPPETS)) + data[at:]
        elif kind == "replace":
            data = data[:at] + draw(st.sampled_from(SNIPPETS)) + data[end:]
        elif kind == "flip":
            data = data[:at] + bytes(byte ^ draw(st.integers(1, 255)) for byte in data[at:end]) + data[end:]
        elif kind == "delete":
            data = data[:at] + data[end:]
        elif kind == "double":
            data = data[:end] + data[at:]
        else:
            place = data.find(CRLF, at)
            other = draw(st.sampled_from([b"\n", b"\r", b"\r\r\n", b"\n\r", b"", b" \r\n", b"\r\n "]))
            data = data if place < 0 else data[:place] + other + data[place + 2 :]
    return data


@st.composite
def in_pieces(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The bytes as they may come, none of the pieces empty."""
    places = draw(st.sets(st.integers(1, max(len(data) - 1, 1)), max_size=5))
    edges = [0, *sorted(place for place in places if place < len(data)), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]
