"""Probes: what they ask, which answers are good, and that they leave nothing behind."""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectBindError, ConnectError, NoRouteError
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.exchange import HeaderPairs
from jairouter.interfaces import IProbe
from jairouter.timers import TimerWheel
from jairouter.traffic.instance import Instance
from jairouter.upstream.endpoints import Dialing
from jairouter.upstream.failures import CheckFailed, NoVerdict
from jairouter.upstream.names import Names
from jairouter.upstream.probes import MOST_BODY, HttpProbe, TcpProbe
from jairouter.upstream.tls import BackendTls
from tests.fakes import Network
from tests.upstream.names_rig import Resolver
from tests.world import BACKEND, ScriptedBackend

URL = "http://10.0.0.1:9000"
KEY: HeaderPairs = ((b"Authorization", b"Bearer sk-secret"),)


class ProbeCase(SynchronousTestCase):
    """A backend on a network in memory, and a probe."""

    probe: IProbe

    def setUp(self) -> None:
        self.network = Network()
        wheel = TimerWheel(self.network)
        self.resolver = Resolver()
        self.dialing = Dialing(self.network, wheel, Names(lambda: self.resolver, wheel), 5.0)
        self.backend = ScriptedBackend()
        self.network.listenTCP(BACKEND[1], self.backend, interface=BACKEND[0])
        self.probe = self.make()

    def make(self) -> IProbe:
        """The probe that is tested."""
        return HttpProbe(self.dialing, "/v1/models")

    def ask(self, url: str = URL, headers: HeaderPairs = (), tls: BackendTls | None = None) -> Deferred[None]:
        """Probe an instance, and let bytes travel."""
        asked: Deferred[None] = self.probe.probe(Instance("chat", "m", url, headers=headers, tls=tls))
        self.network.run()
        return asked

    def say(self, data: bytes) -> None:
        """The backend answers on the connection made last."""
        self.backend.last.say(data)
        self.network.run()

    def answered(self, status: str, body: bytes = b"{}") -> Deferred[None]:
        """Probe, and have it answered in full."""
        asked = self.ask()
        self.backend.last.answer(body, status=status)
        self.network.run()
        return asked

    def fails(self, asked: Deferred[None], reason: str) -> None:
        """It says so, and nothing is left."""
        self.assertEqual(str(self.failureResultOf(asked, CheckFailed).value), reason)
        self.assert_nothing_left()

    def succeeds(self, asked: Deferred[None]) -> None:
        """It says so, and nothing is left."""
        self.assertIsNone(self.successResultOf(asked))
        self.assert_nothing_left()

    def assert_nothing_left(self) -> None:
        self.network.run()
        for each in self.backend.connections:
            self.assertIsNotNone(each.closed)
        self.assertEqual(self.network.getDelayedCalls(), [])


class QuestionTests(ProbeCase):
    """What the backend reads."""

    def head(self, **options: Any) -> bytes:
        asked = self.ask(**options)
        self.addCleanup(self.failureResultOf, asked, CancelledError)
        self.addCleanup(asked.cancel)
        return bytes(self.backend.last.received)

    def test_interface(self) -> None:
        verifyObject(IProbe, self.probe)

    def test_whole(self) -> None:
        """It costs nothing, and says who asks."""
        expected = b"GET /v1/models HTTP/1.1\r\nHost: 10.0.0.1:9000\r\nUser-Agent: jairouter-health-check\r\n"
        self.assertEqual(self.head(), expected + b"Accept: */*\r\n\r\n")

    def test_below_base_url(self) -> None:
        self.assertIn(b"GET /prefix/v1/models HTTP/1.1\r\n", self.head(url=URL + "/prefix"))

    def test_headers_of_the_instance(self) -> None:
        """Most backends want their key for this too."""
        self.assertIn(b"\r\nAuthorization: Bearer sk-secret\r\n", self.head(headers=KEY))

    def test_user_agent_of_the_instance(self) -> None:
        """What is configured for an instance comes first, here as for requests."""
        head = self.head(headers=((b"user-agent", b"mine"),))
        self.assertIn(b"user-agent: mine\r\n", head)
        self.assertNotIn(b"jairouter", head)


