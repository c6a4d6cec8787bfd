"""Tests for `jairouter.web.facade`: what resources may do to the transport of their request."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.web.serving import GET, Later, Serving


class TransportTests(SynchronousTestCase):
    """The channel stands for its transport."""

    def setUp(self) -> None:
        self.root = Later()
        self.serving = Serving(self.root)
        self.client = self.serving.ask(GET)
        self.channel = self.root.requests[0].channel

    def test_addresses(self) -> None:
        wire = self.serving.server_end(self.client)
        self.assertEqual(self.channel.getPeer(), wire.getPeer())
        self.assertEqual(self.channel.getHost(), wire.getHost())

    def test_lose_connection(self) -> None:
        """What was written goes out first."""
        self.root.requests[0].write(b"some")
        self.root.requests[0].loseConnection()
        self.serving.run()
        self.assertIn(b"some", self.client.received)
        self.assertEqual(self.root.gone, self.root.requests)

    def test_abort_connection(self) -> None:
        self.channel.abortConnection()
        self.serving.run()
        self.assertEqual(self.root.gone, self.root.requests)
        self.assertEqual(bytes(self.client.received), b"")
