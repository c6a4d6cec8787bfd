"""What an exchange was made of is gone when it is over, without the garbage collector's help.

Objects that know each other in a ring stay until it comes by, which with many objects alive is seldom and
takes long: meanwhile memory grows with every exchange, and then everything waits.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster import Cluster
from tests.fakes import Client
from tests.world import World, post

STREAM = {"model": "m", "stream": True}
EVENT = b"data: {}\n\n"
FORM = (
    b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
)
FIELD = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nw\r\n--b--\r\n'


class Case(SynchronousTestCase):
    """A world to look for garbage in."""

    def setUp(self) -> None:
        self.world = self.make()
        self.addCleanup(lambda: self.assertEqual(self.world.close(), []))

    def make(self) -> World:
        """The world."""
        return World()

    def rings(self, exchange: Callable[[], None]) -> Counter[str]:
        """Our own objects that a few exchanges leave to the collector, by kind."""
        exchange()  # the first one makes what all use
        self.let_go()
        gc.freeze()  # what there is now need not be looked through
        gc.disable()
        try:
            for _ in range(3):
                exchange()
            self.let_go()
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            kinds = [type(each) for each in gc.garbage]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
            gc.unfreeze()
        return Counter(kind.__qualname__ for kind in kinds if kind.__module__.startswith("jairouter."))

    def let_go(self) -> None:
        """Do as Twisted, whose transports forget their protocols when the connection is lost."""
        for _, here, there in self.world.network.connections:
            for wire in (here, there):
                if wire.lost is not None:
                    wire.protocol = None

    def assert_nothing_left(self, exchange: Callable[[], None]) -> None:
        self.assertEqual(self.rings(exchange), Counter())

    def go(self, client: Client) -> None:
        """The client leaves."""
        client.leave()
        self.world.run()


class GarbageTests(Case):
    """Each kind of exchange, some of them."""

    def begin_stream(self) -> Client:
        """A stream whose first event has come."""
        client = self.world.ask(STREAM)
        self.world.backend.last.begin_stream()
        self.world.backend.last.chunk(EVENT)
        self.world.run()
        return client

    def test_page(self) -> None:
        def exchange() -> None:
            client = self.world.client()
            client.send(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
            self.world.run()
            self.go(client)

        self.assert_nothing_left(exchange)

    def test_answer(self) -> None:
        def exchange() -> None:
            client = self.world.ask({"model": "m"})
            self.world.backend.last.answer(b"{}")
            self.world.run()
            self.go(client)

        self.assert_nothing_left(exchange)

    def test_stream(self) -> None:
        def exchange() -> None:
            client = self.begin_stream()
            for piece in (b"data: [DONE]\n\n", b""):
                self.world.backend.last.chunk(piece)
            self.world.run()
            self.go(client)

        self.assert_nothing_left(exchange)

    def test_stream_that_is_left(self) -> None:
        self.assert_nothing_left(lambda: self.go(self.begin_stream()))

    def test_stream_that_breaks_off(self) -> None:
        def exchange() -> None:
            client = self.begin_stream()
            self.world.backend.last.wire.abortConnection()
            self.world.run()
            self.go(client)

        self.assert_nothing_left(exchange)

    def test_upload(self) -> None:
        def exchange() -> None:
            client = self.world.client()
            client.send(FORM % len(FIELD) + FIELD)
            self.world.run()
            self.world.backend.last.answer(b"{}")
            self.world.run()
            self.go(client)

        self.assert_nothing_left(exchange)

    def test_refused(self) -> None:
        def exchange() -> None:
            self.go(self.world.ask(post({"model": "unheard of"})))

        self.assert_nothing_left(exchange)

    def test_refused_head(self) -> None:
        """Each costs its sender nothing, and there may be thousands of them."""

        def exchange() -> None:
            for lines in (b"A: %b\r\n" % (b"x" * 33_000), b"A: b\r\n" * 101, b": b\r\n", b"Host: y\r\n"):
                client = self.world.client()
                client.send(b"GET / HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n")
                self.world.run()
                self.assertRegex(bytes(client.received), b"HTTP/1.1 4[03][01] ")
                self.go(client)

        self.assert_nothing_left(exchange)


class RetriedTests(Case):
    """Exchanges of several attempts."""

    hedge = False
    world: Cluster

    def make(self) -> World:
        budget = {"ratio": 1, "min-per-second": 1000}
        hedge = {"enabled": self.hedge, "delay": "1s", "max-extra-load": 1}
        return Cluster(3, budget=budget, hedge=hedge)

    def test_after_a_failed_answer(self) -> None:
        def exchange() -> None:
            client = self.world.ask({"model": "m"})
            for backend in self.world.backends:
                backend.last.answer(b"{}", status="503 No")
                self.world.run()
            self.go(client)

        self.assert_nothing_left(exchange)

    def test_after_an_error(self) -> None:
        def exchange() -> None:
            client = self.world.ask({"model": "m"})
            self.world.backends[0].last.wire.abortConnection()
            self.world.run()
            self.world.backends[1].last.answer(b"{}")
            self.world.run()
            self.go(client)

        self.assert_nothing_left(exchange)

    def test_nothing_but_errors(self) -> None:
        def exchange() -> None:
            client = self.world.ask({"model": "m"})
            for backend in self.world.backends:
                backend.last.wire.abortConnection()
                self.world.run()
            self.go(client)

        self.assert_nothing_left(exchange)


class PausedTests(Case):
    """Exchanges that waited between two attempts."""

    world: Cluster

    def make(self) -> World:
        return Cluster(2, delay="1s", budget={"ratio": 1, "min-per-second": 1000})

    def test_until_it_was_over(self) -> None:
        def exchange() -> None:
            client = self.world.ask({"model": "m"})
            self.world.backends[0].last.answer(b"{}", status="503 No")
            self.world.run(1.1)
            self.world.backends[1].last.answer(b"{}")
            self.world.run()
            self.go(client)

        self.assert_nothing_left(exchange)

    def test_left(self) -> None:
        def exchange() -> None:
            client = self.world.ask({"model": "m"})
            self.world.backends[0].last.answer(b"{}", status="503 No")
            self.world.run()
            self.go(client)

        self.assert_nothing_left(exchange)


class HedgedTests(RetriedTests):
    """Exchanges that may have two attempts at a time."""

    hedge = True

    def hedged(self) -> Client:
        """One that has two."""
        client = self.world.ask({"model": "m"})
        self.world.run(1.1)
        return client

    def test_overtaken(self) -> None:
        def exchange() -> None:
            client = self.hedged()
            self.world.backends[1].last.answer(b"{}")
            self.world.run()
            self.go(client)

        self.assert_nothing_left(exchange)

    def test_both_fail(self) -> None:
        def exchange() -> None:
            client = self.hedged()
            for backend in self.world.backends:
                backend.last.wire.abortConnection()
                self.world.run()
            self.go(client)

        self.assert_nothing_left(exchange)

    def test_left(self) -> None:
        self.assert_nothing_left(lambda: self.go(self.hedged()))
