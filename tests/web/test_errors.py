"""Tests for `jairouter.web.errors`."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from jairouter.errors import ModelNotFound, NoHealthyUpstream
from jairouter.web.errors import break_off, write_error
from tests.fakes import Network
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


class BreakOffTests(SynchronousTestCase):
    """Ending an answer in the middle, so that the client sees that it is not complete."""

    def setUp(self) -> None:
        self.root = Taker()
        self.serving = Serving(self.root)
        self.addCleanup(lambda: self.assertEqual(self.serving.close(), []))

    def begin(self, data: bytes = GET) -> Any:
        """A request of whose answer a part was written."""
        self.client = self.serving.ask(data)
        request = self.root.requests.pop(0)
        request.write(b"some")
        return request

    def assert_broken_off(self, body: bytes | None, kind: type[Exception]) -> None:
        """So much of it has arrived (None for nothing at all), and the connection ended in this way."""
        self.serving.run()
        found = answers(self.client.received)
        self.assertEqual(
            [(each.body, each.complete) for each in found], [] if body is None else [(body, False)]
        )
        assert self.client.closed is not None
        self.client.closed.trap(kind)

    def test_framed(self) -> None:
        """What was written arrives; that it is less than was announced says enough."""
        break_off(self.begin())
        self.assert_broken_off(b"some", ConnectionDone)

    def test_at_once(self) -> None:
        """What the client has not read is thrown away."""
        break_off(self.begin(), at_once=True)
        self.assert_broken_off(None, ConnectionLost)

    def test_not_framed(self) -> None:
        """A plain end would look like that of the answer."""
        break_off(self.begin(GET.replace(b"HTTP/1.1", b"HTTP/1.0")))
        self.assert_broken_off(None, ConnectionLost)

    def test_request_that_is_not_ours(self) -> None:
        """Twisted's own do not say whether they are framed."""
        transport = StringTransport()
        site = Site(self.root, reactor=Network(), timeout=None)
        channel: Any = site.buildProtocol(None)
        channel.makeConnection(transport)
        channel.dataReceived(GET)
        self.root.requests[0].write(b"some")
        break_off(self.root.requests[0])
        self.assertTrue(transport.disconnected)
