"""What the tests of faults have in common: a pair with short timeouts, and what an answer must look like."""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from jairouter.simulator.text import reply_text
from tests.integration.processes import shared_pair
from tests.integration.wire import sse_events

TOKENS = 8
PAIR = shared_pair(
    *("--tokens", str(TOKENS)),
    # (each test begins with a backend that is not resting from a 429 of the one before)
    **{"model.load-balance.cool-down": {"enabled": False}},
    webclient={
        "connection-timeout": "1s",
        "first-byte-timeout": "1s",
        "read-timeout": "1s",
        "write-timeout": "1s",
    },
)
PLAIN = {"model": "org/chat", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**PLAIN, "stream": True}
# Events apart from each other: a backend that says all at once is heard before anything is passed on
PACED = "pace;tokens-per-second=50"


class Reply(NamedTuple):
    """What the client got.

    Attributes:
        status: Of the answer.
        headers: Of the answer.
        body: As far as it came.
        complete: Whether the connection says that it is all.
    """

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    complete: bool


class FaultTestCase(SynchronousTestCase):
    """Asks through the gateway; nothing may be lent out when the test is over."""

    def setUp(self) -> None:
        self.gateway = PAIR.get().gateway
        self.addCleanup(self.gateway.wait_at_rest)

    def ask(self, fault: str, payload: object = PLAIN) -> Reply:
        client = self.gateway.connect()
        self.addCleanup(client.close)
        headers = {"Content-Type": "application/json", "X-Simulate": fault}
        client.request("POST", "/v1/chat/completions", json.dumps(payload), headers)
        response = client.getresponse()
        try:
            body, complete = response.read(), True
        except (http.client.IncompleteRead, ConnectionError) as error:
            body, complete = getattr(error, "partial", b""), False
        return Reply(response.status, response.headers, body, complete)

    def outcomes(self, outcome: str) -> float:
        return self.gateway.metric("jairouter_backend_calls_total", outcome=outcome)

    def assert_error(self, reply: Reply, status: int, code: str | None) -> dict[str, Any]:
        """The reply is a complete error in OpenAI's shape, of this status and code."""
        self.assertEqual((reply.status, reply.complete), (status, True), reply)
        self.assertEqual(reply.headers["Content-Type"], "application/json")
        self.assertTrue(reply.headers["X-Request-Id"])
        error = json.loads(reply.body)["error"]
        self.assert_shape(error)
        self.assertEqual(error["code"], code)
        return dict(error)

    def assert_shape(self, error: dict[str, Any]) -> None:
        """All four members are there, and no address is told."""
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        self.assertIsInstance(error["message"], str)
        self.assertIsInstance(error["type"], str)
        self.assertNotIn("127.0.0.1", error["message"])

    def assert_plain_answer(self, reply: Reply) -> None:
        self.assertEqual((reply.status, reply.complete), (200, True), reply)
        text = json.loads(reply.body)["choices"][0]["message"]["content"]
        self.assertEqual(text, reply_text("hi", TOKENS))

    def assert_stream(self, reply: Reply) -> None:
        """A complete stream, with every token once."""
        self.assertEqual((reply.status, reply.complete), (200, True), reply)
        events = sse_events(reply.body)
        self.assertEqual(events[-1], "[DONE]")
        self.assertEqual(text_of(events), reply_text("hi", TOKENS))

    def assert_broken_stream(self, reply: Reply, code: str, tokens: int | None = None) -> None:
        """Some events, then one error event, no [DONE], and a connection that ended in good order."""
        self.assertEqual((reply.status, reply.complete), (200, True), reply)
        *events, last = sse_events(reply.body)
        self.assertNotIn("[DONE]", [*events, last])
        self.assertTrue(reply.body.endswith(b"\n\n"))
        self.assert_shape(last["error"])
        self.assertEqual(last["error"]["code"], code)
        self.assertFalse([event for event in events if "error" in event])
        text = text_of(events)
        self.assertTrue(reply_text("hi", TOKENS).startswith(text))
        if tokens is not None:
            self.assertEqual(len(text.split()), tokens)


def text_of(events: list[Any]) -> str:
    """The text in the chunks of a chat stream."""
    deltas = [choice["delta"] for each in events if each != "[DONE]" for choice in each["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)
