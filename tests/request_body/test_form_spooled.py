"""Forms that name their model after a file that is too long for memory: threads, disks, and bad timing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError

from jairouter.codec.multipart import ModelFinder
from jairouter.errors import BadRequest, ClientGone, InternalError
from jairouter.request_body.form import FormBody
from jairouter.request_body.spool import BLOCK, Spool, SpoolSpace
from tests.codec.properties import PROPERTY, split_at
from tests.request_body.rig import BOUNDARY, LAST, MODEL, Backend, Client, Threads, part
from tests.request_body.test_form import FILE, OPEN, REST, FormCase

DISK_FULL = OSError("no space left")


class SpooledCase(FormCase):
    """Nothing fits into memory; threads run when the test lets them."""

    in_memory = 10
    limit = 1_000_000
    at_once = False

    def spooled(self, *after: bytes, ends: bool = True) -> None:
        """A form whose model is found after its file was put on disk."""
        self.found(FILE, OPEN, *after, ends=ends)


class PutAsideTests(SpooledCase):
    """While the model is looked for."""

    def test_client_waits_for_the_disk(self) -> None:
        finding = self.find(FILE, OPEN, ends=False)
        self.assertEqual(self.client.calls, ["start", "pause"])
        self.assertEqual(self.threads.busy, 1)
        self.threads.step()  # the file is made
        self.threads.step()  # and written
        self.assertEqual(self.client.calls, ["start", "pause", "resume", "pause"])
        self.assertNoResult(finding)
        self.threads.step()
        self.assertEqual(self.successResultOf(finding), "whisper-1")
        self.assertEqual(self.threads.busy, 0)

    def test_model_last(self) -> None:
        self.found(FILE, MODEL + LAST)
        self.start()
        self.threads.finish()
        self.client.resume()
        self.assert_sent(FILE, MODEL, LAST)
        self.body.discard()
        self.assert_nothing_kept()

    def test_model_missing(self) -> None:
        finding = self.find(FILE, LAST)
        self.threads.finish()
        self.failureResultOf(finding, BadRequest)
        self.assert_nothing_kept()

    def test_bad_form_while_the_disk_is_busy(self) -> None:
        """A client that sends on though it was asked to wait; the file is closed when the thread is done."""
        finding = self.find(FILE, ends=False)
        self.threads.step()
        self.body.chunk(b"\n--frontier")
        self.failureResultOf(finding, BadRequest)
        self.assertFalse(self.threads.all_closed)
        self.threads.finish()
        self.assert_nothing_kept()

    def test_ends_while_the_disk_is_busy(self) -> None:
        finding = self.find(FILE, ends=False)
        self.body.chunk(MODEL + LAST)
        self.body.end()
        self.assertNoResult(finding)
        self.threads.finish()
        self.assertEqual(self.successResultOf(finding), "whisper-1")

    def test_client_leaves_while_the_disk_is_busy(self) -> None:
        finding = self.find(FILE, ends=False)
        self.threads.step()
        self.body.broke(ClientGone("gone"))
        self.failureResultOf(finding, ClientGone)
        self.threads.finish()
        self.assert_nothing_kept()

    def test_cancelled_while_the_disk_is_busy(self) -> None:
        for steps in (0, 1):
            finding = self.find(FILE, ends=False)
            for _ in range(steps):
                self.threads.step()
            finding.cancel()
            self.failureResultOf(finding, CancelledError)
            self.assertIn("stop", self.client.calls)
            self.threads.finish()
            self.assert_nothing_kept()

    def test_disk_fails(self) -> None:
        """When the file is made, and when it is written: the reason is in the log only."""
        for steps in (0, 1):
            finding = self.find(FILE, ends=False)
            for _ in range(steps):
                self.threads.step()
            self.threads.fail(DISK_FULL)
            self.failureResultOf(finding, InternalError)
            self.assertIn("stop", self.client.calls)
            self.assert_nothing_kept()
            self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_disk_fails_for_nobody(self) -> None:
        """The client had left already."""
        finding = self.find(FILE, ends=False)
        self.threads.step()
        finding.cancel()
        self.failureResultOf(finding, CancelledError)
        self.threads.fail(DISK_FULL)
        self.assertEqual(self.client.calls.count("stop"), 1)
        self.assert_nothing_kept()
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)


class ReplayTests(SpooledCase):
    """While the spool is read."""

    def test_then_streaming(self) -> None:
        """The file is closed as soon as it is of no more use."""
        self.spooled(REST, LAST)
        self.start()
        self.assertEqual(self.backend.data, b"")
        self.threads.finish()
        self.assert_sent(FILE, MODEL, FILE, LAST)
        self.assert_nothing_kept()

    def test_file_is_closed_before_the_client_has_sent_all(self) -> None:
        self.spooled(ends=False)
        self.start()
        self.threads.finish()
        self.assertTrue(self.threads.all_closed)
        self.assertFalse(self.body.replayable)
        self.body.stop()

    def test_paused_while_a_block_is_read(self) -> None:
        """It is not sent; on resuming it is read again."""
        self.spooled(REST, LAST)
        self.start()
        self.body.pause()
        self.threads.finish()
        self.assertEqual(self.backend.data, b"")
        self.body.resume()
        self.threads.finish()
        self.assert_sent(FILE, MODEL, FILE, LAST)

    def test_paused_and_resumed_while_a_block_is_read(self) -> None:
        """One thread at a time."""
        self.spooled(REST, LAST)
        self.start()
        self.body.pause()
        self.body.resume()
        self.assertEqual(self.threads.busy, 1)
        self.threads.finish()
        self.assert_sent(FILE, MODEL, FILE, LAST)

    def test_stopped_while_a_block_is_read_and_sent_again(self) -> None:
        """The connection died; the block that is on its way belongs to the past."""
        big = part("file", b"y" * (2 * BLOCK), "f")
        self.found(big, OPEN, REST, LAST)
        first = Backend()
        self.start(first)
        self.threads.step()  # the first block
        self.assertEqual((len(first.data), self.threads.busy), (BLOCK, 1))
        self.body.stop()
        self.assertTrue(self.body.replayable)
        self.start()
        self.threads.finish()
        self.assertEqual((len(first.data), first.ends), (BLOCK, []))
        self.assert_sent(big, MODEL, FILE, LAST)

    def test_stopped_while_a_block_is_read(self) -> None:
        self.spooled(REST, LAST)
        self.start()
        self.body.stop()
        self.threads.finish()
        self.assertEqual((self.backend.data, self.backend.ends), (b"", []))
        self.start()
        self.threads.finish()
        self.assert_sent(FILE, MODEL, FILE, LAST)

    def test_discarded_while_a_block_is_read(self) -> None:
        self.spooled(REST, LAST)
        self.start()
        self.body.discard()
        self.assertFalse(self.threads.all_closed)
        self.threads.finish()
        self.assertEqual((self.backend.data, self.backend.ends), (b"", []))
        self.assert_nothing_kept()

    def test_discarded_before_it_is_sent(self) -> None:
        self.spooled(REST, LAST)
        self.body.discard()
        self.assert_nothing_kept()

    def test_disk_fails(self) -> None:
        self.spooled(REST, LAST)
        self.start()
        self.threads.fail(DISK_FULL)
        self.assertIsInstance(self.told(), InternalError)
        self.assertIn("stop", self.client.calls)
        self.assert_nothing_kept()
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_complete_form_is_sent_twice(self) -> None:
        """All of it is on disk: also a backend that fails at the end leaves it whole."""
        self.found(FILE, MODEL + LAST, ends=False)
        self.body.resume()
        self.client.end()
        self.client.resume()
        for _ in range(2):
            backend = Backend()
            self.start(backend)
            self.threads.finish()
            self.assertEqual(backend.data, FILE + MODEL + LAST)
            self.assertEqual(backend.ends, [None])
            self.assertTrue(self.body.replayable)
        self.body.discard()
        self.assert_nothing_kept()


class AnySplitTests(FormCase):
    """However the form comes, however little fits into memory: the same bytes go out."""

    @PROPERTY
    @given(
        st.permutations([MODEL, FILE, part("prompt", b"p" * 50)]),
        st.lists(st.integers(0, 2000), max_size=8),
        st.sampled_from([0, 100, 10_000]),
    )
    def test_bytes(self, parts: list[bytes], places: list[int], in_memory: int) -> None:
        self.setUp()
        self.in_memory = in_memory
        whole = b"".join(parts) + LAST
        self.found(*[piece for piece in split_at(whole, places) if piece])
        self.start()
        self.assert_sent(whole)
        self.body.discard()
        self.assert_nothing_kept()


class MemoryTests(FormCase):
    """A large upload is never held."""

    size = 50 * 1024 * 1024
    piece = 64 * 1024

    def upload(self, *, model_first: bool) -> None:
        """Send 50 MB in pieces to a backend that pauses after each."""
        threads = Threads()
        count = self.size // self.piece
        data = b"z" * self.piece
        start, end = part("file", b"", "f")[:-2], b"\r\n"
        pieces = [start, *[data] * count, end]
        pieces = [MODEL, *pieces, LAST] if model_first else [*pieces, MODEL, LAST]
        client = Client(*pieces)
        spool = Spool(256 * 1024, threads.run, SpoolSpace(self.size, 2 * self.size))
        body = FormBody(client, ModelFinder(BOUNDARY), spool, 2 * self.size)
        self.most = self.sent = 0

        def note() -> None:
            held = body._backlog.size + spool._held.size + len(backend.data)
            self.most = max(self.most, held)
            self.sent += len(backend.data)
            backend.data = b""
            body.pause()

        backend = Backend(note)
        finding = body.find_model()
        threads.finish()
        self.assertEqual(self.successResultOf(finding), "whisper-1")
        body.start(backend)
        while not backend.ends:
            threads.finish()
            body.resume()
        self.assertEqual(backend.ends, [None])
        self.assertEqual(self.sent, sum(map(len, pieces)))
        self.assertLess(self.most, 1024 * 1024)
        body.discard()
        self.assertTrue(threads.all_closed)

    def test_model_first(self) -> None:
        self.upload(model_first=True)

    def test_model_last(self) -> None:
        self.upload(model_first=False)
