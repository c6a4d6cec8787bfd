"""Bytes are not ours: what either side sends is what the other receives, however it was split."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import Gateway, Shared, configuration
from tests.integration.wire import Listening, Peer

SETTINGS = settings(
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),  # examples are small, and a hanging one costs seconds
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Scripted:
    """A gateway in front of a backend that says what it is told to."""

    def __init__(self) -> None:
        self.backend = Listening()
        self.gateway = Gateway(configuration(self.backend.url))
        self.client: Peer | None = None

    def stop(self) -> None:
        """End both."""
        self.disconnect()
        self.gateway.stop()
        self.backend.close()

    def connected(self) -> Peer:
        """A client whose connection is kept alive from one example to the next."""
        if self.client is None:
            self.client = Peer.to(self.gateway.port)
            self.client.socket.settimeout(5)
        return self.client

    def disconnect(self) -> None:
        """An example failed: the next one begins with new connections."""
        if self.client is not None:
            self.client.close()
            self.client = None
        self.backend.close_connections()

    def accepted(self) -> Peer:
        """The backend's end of the one connection that the gateway keeps."""
        return self.backend.peers[0] if self.backend.peers else self.backend.accept()


SCRIPTED: Shared[Scripted] = Shared(Scripted, Scripted.stop)


# -- JSON texts in every spelling that the grammar allows -------------------

SPACE = st.text(alphabet=" \t\r\n", max_size=3)
TEXT = st.text(max_size=12)
TOSS = st.booleans()
BIG = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)


@st.composite
def strings(draw: st.DrawFn) -> str:
    """A JSON string: each character as it is, or escaped in one of several ways."""
    out = ['"']
    for character in draw(TEXT):
        code = ord(character)
        escaped = "".join(
            f"\\u{unit:04x}" if draw(TOSS) else f"\\u{unit:04X}"
            for unit in memoryview(character.encode("utf-16-le", "surrogatepass")).cast("H")
        )
        must = code < 0x20 or character in '"\\' or 0xD800 <= code < 0xE000
        out.append(escaped if must or draw(TOSS) else character)
    out += draw(
        st.sampled_from(["", "\\/", "\\n\\t", "/", "\\\\", '\\"', "\\u0000", "\\ud83d\\ude00", "\\ud83d"])
    )
    return "".join([*out, '"'])


@st.composite
def members(draw: st.DrawFn, values: st.SearchStrategy[str], fixed: Sequence[str] = ()) -> str:
    """A JSON object, perhaps with names given twice, with `fixed` members at random places."""
    names = draw(st.lists(strings(), max_size=4))
    twice = draw(TOSS)
    if names and twice:
        names.append(names[0])
    pairs = [f"{name}{draw(SPACE)}:{draw(SPACE)}{draw(values)}" for name in names]
    pairs = draw(st.permutations([*pairs, *fixed]))
    space = draw(SPACE)
    return "{" + space + f"{draw(SPACE)},{space}".join(pairs) + space + "}"


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """JSON arrays."""
    return st.builds(lambda space, items: f"[{f',{space}'.join(items)}]", SPACE, st.lists(values, max_size=4))


ATOMS = st.one_of(st.sampled_from(["true", "false", "null", "1E400", "-0", "0.10"]), BIG, strings())
VALUES = st.recursive(ATOMS, lambda inner: st.one_of(lists(inner), members(inner)), max_leaves=12)
MODEL = st.sampled_from(
    ['"model":"org/chat"', '"mod\\u0065l" : "org\\/chat"', '"model"\n:\t"\\u006frg/chat"']
)
REQUESTS = MODEL.flatmap(lambda model: members(VALUES, (model,)))
CUTS = st.lists(st.integers(1, 400), max_size=6)


def pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """`data` cut at these distances."""
    borders = [0]
    for cut in cuts:
        if borders[-1] + cut < len(data):
            borders.append(borders[-1] + cut)
    return [data[start:end] for start, end in pairwise([*borders, len(data)])]


def chunked(data: bytes, cuts: Sequence[int]) -> bytes:
    """`data` as a chunked body."""
    return b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in pieces(data, cuts) if each) + b"0\r\n\r\n"


def say_in_pieces(peer: Peer, data: bytes, cuts: Sequence[int]) -> None:
    """Write each piece for itself, and leave the gateway the time to read it for itself."""
    for number, piece in enumerate(pieces(data, cuts)):
        if number:
            time.sleep(0.0005)
        peer.say(piece)


