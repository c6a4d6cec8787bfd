"""A form is read up to its model and streamed on from there."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.codec.multipart import ModelFinder
from jairouter.errors import BadRequest, ClientGone, GatewayError, InternalError, RequestTooLarge
from jairouter.interfaces import IBodySink, IRequestBody
from jairouter.request_body.form import FormBody
from jairouter.request_body.spool import Spool, SpoolSpace
from tests.request_body.rig import BOUNDARY, LAST, MODEL, Backend, Client, Threads, part

FILE = part("file", b"x" * 100, "talk.wav")
# A part ends with the boundary after it: with this the model is known
OPEN = MODEL + b"--frontier"
# and with one of these it goes on
REST = FILE[10:]
OTHER = part("model", b"whisper-2")[10:]


class FormCase(SynchronousTestCase):
    """A form, its client, its backend, its threads."""

    in_memory = 10_000
    limit = 10_000
    disk = 1_000_000
    at_once = True

    def setUp(self) -> None:
        self.threads = Threads(at_once=self.at_once)
        self.backend = Backend()

    def form(self, *pieces: bytes, ends: bool = True) -> FormBody:
        """A form that comes in these pieces."""
        self.client = Client(*pieces, ends=ends)
        self.space = SpoolSpace(1_000_000, self.disk)
        self.spool = Spool(self.in_memory, self.threads.run, self.space)
        self.body = FormBody(self.client, ModelFinder(BOUNDARY), self.spool, self.limit)
        return self.body

    def find(self, *pieces: bytes, ends: bool = True) -> Deferred[str]:
        """Read a form up to its model."""
        return self.form(*pieces, ends=ends).find_model()

    def found(self, *pieces: bytes, ends: bool = True) -> None:
        """Read a form whose model is there."""
        finding = self.find(*pieces, ends=ends)
        self.threads.finish()
        self.assertEqual(self.successResultOf(finding), "whisper-1")

    def start(self, backend: Backend | None = None) -> None:
        """Send it on."""
        self.body.start(backend or self.backend)
        if self.at_once:
            self.threads.finish()

    def assert_sent(self, *pieces: bytes) -> None:
        """The backend got it all, and its end."""
        self.assertEqual(self.backend.data, b"".join(pieces))
        self.assertEqual(self.backend.ends, [None])

    def assert_nothing_kept(self) -> None:
        """No file, no bytes, no thread."""
        self.assertEqual(self.threads.busy, 0)
        self.assertTrue(self.threads.all_closed)
        self.assertEqual((self.spool._held.size, self.body._backlog.size), (0, 0))
        self.assertEqual((self.space.in_memory, self.space.on_disk), (0, 0))

    def told(self) -> GatewayError | None:
        """What the backend's side was told instead of an end."""
        self.assertEqual(len(self.backend.ends), 1)
        return self.backend.ends[0]


class SeekingTests(FormCase):
    """Where is the model?"""

    def test_interfaces(self) -> None:
        verifyObject(IRequestBody, self.form())
        verifyObject(IBodySink, self.form())

    def test_first(self) -> None:
        """Nothing more is read until somebody wants to send it."""
        self.found(OPEN, REST, LAST)
        self.assertEqual(self.client.left, [REST, LAST])
        self.start()
        self.assert_sent(MODEL, FILE, LAST)
        self.assert_nothing_kept()

    def test_last(self) -> None:
        self.found(FILE, MODEL, LAST)
        self.start()
        self.assert_sent(FILE, MODEL, LAST)

    def test_all_in_one_piece(self) -> None:
        self.found(FILE + MODEL + LAST)
        self.start()
        self.assert_sent(FILE, MODEL, LAST)

    def test_every_byte_by_itself(self) -> None:
        whole = FILE + MODEL + LAST
        self.found(*[bytes([byte]) for byte in whole])
        self.start()
        self.assert_sent(whole)

    def test_missing(self) -> None:
        error = self.failureResultOf(self.find(FILE, LAST), BadRequest).value
        self.assertEqual(error.param, "model")
        self.assert_nothing_kept()

    def test_twice_the_same(self) -> None:
        """It means one thing only."""
        self.found(MODEL + MODEL, LAST)

    def test_twice_before_it_is_sent(self) -> None:
        finding = self.find(OPEN + OTHER + LAST)
        self.assertEqual(self.failureResultOf(finding, BadRequest).value.param, "model")
        self.assertIn("stop", self.client.calls)
        self.assert_nothing_kept()

    def test_twice_while_it_is_sent(self) -> None:
        """The backend might take the other one: it gets no complete body."""
        self.found(OPEN, OTHER, LAST)
        self.start()
        self.assertIsInstance(self.told(), BadRequest)
        self.assertNotIn(LAST, self.backend.data)
        self.assertIn("stop", self.client.calls)
        self.assert_nothing_kept()

    def test_no_form(self) -> None:
        self.failureResultOf(self.find(b"--frontier?\r\n"), BadRequest)
        self.assertIn("stop", self.client.calls)
        self.assert_nothing_kept()

    def test_ends_before_its_last_boundary(self) -> None:
        self.failureResultOf(self.find(FILE), BadRequest)
        self.assert_nothing_kept()

    def test_ends_before_its_last_boundary_while_it_is_sent(self) -> None:
        self.found(OPEN, REST)
        self.start()
        self.assertIsInstance(self.told(), BadRequest)
        self.assert_nothing_kept()

    def test_too_large_before_the_model(self) -> None:
        finding = self.find(*[part("file", b"x" * 1000, "f")] * 11, MODEL, LAST)
        self.failureResultOf(finding, RequestTooLarge)
        self.assertIn("stop", self.client.calls)
        self.assert_nothing_kept()

    def test_too_large_while_it_is_sent(self) -> None:
        self.found(OPEN, *[REST + b"--frontier"] * 100)
        self.start()
        self.assertIsInstance(self.told(), RequestTooLarge)
        self.assertLessEqual(len(self.backend.data), self.limit)
        self.assertIn("stop", self.client.calls)
        self.assert_nothing_kept()

    def test_cancelled(self) -> None:
        finding = self.find(FILE, ends=False)
        finding.cancel()
        self.failureResultOf(finding, CancelledError)
        self.assertIn("stop", self.client.calls)
        self.assert_nothing_kept()

    def test_client_leaves(self) -> None:
        finding = self.find(FILE, ends=False)
        self.client.leave()
        self.failureResultOf(finding, ClientGone)
        self.assert_nothing_kept()