class AnswerTests(ProbeCase):
    """Which answers are good."""

    def test_good(self) -> None:
        """Whatever is below 500: a wrong key, an unknown path, a limit, a redirect come from a live one."""
        for status in ("200 OK", "204 No Content", "302 Found", "401 No", "404 No", "429 Slow", "499 Odd"):
            self.succeeds(self.answered(status, b"" if status.startswith("204") else b"{}"))

    def test_redirect_is_not_followed(self) -> None:
        asked = self.ask()
        self.say(b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1:9000/\r\nContent-Length: 0\r\n\r\n")
        self.succeeds(asked)
        self.assertEqual(len(self.backend.connections), 1)

    def test_bad(self) -> None:
        for status in (500, 503, 599):
            self.fails(self.answered(f"{status} Bad"), f"status {status}")

    def test_bad_status_is_not_followed_by_a_body(self) -> None:
        """Nobody waits for the rest of an error page."""
        asked = self.ask()
        self.say(b"HTTP/1.1 503 No\r\nContent-Length: 1000\r\n\r\n<html>")
        self.fails(asked, "status 503")

    def test_body_in_pieces(self) -> None:
        """An answer is complete at its end, not at its head."""
        asked = self.ask()
        self.say(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        self.assertNoResult(asked)
        self.say(b"cd")
        self.succeeds(asked)

    def test_body_until_close(self) -> None:
        asked = self.ask()
        self.say(b"HTTP/1.0 200 OK\r\n\r\nab")
        self.backend.last.wire.loseConnection()
        self.network.run()
        self.succeeds(asked)

    def test_endless_body(self) -> None:
        """So much of it is enough, and no more is read."""
        asked = self.ask()
        self.say(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(MOST_BODY))
        self.assertNoResult(asked)
        self.say(b"x")
        self.succeeds(asked)

    def test_body_breaks_off(self) -> None:
        asked = self.ask()
        self.say(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        self.backend.last.wire.loseConnection()
        self.network.run()
        self.fails(asked, "the connection was lost before the answer was complete")

    def test_no_answer(self) -> None:
        asked = self.ask()
        self.backend.last.wire.loseConnection()
        self.network.run()
        self.fails(asked, "the connection was lost before the answer was complete")

    def test_not_http(self) -> None:
        asked = self.ask()
        self.say(b"SSH-2.0-OpenSSH_9.2\r\n")
        self.fails(asked, "its answer is not valid HTTP")

    def test_each_time_anew(self) -> None:
        """A connection that is kept alive says little about the backend."""
        self.succeeds(self.answered("200 OK"))
        self.succeeds(self.answered("200 OK"))
        self.assertEqual(len(self.backend.connections), 2)


class ConnectTests(ProbeCase):
    """Connecting, which for TCP is all there is."""

    def refused_with(self, error: Exception) -> Deferred[None]:
        def connect(host: str, port: int, factory: Any, *_: Any, **__: Any) -> None:
            self.network.later(lambda: factory.clientConnectionFailed(None, Failure(error)))

        self.network.connectTCP = connect  # type: ignore[assignment,method-assign]  # says no
        return self.ask()

    def test_refused(self) -> None:
        self.fails(self.ask("http://10.0.0.1:1"), "connection refused")

    def test_no_route(self) -> None:
        self.fails(self.refused_with(NoRouteError()), "no route to the host")

    def test_other_error(self) -> None:
        self.fails(self.refused_with(ConnectError(errno.EPERM)), "no connection to the host")

    def test_no_port_left(self) -> None:
        """That is no fault of the backend."""
        self.failureResultOf(self.refused_with(ConnectError(errno.EADDRNOTAVAIL)), NoVerdict)

    def test_no_descriptor_left(self) -> None:
        """Nor is that; otherwise a gateway that runs out of them would take all backends for dead."""
        self.failureResultOf(self.refused_with(ConnectBindError(errno.EMFILE)), NoVerdict)

    def test_not_connected_in_time(self) -> None:
        """The dialing's own limit, for those who give up later."""
        self.network.black_holes.add(BACKEND)
        asked = self.ask()
        self.network.run(5.1)
        self.fails(asked, "no connection in time")

    def test_unknown_name(self) -> None:
        asked = self.ask("http://nowhere.test")
        self.resolver.answer()
        self.fails(asked, "its name cannot be looked up")

    def test_cancelled_while_looking_up(self) -> None:
        asked = self.ask("http://nowhere.test")
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assert_nothing_left()

    def test_cancelled_while_connecting(self) -> None:
        self.network.black_holes.add(BACKEND)
        asked = self.ask()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assert_nothing_left()


class HttpCancelTests(ProbeCase):
    """Given up while the backend says nothing."""

    def assert_cancels(self, asked: Deferred[None]) -> None:
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assert_nothing_left()

    def test_before_the_head(self) -> None:
        self.assert_cancels(self.ask())

    def test_in_the_body(self) -> None:
        asked = self.ask()
        self.say(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        self.assert_cancels(asked)


class TcpTests(ConnectTests):
    """The same, without a question."""

    def make(self) -> IProbe:
        return TcpProbe(self.dialing)

    def test_interface(self) -> None:
        verifyObject(IProbe, self.probe)

    def test_connected(self) -> None:
        """Nothing is sent."""
        self.succeeds(self.ask())
        self.assertEqual(self.backend.last.received, b"")

    def test_https(self) -> None:
        """That it listens is all that is asked: there is no handshake."""
        self.succeeds(self.ask("https://10.0.0.1:9000"))
        self.assertEqual(self.backend.last.received, b"")
