"""Nobody wants the answer any more: what cancelling does in each state of a connection."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionLost

from jairouter.task import Promise
from jairouter.upstream.connection import Connection
from jairouter.upstream.failures import BadAnswer
from jairouter.upstream.response import Response
from jairouter.upstream.wire import WireBody
from tests.upstream.rig import OK, Phases, Upload, Wire, awaited, request
from tests.upstream.test_connection import HALF, LineCase


class CancelCase(LineCase):
    """A connection on which requests are sent by hand: their promises are awaited only when it is said."""

    def promise(self, upload: Upload | None = None) -> Promise[Response]:
        """Send a request."""
        return self.line.connection.send(request(None if upload is None else WireBody(upload)))

    def assert_cancelled(self, promise: Promise[Response]) -> None:
        """Whoever awaits it is told; the backend is told by closing the connection at once."""
        self.failureResultOf(awaited(promise), CancelledError)
        self.assertTrue(self.line.wire.aborted)
        self.assert_closed()

    def assert_no_effect(self, promise: Promise[Response]) -> None:
        """It comes too late to change anything."""
        told = list(self.line.told)
        promise.cancel()
        self.assertEqual(self.line.told, told)
        self.assertFalse(self.line.wire.aborted)


class NoAnswerTests(CancelCase):
    """There is no answer yet."""

    def test_while_nothing_has_come(self) -> None:
        promise = self.promise()
        promise.cancel()
        self.assert_cancelled(promise)

    def test_by_cancelling_whoever_awaits_it(self) -> None:
        waiting = awaited(self.promise())
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertTrue(self.line.wire.aborted)
        self.assert_closed()

    def test_in_the_middle_of_the_head(self) -> None:
        promise = self.promise()
        self.line.say(OK[:20])
        promise.cancel()
        self.assert_cancelled(promise)

    def test_after_an_interim_answer(self) -> None:
        promise = self.promise()
        self.line.say(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        promise.cancel()
        self.assert_cancelled(promise)

    def test_while_the_request_goes_out(self) -> None:
        """The body that was sent is stopped, and the backend not told that it was complete."""
        upload = Upload()
        promise = self.promise(upload)
        upload.send(b"some")
        promise.cancel()
        self.assertIn("stop", upload.calls)
        self.assertIsNone(self.line.wire.producer)
        self.assertNotIn(b"0\r\n\r\n", self.line.wire.value()[-7:])
        self.assert_cancelled(promise)

    def test_what_comes_afterwards_is_dropped(self) -> None:
        attempt = Phases()
        promise = self.line.connection.send(request(attempt=attempt))
        promise.cancel()
        heard = list(attempt.entered)
        self.line.say(OK)
        self.assertEqual((attempt.entered, attempt.moved), (heard, 0))
        self.assert_cancelled(promise)

    def test_twice(self) -> None:
        promise = self.promise()
        promise.cancel()
        promise.cancel()
        self.assert_cancelled(promise)

    def test_the_pool_knows_it_before_whoever_waits(self) -> None:
        """Its place is free when the next step is taken."""
        order: list[str] = []
        note: Callable[[object], None] = lambda _: order.append("told")  # noqa: E731
        connection = Connection(0.0, print, lambda _: order.append("lost"))
        connection.makeConnection(Wire())
        promise = connection.send(request())
        promise.addBoth(note)
        promise.cancel()
        self.assertEqual(order, ["lost", "told"])


class TooLateTests(CancelCase):
    """There is an answer, or the reason why there is none; steering the body is for whoever takes it."""

    def test_in_the_body(self) -> None:
        promise = self.promise()
        self.line.say(HALF)
        self.assert_no_effect(promise)
        receiver = self.answered(awaited(promise))[1]
        self.line.say(b"whole")
        self.assert_complete(receiver, b"halfwhole")
        self.assert_reusable()

    def test_after_a_whole_answer(self) -> None:
        promise = self.promise()
        self.line.say(OK)
        self.assert_no_effect(promise)
        self.assert_complete(self.answered(awaited(promise))[1], b"ok")
        self.assert_reusable()

    def test_while_the_next_request_is_under_way(self) -> None:
        """It is another's."""
        first = self.promise()
        self.line.say(OK)
        second = self.promise()
        self.assert_no_effect(first)
        self.line.say(OK.replace(b"ok", b"no"))
        self.assert_complete(self.answered(awaited(second))[1], b"no")

    def test_after_the_connection_was_lost(self) -> None:
        """The reason stays what it was."""
        promise = self.promise()
        self.line.lose(ConnectionLost())
        promise.cancel()
        self.failureResultOf(awaited(promise), ConnectionLost)
        self.assertEqual(self.line.told, ["lost"])

    def test_after_a_bad_answer(self) -> None:
        promise = self.promise()
        self.line.say(b"what?\r\n")
        promise.cancel()
        self.failureResultOf(awaited(promise), BadAnswer)
        self.assert_closed()
