"""A request body in the form in which every `IAgent` takes one."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface.verify import verifyObject

from jairouter.errors import ClientGone
from jairouter.interfaces import IBodySink
from jairouter.request_body.held import HeldBody
from jairouter.upstream.wire import WireBody
from tests.upstream.rig import Upload


class WireBodyTests(SynchronousTestCase):
    """A body and somebody who takes it."""

    def setUp(self) -> None:
        self.consumer = StringTransport()

    def start(self, upload: Upload) -> Deferred[None]:
        return WireBody(upload).startProducing(self.consumer)

    def test_interfaces(self) -> None:
        upload = Upload()
        verifyObject(IBodyProducer, WireBody(upload))
        self.start(upload)
        verifyObject(IBodySink, upload.sink)

    def test_lengths(self) -> None:
        self.assertEqual(WireBody(HeldBody(b"xy")).length, 2)
        self.assertEqual(WireBody(Upload()).length, UNKNOWN_LENGTH)
        self.assertEqual(WireBody(Upload(0)).length, 0)

    def test_body(self) -> None:
        upload = Upload()
        self.assertIs(WireBody(upload).body, upload)

    def test_steering(self) -> None:
        upload = Upload()
        producer = WireBody(upload)
        producer.pauseProducing()
        producer.resumeProducing()
        producer.stopProducing()
        self.assertEqual(upload.calls, ["pause", "resume", "stop"])

    def test_sent_to_its_end(self) -> None:
        upload = Upload()
        finished = self.start(upload)
        upload.send(b"ab")
        upload.send(b"c")
        self.assertNoResult(finished)
        upload.end()
        self.assertIsNone(self.successResultOf(finished))
        self.assertEqual(self.consumer.value(), b"abc")

    def test_broken(self) -> None:
        upload = Upload()
        finished = self.start(upload)
        upload.break_off()
        self.failureResultOf(finished, ClientGone)

    def test_cancelled(self) -> None:
        """Nothing more is wanted of it."""
        upload = Upload()
        finished = self.start(upload)
        finished.cancel()
        self.failureResultOf(finished, CancelledError)
        self.assertEqual(upload.calls, ["start", "stop"])

    def test_in_memory(self) -> None:
        finished = WireBody(HeldBody(b"abc")).startProducing(self.consumer)
        self.assertIsNone(self.successResultOf(finished))
        self.assertEqual(self.consumer.value(), b"abc")
