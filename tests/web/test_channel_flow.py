"""Tests for `jairouter.web.channel`: clients that ask for more than they read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.web.channel import AT_ONCE
from tests.fakes import Client
from tests.filters.inner import Sink
from tests.web.serving import GET, Echo, Later, Serving, Taker, answers, post


class Large(Later):
    """Answers at once with 10 KB, except at ``/slow``."""

    seen = 0

    def render(self, request: Any) -> Any:
        self.seen += 1
        return super().render(request) if request.path == b"/slow" else b"x" * 10_000


@implementer(IPushProducer)
class Producer:
    """Notes what its consumer wants."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


class Turns:
    """A reactor of which one sees every turn: the fake clock runs at once what is asked for with no delay."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def callLater(self, delay: float, call: Callable[[], None]) -> None:
        self.calls.append(call)


class Case(SynchronousTestCase):
    """Closes what it opened and leaves no timers."""

    def serving(self, root: Resource) -> Serving:
        serving = Serving(root)
        self.addCleanup(lambda: self.assertEqual(serving.close(), []))
        return serving

    def deaf(self, serving: Serving, data: bytes) -> tuple[Client, Any]:
        """A client that sends and does not read."""
        client = serving.client()
        wire: Any = client.transport
        wire.pauseProducing()
        client.send(data)
        serving.run()
        return client, wire


class ChokedTests(Case):
    """Answers that nobody reads."""

    def test_interface(self) -> None:
        serving = self.serving(Echo())
        verifyObject(IPushProducer, serving.channel(serving.client()))

    def test_no_further_request_is_begun(self) -> None:
        root = Large()
        serving = self.serving(root)
        client, _ = self.deaf(serving, GET * 10_000)
        self.assertLess(root.seen, 12)
        self.assertGreater(serving.unread(client), 100_000)

    def test_goes_on(self) -> None:
        """When it reads again, every answer comes."""
        root = Large()
        serving = self.serving(root)
        client, wire = self.deaf(serving, GET * 200)
        self.assertLess(root.seen, 12)
        wire.resumeProducing()
        serving.run()
        self.assertEqual(len(answers(client.received)), 200)

    def test_leaves(self) -> None:
        serving = self.serving(Large())
        client, _ = self.deaf(serving, GET * 200)
        client.leave()
        serving.run()
        self.assertEqual(serving.site.channels, {})

    def test_never_reads(self) -> None:
        """It is given up: after the time between requests, and that of a last answer."""
        serving = self.serving(Large())
        self.deaf(serving, GET * 200)
        serving.run(74)
        self.assertEqual(len(serving.site.channels), 1)
        serving.run(75 + 61 - 74)
        self.assertEqual(serving.site.channels, {})

    def test_head_is_not_late(self) -> None:
        """It is we who do not read the rest of a head."""
        serving = self.serving(Large())
        client, wire = self.deaf(serving, GET * 7 + GET[:10])
        serving.run(30)
        client.send(GET[10:])
        wire.resumeProducing()
        serving.run()
        self.assertEqual([answer.status for answer in answers(client.received)], [200] * 8)

    def test_upload_goes_on(self) -> None:
        """Who must send before it reads is not kept from it by what is unread."""
        root = Taker()
        serving = self.serving(root)
        client, wire = self.deaf(serving, post(b"y" * 300_000)[:1000])
        root.requests[0].write(b"x" * 200_000)
        sink = Sink()
        root.requests[0].upload.start(sink)
        client.send(post(b"y" * 300_000)[1000:])
        serving.run()
        self.assertEqual(sink.ends, ["end"])
        self.assertIsNone(wire.lost)


class TurnTests(Case):
    """Many requests at once."""

    def test_a_few_in_each_turn(self) -> None:
        """Others have their turn in between."""
        root = Echo()
        serving = self.serving(root)
        turns = Turns()
        self.patch(serving.site, "reactor", turns)
        serving.channel(serving.client()).dataReceived(GET * 50)
        seen = [len(root.seen)]
        while turns.calls:
            turns.calls.pop()()
            seen.append(len(root.seen))
        self.assertEqual(seen, [16, 32, 48, 50])

    def test_more_comes_meanwhile(self) -> None:
        """It waits behind what waits already."""
        root = Echo()
        serving = self.serving(root)
        client = serving.client()
        channel = serving.channel(client)
        channel.dataReceived(GET * 20)
        channel.dataReceived(post(b"last"))
        self.assertEqual(len(root.seen), AT_ONCE)
        serving.run()
        self.assertEqual(root.seen[-1], (b"POST", b"/", b"last"))

    def test_exactly_so_many(self) -> None:
        """No turn is asked for when nothing is left."""
        serving = self.serving(Echo())
        channel = serving.channel(serving.client())
        calls = len(serving.network.getDelayedCalls())
        channel.dataReceived(GET * AT_ONCE)
        self.assertEqual(len(serving.network.getDelayedCalls()), calls)

    def test_connection_is_lost_meanwhile(self) -> None:
        """Nothing more is answered, and no call is left."""
        root = Echo()
        serving = self.serving(root)
        client = serving.client()
        serving.channel(client).dataReceived(GET * 100)
        serving.server_end(client)._lose(Failure(ConnectionLost()))
        self.assertEqual(serving.network.getDelayedCalls(), [])
        self.assertEqual(len(root.seen), AT_ONCE)


class ProducerTests(Case):
    """A request's own producer takes the channel's place while it lasts."""

    def setUp(self) -> None:
        self.root = Large()
        self.site = self.serving(self.root)
        self.client, self.wire = self.deaf(self.site, GET.replace(b"/ ", b"/slow ") + GET * 20)
        self.request = self.root.requests[0]
        self.producer = Producer()
        self.request.registerProducer(self.producer, True)

    def write(self) -> None:
        self.request.write(b"x" * 300_000)
        self.site.run()

    def test_is_told(self) -> None:
        self.write()
        self.assertEqual(self.producer.calls, ["pause"])
        self.wire.resumeProducing()
        self.site.run()
        self.assertEqual(self.producer.calls, ["pause", "resume"])

    def test_afterwards(self) -> None:
        """The channel is told again."""
        self.write()
        self.request.unregisterProducer()
        self.root.requests.pop().finish()
        self.site.run()
        self.assertEqual(self.root.seen, 1)
        self.wire.resumeProducing()
        self.site.run()
        self.assertEqual(self.root.seen, 21)
        self.assertEqual(self.producer.calls, ["pause"])

    def test_registered_late(self) -> None:
        """What the channel was told before does not hold for ever."""
        self.request.unregisterProducer()
        self.write()
        self.request.registerProducer(self.producer, True)
        self.wire.resumeProducing()
        self.site.run()
        self.request.unregisterProducer()
        self.root.requests.pop().finish()
        self.site.run()
        self.assertEqual(self.root.seen, 21)

    def test_connection_ends_before_it(self) -> None:
        """Nobody takes the place of a producer that ends while the connection is closing."""
        self.write()
        self.request.loseConnection()
        self.request.unregisterProducer()
        self.wire.resumeProducing()
        self.site.run()
        self.assertIsNotNone(self.client.closed)

    def test_connection_that_a_resource_closes(self) -> None:
        """It is not waited for without end either."""
        self.request.unregisterProducer()
        self.write()
        self.request.loseConnection()
        self.site.run(62)
        self.assertEqual(self.site.site.channels, {})

    def test_connection_ends_with_it(self) -> None:
        """A transport does not close while a producer of ours is registered and paused."""
        self.write()
        self.request.unregisterProducer()
        self.request.keep_alive = False
        self.root.requests.pop().finish()
        self.wire.resumeProducing()
        self.site.run()
        self.assertIsNotNone(self.client.closed)
        self.assertTrue(answers(self.client.received)[0].complete)
