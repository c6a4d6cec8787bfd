"""A whole gateway that masks: requests, answers and streams, under a fake clock."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.world import CONFIGURATION, World

MASKING = (
    CONFIGURATION
    + """
security:
  sanitization:
    request: {enabled: true, strategies: {phone: keep-prefix-suffix, email: keep-domain}}
    response: {enabled: true, sensitive-words: [secret], strategies: {phone: keep-prefix-suffix}}
"""
)
ASKED = {"model": "m", "messages": [{"role": "user", "content": "my token: 13812345678, bob@example.com"}]}


def event(index: int = 0, finish: str | None = None, **delta: Any) -> bytes:
    """One chunk of a chat."""
    chunk = {"id": "c", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


STREAM = (
    event(role="assistant", content=""),
    b": keep-alive\n\n",
    event(content="call 138"),
    event(1, content="a sec"),
    event(content="1234"),
    event(1, content="ret!"),
    event(content="5678 now"),
    event(finish="stop"),
    event(1, finish="stop"),
    b'data: {"id":"c","choices":[],"usage":{"total_tokens":13812345678}}\n\n',
    b"data: [DONE]\n\n",
)


def texts(body: bytes) -> dict[int, str]:
    """What each choice of a stream says."""
    said: dict[int, str] = {}
    for line in body.splitlines():
        if line.startswith(b"data: {"):
            for choice in json.loads(line[6:]).get("choices") or ():
                said[choice["index"]] = said.get(choice["index"], "") + (choice["delta"].get("content") or "")
    return said


def dechunked(received: bytes) -> bytes:
    """The body of a chunked answer, as far as it has come."""
    _, _, rest = bytes(received).partition(b"\r\n\r\n")
    body = b""
    while b"\r\n" in rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return body


class SanitizedTests(SynchronousTestCase):
    """What clients and backends see of each other."""

    def setUp(self) -> None:
        self.world = World(MASKING)

    def tearDown(self) -> None:
        self.assertTrue(self.world.at_rest)
        self.assertEqual(self.world.close(), [])

    def begin(self) -> Any:
        client = self.world.ask({**ASKED, "stream": True})
        self.world.backend.last.begin_stream()
        return client

    def test_the_backend_sees_a_masked_request(self) -> None:
        """Only what was found is other than the client wrote it."""
        body = json.dumps(ASKED, indent=1).encode()
        self.world.ask(body)
        head, _, sent = bytes(self.world.backend.last.received).partition(b"\r\n\r\n")
        expected = body.replace(b"token", b"*****").replace(b"13812345678", b"138****5678")
        self.assertEqual(sent, expected.replace(b"bob@", b"b**@"))
        self.assertIn(b"content-length: %d" % len(sent), head.lower())
        self.world.backend.last.answer(b"{}")
        self.world.run()

    def test_the_client_sees_a_masked_answer(self) -> None:
        client = self.world.ask(ASKED)
        self.world.backend.last.answer(
            b'{"id": "13812345678", "x": "a secret: 13812345678", "n": 13812345678}'
        )
        self.world.run()
        self.assertTrue(
            client.received.endswith(b'{"id": "13812345678", "x": "a ******: 138****5678", "n": 13812345678}')
        )
        self.assertEqual(
            self.world.metric("jairouter_security_sanitization_rule_matches_total", rule_id="phone"), 2
        )

    def test_an_error_as_the_first_event_is_masked(self) -> None:
        client = self.begin()
        self.world.backend.last.chunk(b'data: {"error": {"message": "no 13812345678", "code": 400}}\n\n')
        self.world.run()
        self.assertIn(b"HTTP/1.1 400", client.received)
        self.assertIn(b"no 138****5678", client.received)

    def test_an_answer_is_asked_for_uncompressed(self) -> None:
        self.world.ask(ASKED)
        self.assertIn(b"Accept-Encoding: identity", bytes(self.world.backend.last.received))
        self.world.backend.last.answer(b"{}")
        self.world.run()

    def test_a_stream_is_masked_across_events(self) -> None:
        client = self.begin()
        for each in (*STREAM, b""):
            self.world.backend.last.chunk(each)
            self.world.run()
        body = dechunked(client.received)
        self.assertEqual(texts(body), {0: "call 138****5678 now", 1: "a ******!"})
        self.assertTrue(body.endswith(b"".join(STREAM[-4:])))
        self.assertIn(STREAM[0] + STREAM[1], body)

    def test_what_cannot_become_a_match_goes_on_at_once(self) -> None:
        client = self.begin()
        self.world.backend.last.chunk(event(content="call me at "))
        self.world.run()
        self.assertEqual(dechunked(client.received), event(content="call me at "))
        self.world.backend.last.chunk(event(content="138"))
        self.world.run()
        self.assertEqual(dechunked(client.received), event(content="call me at "))
        self.world.run(6)
        self.assertEqual(texts(dechunked(client.received)), {0: "call me at 138"})
        client.leave()
        self.world.run()

    def test_a_stream_may_be_cut_anywhere(self) -> None:
        """What came in whole events is passed on, masked; the error is told; nothing stays lent out."""
        whole = b"".join(STREAM[2:8])
        for size in range(1, len(whole)):
            client = self.begin()
            backend = self.world.backend.last
            backend.chunk(whole[:size])
            self.world.run()
            backend.wire.abortConnection()
            self.world.run()
            self.assertTrue(self.world.at_rest)
            come = texts(whole[: whole.rfind(b"\n\n", 0, size) + 2] if b"\n\n" in whole[:size] else b"")
            expected = {
                index: text.replace("13812345678", "138****5678").replace("secret", "******")
                for index, text in come.items()
            }
            received = bytes(client.received)
            self.assertIn(b'"error"', received)
            self.assertEqual(texts(dechunked(received)) if come else {}, expected)

    def test_a_client_may_leave_anywhere(self) -> None:
        for count in range(1, len(STREAM)):
            client = self.begin()
            for each in STREAM[:count]:
                self.world.backend.last.chunk(each)
            self.world.run()
            client.leave()
            self.world.run()
            self.assertTrue(self.world.at_rest)
            self.assertIsNotNone(self.world.backend.last.closed)
