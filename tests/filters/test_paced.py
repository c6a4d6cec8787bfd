"""Tests for `jairouter.filters.paced`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.filters.paced import PacedBody
from jairouter.interfaces import IRequestBody
from jairouter.request_body.held import HeldBody
from jairouter.web.upload import HELD, Upload
from tests.filters.inner import Sink
from tests.web.test_upload import Connection


class PacedBodyTests(SynchronousTestCase):
    """It is the body that it wraps, and knows who holds it up."""

    def setUp(self) -> None:
        self.connection = Connection()
        self.upload = Upload(self.connection, 9)
        self.states: list[bool] = []
        self.paced = PacedBody(self.upload, lambda: self.states.append(self.paced.paused))
        self.sink = Sink()

    def test_interface(self) -> None:
        verifyObject(IRequestBody, self.paced)

    def test_attributes(self) -> None:
        """Whatever the body says of itself."""
        for body in (self.upload, HeldBody(b"abc")):
            paced = PacedBody(body, lambda: None)
            self.assertEqual(
                (paced.length, paced.data, paced.replayable), (body.length, body.data, body.replayable)
            )

    def test_sent(self) -> None:
        self.paced.start(self.sink)
        self.upload.received(b"some")
        self.upload.finished()
        self.assertEqual((self.sink.data, self.sink.ends, self.states), (b"some", ["end"], []))

    def test_paused(self) -> None:
        """The body is paused, and it is told each time it changes."""
        self.paced.start(self.sink)
        self.paced.pause()
        self.upload.received(b"some")
        self.assertEqual((self.sink.data, self.paced.paused), (b"", True))
        self.paced.resume()
        self.assertEqual((self.sink.data, self.paced.paused, self.states), (b"some", False, [True, False]))

    def test_stopped(self) -> None:
        self.paced.start(self.sink)
        self.paced.stop()
        self.upload.received(b"x" * HELD)
        self.assertEqual((self.sink.data, self.sink.ends), (b"", []))

    def test_started_anew(self) -> None:
        """A new start is not paused."""
        paced = PacedBody(HeldBody(b"abc"), lambda: None)
        paced.pause()
        paced.start(self.sink)
        self.assertFalse(paced.paused)
