"""Bodies in memory."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.errors import ClientGone, RequestTooLarge
from jairouter.interfaces import IBodySink, IRequestBody
from jairouter.request_body.held import HeldBody, _Collector, collect
from tests.request_body.rig import Backend, Client, allocated, crumbs


class HeldBodyTests(SynchronousTestCase):
    """A body that is here already."""

    def test_interface(self) -> None:
        verifyObject(IRequestBody, HeldBody(b"x"))

    def test_sent(self) -> None:
        backend = Backend()
        HeldBody(b"body").start(backend)
        self.assertEqual((backend.data, backend.ends), (b"body", [None]))

    def test_empty(self) -> None:
        """No piece is ever empty."""
        backend = Backend(lambda: self.fail("a piece of nothing"))
        HeldBody(b"").start(backend)
        self.assertEqual(backend.ends, [None])

    def test_sent_again(self) -> None:
        body, first, second = HeldBody(b"body"), Backend(), Backend()
        self.assertTrue(body.replayable)
        for backend in (first, second):
            body.start(backend)
            body.pause()
            body.resume()
            self.assertEqual((backend.data, backend.ends), (b"body", [None]))

    def test_complete_from_the_start(self) -> None:
        """Nothing of it is still to come, so a connection may be used again after it."""
        self.assertTrue(HeldBody(b"body").complete)

    def test_stopped_while_it_is_sent(self) -> None:
        """The sink is forgotten: it hears of no end."""
        body = HeldBody(b"body")
        backend = Backend(body.stop)
        body.start(backend)
        self.assertEqual(backend.ends, [])

    def test_sent_again_while_it_is_sent(self) -> None:
        """The first connection dies as it takes the body."""
        body, second = HeldBody(b"body"), Backend()

        def die() -> None:
            body.stop()
            body.start(second)

        first = Backend(die)
        body.start(first)
        self.assertEqual((first.ends, second.data, second.ends), ([], b"body", [None]))


class CollectTests(SynchronousTestCase):
    """A body that is read into memory."""

    def test_interfaces(self) -> None:
        verifyObject(IRequestBody, Client())
        verifyObject(IBodySink, _Collector(Client(), 1))

    def test_collected(self) -> None:
        body = self.successResultOf(collect(Client(b"ab", b"c"), 3))
        self.assertEqual((body.data, body.length), (b"abc", 3))

    def test_empty(self) -> None:
        self.assertEqual(self.successResultOf(collect(Client(), 3)).data, b"")

    def test_not_before_the_end(self) -> None:
        client = Client(b"ab", ends=False)
        collected = collect(client, 3)
        self.assertNoResult(collected)
        client.end()
        self.assertEqual(self.successResultOf(collected).data, b"ab")

    def test_announced_as_too_large(self) -> None:
        """It is not even begun."""
        client = Client(b"abcd", length=4)
        self.failureResultOf(collect(client, 3), RequestTooLarge)
        self.assertEqual(client.calls, [])

    def test_turns_out_too_large(self) -> None:
        client = Client(b"ab", b"cd", b"ef")
        self.failureResultOf(collect(client, 3), RequestTooLarge)
        self.assertEqual(client.calls, ["start", "stop"])
        self.assertEqual(client.left, [b"ef"])

    def test_crumbs(self) -> None:
        """A body that comes two bytes at a time costs hardly more than its bytes."""
        client = Client(ends=False)
        collector = _Collector(client, 100_000)
        used = allocated(collector.chunk, crumbs(100_000))
        self.assertLess(used, 150_000)
        collector.end()
        self.assertEqual(self.successResultOf(collector.done).data, b"".join(crumbs(100_000)))

    def test_client_leaves(self) -> None:
        client = Client(b"ab", ends=False)
        collected = collect(client, 3)
        client.leave()
        self.failureResultOf(collected, ClientGone)

    def test_cancelled(self) -> None:
        client = Client(b"ab", ends=False)
        collected = collect(client, 3)
        collected.cancel()
        self.failureResultOf(collected, CancelledError)
        self.assertEqual(client.calls, ["start", "stop"])
        client.send(b"late")
        client.end()
