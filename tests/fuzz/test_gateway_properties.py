"""Random requests to a model through the whole gateway: what the backend gets, and in which form."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.corpus.framing import FORM_TYPE
from tests.fuzz.corpus.pieces import PATH
from tests.fuzz.examples import examples
from tests.fuzz.gateway import ANSWER, HOP_BY_HOP, MADE_ANEW, GatewayRig, try_gateway
from tests.fuzz.reference import Message, read_requests
from tests.fuzz.strategies import (
    PAIRS,
    QUERIES,
    TOKENS,
    VALUES,
    cased,
    framed,
    heads,
    in_pieces,
    spoiled,
)

NAMED = b"x-named"
"""What `Connection` names."""

NOT_PASSED_ON = {*HOP_BY_HOP, *MADE_ANEW, NAMED, b"x-forwarded-for"}


@st.composite
def json_bodies(draw: st.DrawFn) -> tuple[bytes, bytes, bytes]:
    """A path, a Content-Type and a body that the gateway forwards."""
    pad = draw(st.text(max_size=10))
    return PATH, b"application/json", json.dumps({"model": "m", "pad": pad}).encode()


@st.composite
def form_bodies(draw: st.DrawFn) -> tuple[bytes, bytes, bytes]:
    """The same as a form; its file may be anything."""
    part = b'--b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
    file = draw(st.binary(max_size=60).filter(lambda data: b"--b" not in data))
    body = part % (b"model", b"", b"w") + part % (b"file", b'; filename="f"', file) + b"--b--\r\n"
    return b"/v1/audio/transcriptions", FORM_TYPE.partition(b": ")[2], body


@st.composite
def model_requests(draw: st.DrawFn) -> bytes:
    """A request to a model, with headers that concern this connection only among the others."""
    path, content_type, body = draw(st.one_of(json_bodies(), form_bodies()))
    hop = draw(
        st.lists(
            st.sampled_from(
                [
                    *((b"Connection", b"X-Named"), (b"connection", b"a, X-NAMED ,,"), (b"X-Named", b"x")),
                    *((b"TE", b"trailers"), (b"Trailer", b"x"), (b"Upgrade", b"h2c"), (b"Expect", b"x")),
                    *((b"Keep-Alive", b"timeout=5"), (b"Proxy-Connection", b"keep-alive")),
                    *(
                        (b"Connection", b"content-length, transfer-encoding, host"),
                        (b"Proxy-Authorization", b"x"),
                    ),
                ]
            ),
            unique=True,
            max_size=4,
        )
    )
    pairs = [(draw(cased(b"Host")), b"gateway"), (b"Content-Type", content_type), *draw(PAIRS), *hop]
    if any(value.lower().find(NAMED) >= 0 for name, value in hop if name.lower() == b"connection"):
        pairs += [(b"X-Named", draw(VALUES)), (NAMED, draw(TOKENS))]
    framing, wire = draw(framed(body))
    target = path + draw(QUERIES)
    head, _ = draw(heads(b"POST %b HTTP/1.1" % target, tuple(pairs), framing))
    return head + wire


def passed_on(message: Message) -> list[tuple[bytes, bytes]]:
    """The headers of a request that go on to the backend."""
    values = message.values(b"connection")
    named = {option.strip(b" \t").lower() for value in values for option in value.split(b",")}
    stopped = (NOT_PASSED_ON - {NAMED}) | named
    pairs = [(name.lower(), value) for name, value in message.fields]
    return [(name, value) for name, value in pairs if name not in stopped]


class GatewayTests(SynchronousTestCase):
    """One request at a time, one behind the other, to one backend connection."""

    def setUp(self) -> None:
        self.rig = GatewayRig()
        self.addCleanup(lambda: self.assertEqual(self.rig.close(), []))

    @examples(100)
    @given(st.data(), st.lists(model_requests(), min_size=1, max_size=3))
    def test_valid(self, data: st.DataObject, wires: list[bytes]) -> None:
        """All arrive, in order and in canonical form: body, query and end-to-end headers to the byte."""
        wire = b"".join(wires)
        sent = read_requests(wire).messages
        outcome = self.rig.send(data.draw(in_pieces(wire)))
        self.assertEqual((outcome.faults, len(sent)), ([], len(wires)))
        self.assertEqual(outcome.bodies, tuple(message.body for message in sent))
        for got, message in zip(outcome.forwarded, sent, strict=True):
            self.assertEqual(got.start[1].partition(b"?")[2], message.start[1].partition(b"?")[2])
            passed = [(name.lower(), value) for name, value in got.fields if name.lower() not in MADE_ANEW]
            self.assertEqual(passed, passed_on(message))
        answers = [(answer.start[1], answer.body) for answer in outcome.answers]
        self.assertEqual(answers, [(b"200", ANSWER % (at + 1)) for at in range(len(sent))])

    @examples(150)
    @given(st.data(), st.lists(model_requests(), min_size=1, max_size=2))
    def test_spoilt(self, data: st.DataObject, wires: list[bytes]) -> None:
        """Whatever reaches the backend is one of the requests that the reference finds."""
        wire = data.draw(spoiled(b"".join(wires)))
        self.assertEqual(try_gateway(wire, data.draw(in_pieces(wire)), self.rig), [], wire)