class BytesTests(SynchronousTestCase):
    """One exchange per example, over two connections that are kept alive."""

    def exchange(
        self, request: bytes, cuts: Sequence[int], answer: bytes, answer_cuts: Sequence[int]
    ) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
        """Send a request and an answer. Returns what the other side got of each: head and body."""
        scripted = SCRIPTED.get()
        try:
            client = scripted.connected()
            say_in_pieces(client, request, cuts)
            backend = scripted.accepted()
            received = backend.message()
            say_in_pieces(backend, answer, answer_cuts)
            return received, client.message()
        except BaseException:
            scripted.disconnect()
            raise

    def head(self, path: str, content_type: str, framing: str) -> bytes:
        return (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n{framing}\r\n\r\n".encode()
        )

    @SETTINGS
    @given(REQUESTS, CUTS, CUTS, VALUES, CUTS, CUTS, st.booleans(), st.booleans())
    def test_json(
        self,
        request: str,
        cuts: Sequence[int],
        chunks: Sequence[int],
        answer: str,
        answer_cuts: Sequence[int],
        answer_chunks: Sequence[int],
        in_chunks: bool,
        answer_in_chunks: bool,
    ) -> None:
        """Random JSON both ways: escapes, big numbers, names twice, any order and white space."""
        json.loads(request), json.loads(answer)  # they are valid
        sent, back = request.encode(), answer.encode()
        framing = "Transfer-Encoding: chunked" if in_chunks else f"Content-Length: {len(sent)}"
        head = self.head("/v1/chat/completions", "application/json", framing)
        framing = "Transfer-Encoding: chunked" if answer_in_chunks else f"Content-Length: {len(back)}"
        answer_head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{framing}\r\n\r\n".encode()
        (_, received), (_, answered) = self.exchange(
            head + (chunked(sent, chunks) if in_chunks else sent),
            cuts,
            answer_head + (chunked(back, answer_chunks) if answer_in_chunks else back),
            answer_cuts,
        )
        self.assertEqual(received, sent)
        self.assertEqual(answered, back)

    @SETTINGS
    @given(
        st.lists(st.tuples(st.sampled_from(["file", "prompt", "mask"]), st.binary(max_size=300)), max_size=4),
        st.integers(0, 4),
        CUTS,
        CUTS,
        st.booleans(),
    )
    def test_form(
        self,
        parts: Sequence[tuple[str, bytes]],
        place: int,
        cuts: Sequence[int],
        chunks: Sequence[int],
        in_chunks: bool,
    ) -> None:
        """A form with its model at any place among parts of any bytes."""
        rendered = [
            b'Content-Disposition: form-data; name="%b"; filename="a \xc3\xa9.bin"\r\n\r\n%b'
            % (name.encode(), data.replace(b"--edge", b""))
            for name, data in parts
        ]
        rendered.insert(place, b"content-disposition:form-data;name=model\r\nX-Own: 1\r\n\r\nhear")
        sent = b"".join(b"--edge\r\n%b\r\n" % part for part in rendered) + b"--edge--\r\nepilogue"
        framing = "Transfer-Encoding: chunked" if in_chunks else f"Content-Length: {len(sent)}"
        head = self.head("/v1/audio/transcriptions", "multipart/form-data; boundary=edge", framing)
        answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
        body = chunked(sent, chunks) if in_chunks else sent
        (received_head, received), (_, answered) = self.exchange(head + body, cuts, answer, ())
        self.assertEqual(received, sent)
        self.assertEqual(answered, b"ok")
        self.assertIn(b"multipart/form-data; boundary=edge", received_head)

    @SETTINGS
    @given(
        st.lists(st.text(alphabet='ä東😀 \\"x\n', max_size=20), min_size=1, max_size=6),
        st.sampled_from([b"\n", b"\r\n", b"\r"]),
        CUTS,
        CUTS,
    )
    def test_event_stream(
        self, texts: Sequence[str], line_end: bytes, cuts: Sequence[int], answer_cuts: Sequence[int]
    ) -> None:
        """Events with any line ends, comments and ids, cut anywhere, also inside a character."""
        events = [
            b": note"
            + line_end
            + b"id: 7"
            + line_end
            + b"data: "
            + json.dumps({"choices": [{"delta": {"content": text}}]}, ensure_ascii=False).encode()
            + line_end
            + line_end
            for text in texts
        ]
        back = b"".join([*events, b"data: [DONE]" + line_end + line_end])
        sent = b'{"stream":true,"model":"org/chat"}'
        head = self.head("/v1/chat/completions", "application/json", f"Content-Length: {len(sent)}")
        answer_head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        (_, received), (_, answered) = self.exchange(
            head + sent, (), answer_head + chunked(back, cuts), answer_cuts
        )
        self.assertEqual(received, sent)
        self.assertEqual(answered, back)

    def test_headers_and_query(self) -> None:
        """End-to-end headers and the query arrive as they were; what was ours to remake is there once."""
        body = b'{"model":"org/chat"}'
        request = (
            b"POST /v1/chat/completions?b=%%2f&a=1&a=2 HTTP/1.1\r\nHOST: client.example\r\n"
            b"content-TYPE: application/json\r\nauthorization: Bearer sk-1\r\nX-Twice: 1\r\nx-twice: 2\r\n"
            b"Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nContent-Length: %d\r\n\r\n%b"
        ) % (len(body), body)
        answer = b"HTTP/1.1 200 OK\r\nX-Back: a\r\nx-back: b\r\nSet-Cookie: c\r\nContent-Length: 0\r\n\r\n"
        (head, _), (answer_head, _) = self.exchange(request, (), answer, ())
        lines = head.split(b"\r\n")
        self.assertEqual(lines[0], b"POST /v1/chat/completions?b=%2f&a=1&a=2 HTTP/1.1")
        for line in (
            b"authorization: Bearer sk-1",
            b"X-Twice: 1",
            b"x-twice: 2",
            b"content-TYPE: application/json",
        ):
            self.assertIn(line, lines)
        lowered = head.lower()
        self.assertNotIn(b"x-hop", lowered)
        self.assertNotIn(b"\r\nte:", lowered)
        self.assertEqual(lowered.count(b"\r\nhost:"), 1)
        self.assertNotIn(b"client.example", head)
        self.assertEqual(answer_head.lower().count(b"x-back"), 2)
        self.assertNotIn(b"set-cookie", answer_head.lower())

    def tearDown(self) -> None:
        SCRIPTED.get().gateway.wait_at_rest()