class SendingTests(FormCase):
    """The model is known."""

    def test_replayable_until_something_goes_past_the_spool(self) -> None:
        self.form(OPEN, REST, LAST)
        self.assertFalse(self.body.replayable)
        self.successResultOf(self.body.find_model())
        self.assertTrue(self.body.replayable)
        self.start()
        self.assertFalse(self.body.replayable)

    def test_complete_form_can_be_sent_again(self) -> None:
        """All of it is put aside."""
        self.found(FILE, MODEL + LAST)
        self.client.resume()
        self.start()
        self.assert_sent(FILE, MODEL, LAST)

    def test_started_when_it_cannot_be_sent(self) -> None:
        """The reason is told, whoever is to blame."""
        self.found(OPEN, ends=False)
        self.body.discard()
        self.start()
        self.assertIsInstance(self.told(), InternalError)

    def test_started_after_the_client_left(self) -> None:
        self.find(FILE, ends=False).addErrback(lambda _: None)
        self.client.leave()
        self.start()
        self.assertIsInstance(self.told(), ClientGone)

    def test_client_leaves_while_it_is_sent(self) -> None:
        self.found(OPEN, ends=False)
        self.start()
        self.client.leave()
        self.assertIsInstance(self.told(), ClientGone)
        self.assert_nothing_kept()

    def test_client_left_before_it_is_sent(self) -> None:
        self.found(OPEN, ends=False)
        self.client.leave()
        self.start()
        self.assertIsInstance(self.told(), ClientGone)
        self.assert_nothing_kept()

    def test_paused_while_streaming(self) -> None:
        self.found(OPEN, ends=False)
        self.start()
        before = self.backend.data
        self.body.pause()
        self.client.send(REST)
        self.assertEqual(self.backend.data, before)
        self.body.resume()
        self.assertEqual(self.backend.data, before + REST)

    def test_paused_at_the_last_piece_of_the_replay(self) -> None:
        """Nothing is read from the client until the backend takes more."""
        self.found(OPEN, REST, LAST)
        self.backend.on_chunk = self.body.pause
        self.start()
        self.assertEqual(self.backend.data, OPEN)
        self.assertEqual(self.client.left, [REST, LAST])
        self.backend.on_chunk = None
        self.body.resume()
        self.assert_sent(MODEL, FILE, LAST)

    def test_stopped_while_streaming(self) -> None:
        """What went past the spool is gone."""
        self.found(OPEN, ends=False)
        self.start()
        self.body.stop()
        self.assertFalse(self.body.replayable)
        self.assertIn("stop", self.client.calls)
        self.assert_nothing_kept()

    def test_stopped_in_the_replay_and_sent_again(self) -> None:
        self.found(OPEN, REST, LAST)
        first = Backend(self.body.stop)
        self.start(first)
        self.assertTrue(self.body.replayable)
        self.assertEqual(first.ends, [])
        self.start()
        self.assert_sent(MODEL, FILE, LAST)

    def test_discarded(self) -> None:
        self.found(OPEN, ends=False)
        self.body.discard()
        self.body.discard()
        self.assertEqual(self.client.calls.count("stop"), 1)
        self.assert_nothing_kept()

    def test_discarded_while_streaming(self) -> None:
        self.found(OPEN, ends=False)
        self.start()
        self.body.discard()
        self.client.send(REST)
        self.assertNotIn(REST, self.backend.data)
        self.assert_nothing_kept()

    def test_discarded_after_its_end(self) -> None:
        """The client is told nothing: it may be at its next request."""
        self.found(MODEL, LAST)
        self.start()
        self.body.discard()
        self.assertNotIn("stop", self.client.calls)
        self.assert_nothing_kept()

    def test_discarded_when_all_of_it_was_put_aside(self) -> None:
        """It was sent from the spool; the client has nothing more to stop."""
        self.found(MODEL + LAST)
        self.client.resume()
        self.start()
        self.assert_sent(MODEL, LAST)
        self.assertTrue(self.body.replayable)
        self.body.discard()
        self.assertNotIn("stop", self.client.calls)
        self.assert_nothing_kept()

    def test_length_is_the_clients(self) -> None:
        client = Client(length=7)
        self.assertEqual(
            FormBody(client, ModelFinder(BOUNDARY), Spool(0, Threads().run, SpoolSpace(0, 0)), 9).length, 7
        )
