"""Tests for `jairouter.web.site`. What it does with connections is tested with the channel."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IProtocolFactory
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site
from zope.interface.verify import verifyObject

from tests.web.serving import GET, Echo, Later, Serving, answers


class SiteTests(SynchronousTestCase):
    """twisted.web's Site over our channel."""

    def setUp(self) -> None:
        self.serving = Serving(Echo())
        self.site = self.serving.site

    def test_interface(self) -> None:
        verifyObject(IProtocolFactory, self.site)
        self.assertIsInstance(self.site, Site)

    def test_date(self) -> None:
        """In the form of RFC 9110; one and the same object within a second."""
        first = self.site.date()
        self.assertEqual(first, b"Thu, 01 Jan 1970 00:00:00 GMT")
        self.serving.run(0.5)
        self.assertIs(self.site.date(), first)
        self.serving.run(0.6)
        self.assertEqual(self.site.date(), b"Thu, 01 Jan 1970 00:00:01 GMT")

    def test_counts_what_is_answered(self) -> None:
        self.serving.ask(GET)
        self.assertEqual(self.serving.counted, [("GET", "/", 200)])

    def test_does_not_count_what_is_recorded(self) -> None:
        root = Later()
        serving = Serving(root)
        serving.ask(GET)
        root.requests[0].recorded = True
        root.answer(b"")
        self.assertEqual(serving.counted, [])

    def test_seconds(self) -> None:
        """How long an answer took is counted from its request's head."""
        root = Later()
        serving = Serving(root)
        told: list[Any] = []
        self.patch(serving.site, "_on_answered", lambda *what: told.append(what))
        serving.ask(GET)
        serving.run(3)
        root.answer(b"")
        self.assertAlmostEqual(told[0][3], 3, places=3)

    def test_starting_and_stopping_start_no_clock(self) -> None:
        """Twisted's own would, for an access log that is not ours."""
        self.site.doStart()
        self.assertEqual(self.serving.network.getDelayedCalls(), [])
        self.site.doStop()

    def test_abort(self) -> None:
        client = self.serving.ask(GET)
        self.site.abort()
        self.serving.run()
        self.assertIsNotNone(client.closed)
        self.assertEqual(len(answers(client.received)), 1)
        self.assertEqual(self.site.channels, {})
