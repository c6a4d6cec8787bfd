"""A form that waits for its backend: its client goes on meanwhile, so that its leaving shows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred

from jairouter.errors import BadRequest, ClientGone, InternalError, NoRoom, RequestTooLarge, UpstreamError
from tests.codec.properties import PROPERTY, split_at
from tests.request_body.rig import LAST, MODEL, Backend, part
from tests.request_body.test_form import FILE, OPEN, OTHER, REST, FormCase

DISK_FULL = OSError("no space left")


class WaitingCase(FormCase):
    """The form is sent when the test says so: `queue` stands for a place in the queue to the backend."""

    def wait(self, *pieces: bytes, ends: bool = False) -> None:
        """Find the model, then wait."""
        finding = self.find(*pieces, ends=ends)
        self.threads.finish()
        self.assertEqual(self.successResultOf(finding), "whisper-1")
        self.queue: Deferred[str] = Deferred()
        self.waiting = Deferred.fromCoroutine(self.body.while_it_waits(self.queued()))

    async def queued(self) -> str:
        return await self.queue


class WaitingTests(WaitingCase):
    """Nobody takes it yet."""

    def test_goes_on(self) -> None:
        self.wait(OPEN, REST)
        self.assertEqual(self.client.left, [])
        self.client.send(LAST)
        self.assertEqual(self.client.left, [])

    def test_not_before_it_waits(self) -> None:
        """Nearly always a connection is there: then nothing is put aside."""
        self.found(OPEN, REST, LAST)
        self.assertEqual(self.client.left, [REST, LAST])

    def test_taken_at_once(self) -> None:
        """What begins to send within the call puts nothing more aside."""

        async def at_once() -> None:
            self.backend.on_chunk = self.body.pause
            self.body.start(self.backend)
            await Deferred()

        self.found(OPEN, REST, LAST)
        work = Deferred.fromCoroutine(self.body.while_it_waits(at_once()))
        self.assertEqual(self.client.left, [REST, LAST])
        self.assertEqual(self.backend.data, OPEN)
        work.addErrback(lambda _: None).cancel()

    def test_then_sent(self) -> None:
        """All that came, in order, and what comes later behind it."""
        self.wait(OPEN, REST)
        self.start()
        self.client.send(LAST)
        self.client.end()
        self.assert_sent(MODEL, FILE, LAST)
        self.assert_nothing_kept()

    def test_complete(self) -> None:
        """All of it came while it waited: it can be sent any number of times."""
        self.wait(OPEN, REST, LAST, ends=True)
        for _ in range(2):
            self.backend = Backend()
            self.start()
            self.assert_sent(MODEL, FILE, LAST)
            self.assertTrue(self.body.replayable)
        self.body.discard()
        self.assert_nothing_kept()

    def test_result(self) -> None:
        self.wait(OPEN)
        self.queue.callback("answer")
        self.assertEqual(self.successResultOf(self.waiting), "answer")

    def test_failure(self) -> None:
        self.wait(OPEN)
        self.queue.errback(UpstreamError("no"))
        self.failureResultOf(self.waiting, UpstreamError)

    def test_cancelled(self) -> None:
        self.wait(OPEN)
        self.waiting.cancel()
        self.failureResultOf(self.waiting, CancelledError)
        self.assertTrue(self.queue.called)

    def test_not_read_on_after_a_broken_attempt(self) -> None:
        """A backend that broke off may have answered: the rest of the form is most likely not wanted."""
        self.wait(OPEN)
        self.start(Backend(self.body.stop))
        self.client.send(REST)
        self.assertEqual(self.client.left, [REST])


class BreakingTests(WaitingCase):
    """It breaks while nobody takes it: who waits for it is told at once, and why."""

    limit = 400

    def assert_broken(self, reason: type[Exception]) -> None:
        self.failureResultOf(self.waiting, reason)
        self.assertTrue(self.queue.called, "the place in the queue is given up")
        self.assert_nothing_kept()

    def test_client_leaves(self) -> None:
        self.wait(OPEN, REST)
        self.client.leave()
        self.assert_broken(ClientGone)

    def test_twice(self) -> None:
        self.wait(OPEN, OTHER, LAST)
        self.assert_broken(BadRequest)
        self.assertIn("stop", self.client.calls)

    def test_too_large(self) -> None:
        self.wait(OPEN, REST)
        self.client.send(b"x" * 400)
        self.assert_broken(RequestTooLarge)
        self.assertIn("stop", self.client.calls)

    def test_ends_before_its_last_boundary(self) -> None:
        self.wait(OPEN, REST, ends=True)
        self.assert_broken(BadRequest)

    def test_after_the_answer(self) -> None:
        """Then nobody waits any more, and nothing is cancelled."""
        self.wait(OPEN)
        self.queue.callback("answer")
        self.client.leave()
        self.assertEqual(self.successResultOf(self.waiting), "answer")
        self.assert_nothing_kept()


class OnDiskTests(WaitingCase):
    """Nothing fits into memory; threads run when the test lets them."""

    in_memory = 10
    at_once = False

    def test_started_while_the_disk_is_busy(self) -> None:
        """What is on its way to the disk is sent in its place."""
        for steps in range(2):
            self.setUp()
            self.wait(OPEN, REST)
            for _ in range(steps):
                self.threads.step()
            self.start()
            self.client.send(LAST)
            self.client.end()
            self.assertEqual(self.client.left, [LAST])
            self.threads.finish()
            self.assert_sent(MODEL, FILE, LAST)
            self.assert_nothing_kept()

    def test_client_leaves_while_the_disk_is_busy(self) -> None:
        """It is noticed when the disk has done: the file is closed then."""
        self.wait(OPEN, REST)
        self.client.leave()
        self.assertNoResult(self.waiting)
        self.threads.finish()
        self.failureResultOf(self.waiting, ClientGone)
        self.assert_nothing_kept()

    def test_disk_fails(self) -> None:
        self.wait(OPEN, REST)
        self.threads.fail(DISK_FULL)
        self.failureResultOf(self.waiting, InternalError)
        self.assertIn("stop", self.client.calls)
        self.assert_nothing_kept()
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_discarded_while_the_disk_is_busy(self) -> None:
        self.wait(OPEN, REST)
        self.body.discard()
        self.threads.finish()
        self.assert_nothing_kept()


class CrowdedTests(WaitingCase):
    """Others have filled the disk."""

    in_memory = 10

    def test_client_waits(self) -> None:
        """What need not be put aside stays with the client from half of the disk on."""
        self.wait(OPEN)
        self.space.on_disk += self.disk // 2
        self.client.send(REST)  # it is on its way already
        self.client.send(LAST)
        self.client.end()
        self.assertEqual(self.client.left, [LAST])
        self.start()
        self.assert_sent(MODEL, FILE, LAST)
        self.space.on_disk -= self.disk // 2
        self.assert_nothing_kept()

    def test_no_room(self) -> None:
        """What would have to be put aside is refused when the disk is full, which makes room for others."""
        finding = self.find(FILE, ends=False)
        self.space.on_disk += self.disk
        self.client.send(FILE)
        error = self.failureResultOf(finding, NoRoom).value
        self.assertEqual((error.status, error.retry_after), (503, 1))
        self.assertIn("stop", self.client.calls)
        self.space.on_disk -= self.disk
        self.assert_nothing_kept()

    def test_no_room_was_needed(self) -> None:
        """A form whose model comes with the last bytes for which there was room, or that fits into memory."""
        for in_memory in (10, 10_000):
            self.in_memory = in_memory
            self.form(FILE + OPEN, ends=False)
            self.space.on_disk += self.disk
            self.assertEqual(self.successResultOf(self.body.find_model()), "whisper-1")
            self.body.discard()


class AnySequenceTests(WaitingCase):
    """Whatever happens when: a backend that gets all of a form gets exactly that form."""

    @PROPERTY
    @given(
        st.permutations([MODEL, FILE, part("prompt", b"p" * 50)]),
        st.lists(st.integers(0, 500), max_size=8),
        st.sampled_from([0, 100, 10_000]),
        st.lists(st.sampled_from(["send", "thread", "start", "pause", "resume", "stop"]), max_size=40),
    )
    def test_bytes(self, parts: list[bytes], places: list[int], in_memory: int, steps: list[str]) -> None:
        self.in_memory, self.at_once = in_memory, False
        self.setUp()
        whole = b"".join(parts) + LAST
        pieces = [piece for piece in split_at(whole, places) if piece]
        finding = self.find(ends=False)
        waiting: Deferred[str] | None = None
        for step in [*steps, *["send", "thread"] * 20, "start", "resume"]:
            if step == "send" and pieces:
                self.client.send(pieces.pop(0))
            elif step == "thread" and self.threads.busy:
                self.threads.step()
            if waiting is None and finding.called:
                self.queue = Deferred()
                waiting = Deferred.fromCoroutine(self.body.while_it_waits(self.queued()))
            if waiting is not None:
                self.steer(step)
        self.client.end()
        self.threads.finish()
        if self.body.replayable or self.backend.ends:
            self.assert_sent(whole)
        self.body.discard()
        self.threads.finish()
        self.assert_nothing_kept()
        self.queue.callback("over")

    def steer(self, step: str) -> None:
        """What the backend's side does; a connection that is gone is followed by another one."""
        if step == "start" and self.body.replayable and self.body._sink is None and not self.backend.ends:
            self.backend = Backend()
            self.body.start(self.backend)
        elif self.body._sink is not None and step in ("pause", "resume", "stop"):
            getattr(self.body, step)()
