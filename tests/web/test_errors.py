"""Tests for `jairouter.web.errors`."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from jairouter.errors import ModelNotFound, NoHealthyUpstream
from jairouter.web.errors import break_off, write_error
from tests.web.serving import GET, Received, Serving, Taker, answers


class WriteTests(SynchronousTestCase):
    """How an error reaches the client."""

    def setUp(self) -> None:
        self.root = Taker()
        self.serving = Serving(self.root)
        self.client = self.serving.ask(GET)

    def received(self) -> Received:
        self.serving.run()
        return answers(self.client.received)[0]

    def test_shape(self) -> None:
        """As OpenAI's SDKs parse it, with all four members."""
        write_error(self.root.requests[0], ModelNotFound("no “such” model", param="model"))
        answer = self.received()
        self.assertEqual((answer.status, answer.headers["content-type"]), (404, "application/json"))
        self.assertNotIn("retry-after", answer.headers)
        self.assertEqual(
            json.loads(answer.body),
            {
                "error": {
                    "message": "no “such” model",
                    "type": "invalid_request_error",
                    "param": "model",
                    "code": "model_not_found",
                }
            },
        )

    def test_retry_after(self) -> None:
        """Where waiting helps: whole seconds rounded up, and milliseconds."""
        write_error(self.root.requests[0], NoHealthyUpstream("none", retry_after=1.2))
        answer = self.received()
        self.assertEqual((answer.headers["retry-after"], answer.headers["retry-after-ms"]), ("2", "1200"))

    def test_break_off(self) -> None:
        """The client sees that the answer is not complete."""
        self.root.requests[0].write(b"some")
        self.serving.run()
        break_off(self.root.requests[0])
        self.assertFalse(self.received().complete)
        self.assertIsNotNone(self.client.closed)
