"""Keys are fetched over a connection of their own."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from jairouter.auth.key_fetch import MOST_BYTES, NotFetched, fetch_keys
from jairouter.timers import TimerWheel
from jairouter.upstream.endpoints import Dialing
from jairouter.upstream.names import Names
from tests.fakes import Network
from tests.upstream.names_rig import Resolver
from tests.world import BACKEND, ScriptedBackend

URL = f"http://{BACKEND[0]}:{BACKEND[1]}/realms/x/keys?a=b"


class FetchTests(SynchronousTestCase):
    """Against a server that the test plays."""

    def setUp(self) -> None:
        self.network = Network()
        wheel = TimerWheel(self.network)
        self.dialing = Dialing(self.network, wheel, Names(Resolver, wheel), 10.0)
        self.server = ScriptedBackend()
        self.network.listenTCP(BACKEND[1], self.server, interface=BACKEND[0])

    def tearDown(self) -> None:
        self.network.run()
        for each in self.server.connections:
            self.assertIsNotNone(each.closed)
        self.assertEqual(self.network.getDelayedCalls(), [])

    def ask(self, url: str = URL) -> Deferred[bytes]:
        fetching = fetch_keys(self.dialing, url, None)
        self.network.run()
        return fetching

    def say(self, data: bytes) -> None:
        self.server.last.say(data)
        self.network.run()

    def fails(self, fetching: Deferred[bytes], text: str) -> None:
        self.assertIn(text, self.failureResultOf(fetching, NotFetched).getErrorMessage())

    def test_asked(self) -> None:
        fetching = self.ask()
        head = bytes(self.server.last.received)
        self.assertTrue(head.startswith(b"GET /realms/x/keys?a=b HTTP/1.1\r\nHost: 10.0.0.1:9000\r\n"), head)
        self.server.last.answer(b'{"keys":[]}')
        self.network.run()
        self.assertEqual(self.successResultOf(fetching), b'{"keys":[]}')

    def test_in_pieces(self) -> None:
        fetching = self.ask()
        self.say(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        self.assertNoResult(fetching)
        self.say(b"cd")
        self.assertEqual(self.successResultOf(fetching), b"abcd")

    def test_other_status(self) -> None:
        """A redirect too: it is not followed."""
        for status in ("301 Moved", "302 Found", "404 No", "500 Bad", "204 Nothing"):
            fetching = self.ask()
            self.say(f"HTTP/1.1 {status}\r\nLocation: {URL}\r\nContent-Length: 9\r\n\r\n".encode())
            self.fails(fetching, f"status {status[:3]}")
        self.assertEqual(len(self.server.connections), 5)

    def test_too_much(self) -> None:
        for head in (b"Content-Length: %d" % (MOST_BYTES + 1), b"Connection: close"):
            fetching = self.ask()
            self.say(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % head)
            self.say(b"a" * MOST_BYTES)
            self.assertNoResult(fetching)
            self.say(b"a")
            self.fails(fetching, "more than 262144 bytes")

    def test_too_late(self) -> None:
        """At whatever it is that takes so long."""
        connected = self.ask()
        answered = self.ask()
        self.say(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        self.network.black_holes.add(("10.0.0.9", 80))
        nowhere = self.ask("http://10.0.0.9/")
        self.network.run(4.8)
        for each in (connected, answered, nowhere):
            self.assertNoResult(each)
        self.network.run(0.5)
        for each in (connected, answered, nowhere):
            self.fails(each, "no answer within 5 seconds")

    def test_broken_off(self) -> None:
        fetching = self.ask()
        self.say(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        self.server.last.wire.abortConnection()
        self.network.run()
        self.failureResultOf(fetching)

    def test_refused(self) -> None:
        self.failureResultOf(self.ask("http://10.0.0.1:1/"), ConnectionRefusedError)

    def test_cancelled(self) -> None:
        fetching = self.ask()
        fetching.cancel()
        self.failureResultOf(fetching, CancelledError)
