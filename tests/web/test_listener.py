"""Tests for `jairouter.web.listener`: each arrow of its picture."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.trial.unittest import SynchronousTestCase

from jairouter.body import AnswerBody
from jairouter.exchange import Answer
from jairouter.routes import ROUTES
from jairouter.timers import TimerWheel
from jairouter.traffic.permits import Ledger
from jairouter.web.data_plane import DataPlane
from jairouter.web.listener import CannotListen, DrainTimes, Listener
from jairouter.web.openai import Operation
from jairouter.web.relay import KeepAlive
from jairouter.web.request_ids import RequestIds
from jairouter.web.site import ConnectionLimits, GatewaySite
from tests.fakes import Client, Network
from tests.filters.inner import Source
from tests.web.serving import answers, post
from tests.web.test_data_plane import Pipeline


class Case(SynchronousTestCase):
    """A gateway's front, with a pipeline played by hand."""

    def setUp(self) -> None:
        self.network = Network()
        wheel = TimerWheel(self.network)
        self.pipeline = Pipeline()
        self.ledger = Ledger()
        ids = RequestIds(random.Random(0))
        data_plane = DataPlane(self.pipeline, self.ledger, wheel, ids, KeepAlive(interval=0))
        page = Operation(ROUTES[0], data_plane)
        self.site = GatewaySite(page, wheel, self.network, ConnectionLimits(), ids, lambda *_: None)
        times = DrainTimes(delay=5, timeout=60)
        self.listener = Listener(self.network, self.site, data_plane, "127.0.0.1", 8080, times)
        self.addCleanup(self.assert_clean)

    def assert_clean(self) -> None:
        stopped = self.listener.stopService()
        self.network.run(200)
        self.successResultOf(stopped)
        self.assertEqual(self.network.getDelayedCalls(), [])
        self.assertTrue(self.ledger.at_rest, self.ledger)

    def start(self) -> None:
        self.listener.privilegedStartService()
        self.listener.startService()

    def ask(self) -> Client:
        client = self.network.connect("127.0.0.1", 8080)
        client.send(post(b"{}"))
        self.network.run()
        return client

    def reply(self, body: AnswerBody) -> None:
        self.pipeline.works.pop(0).callback(Answer(200, (), body))

    @property
    def listens(self) -> bool:
        return bool(self.network.listeners)


class StartTests(Case):
    """From CLOSED to OPEN."""

    def test_closed(self) -> None:
        self.assertFalse(self.listener.ready)
        self.assertEqual(self.listener.port, 0)

    def test_open(self) -> None:
        self.start()
        self.assertTrue(self.listener.ready)
        self.assertEqual((self.listener.port, self.listens), (8080, True))

    def test_port_taken(self) -> None:
        """One line says which address and why."""

        def taken(*_: object, **__: object) -> None:
            raise CannotListenError("127.0.0.1", 8080, OSError(98, "Address already in use"))

        self.patch(self.network, "listenTCP", taken)
        error = self.assertRaises(CannotListen, self.listener.privilegedStartService)
        self.assertIn("127.0.0.1:8080", str(error))
        self.assertIn("Address already in use", str(error))
        self.assertFalse(self.listener.ready)

    def test_stopped_before_it_started(self) -> None:
        self.successResultOf(self.listener.stopService())


class DrainTests(Case):
    """From OPEN to CLOSED."""

    def setUp(self) -> None:
        super().setUp()
        self.start()

    def test_lame_duck(self) -> None:
        """Health says 503 at once; for the delay it still serves."""
        drained = self.listener.drain()
        self.assertFalse(self.listener.ready)
        self.assertTrue(self.listens)
        client = self.ask()
        self.reply(AnswerBody.of(b"served"))
        self.network.run(4)
        self.assertEqual(answers(client.received)[0].body, b"served")
        self.assertNoResult(drained)

    def test_nothing_under_way(self) -> None:
        """After the delay it is closed."""
        drained = self.listener.drain()
        self.network.run(5.5)
        self.successResultOf(drained)
        self.assertFalse(self.listens)

    def test_at_once(self) -> None:
        """Without the delay."""
        drained = self.listener.drain(at_once=True)
        self.network.run(0.1)
        self.successResultOf(drained)

    def test_open_requests_finish(self) -> None:
        client = self.ask()
        drained = self.listener.drain(at_once=True)
        self.network.run(50)
        self.assertFalse(self.listens)
        self.assertNoResult(drained)
        self.reply(AnswerBody.of(b"late"))
        self.network.run()
        [answer] = answers(client.received)
        self.assertEqual((answer.status, answer.body, answer.complete), (200, b"late", True))
        self.successResultOf(drained)

    def test_last_bytes_reach_a_slow_client(self) -> None:
        """Even the last answer goes out whole: the gateway stops when it is read, not when it is written."""
        client = self.ask()
        wire: Any = client.transport
        wire.pauseProducing()
        drained = self.listener.drain(at_once=True)
        self.reply(AnswerBody.of(b"x" * 100_000))
        self.network.run(10)
        self.assertNoResult(drained)
        wire.resumeProducing()
        self.network.run()
        self.assertEqual(len(answers(client.received)[0].body), 100_000)
        self.successResultOf(drained)

    def test_too_long(self) -> None:
        """What is open after the timeout is cut off, and told so."""
        client = self.ask()
        drained = self.listener.drain(at_once=True)
        self.network.run(59)
        self.assertNoResult(drained)
        self.network.run(2)
        self.assertEqual(answers(client.received)[0].status, 503)
        self.successResultOf(drained)

    def test_too_long_and_the_client_does_not_read(self) -> None:
        """It is cut off all the same."""
        client = self.ask()
        wire: Any = client.transport
        wire.pauseProducing()
        source = Source()
        body = AnswerBody(source)
        self.reply(body)
        body.chunk(b"x" * 1_000_000)
        drained = self.listener.drain(at_once=True)
        self.network.run(63)
        self.successResultOf(drained)
        self.assertEqual(source.calls[-1], "abort")

    def test_hurry_in_the_delay(self) -> None:
        """Asked for again, it goes on to draining."""
        first = self.listener.drain()
        second = self.listener.drain(at_once=True)
        self.network.run(0.1)
        self.successResultOf(first)
        self.successResultOf(second)

    def test_hurry_while_draining(self) -> None:
        """Asked for again, what is left is cut off."""
        client = self.ask()
        drained = self.listener.drain(at_once=True)
        self.network.run(1)
        self.listener.drain(at_once=True)
        self.network.run(1.5)
        self.successResultOf(drained)
        self.assertEqual(answers(client.received)[0].status, 503)

    def test_asked_again_without_hurry(self) -> None:
        """Nothing changes."""
        self.ask()
        self.listener.drain(at_once=True)
        again = self.listener.drain()
        self.network.run(30)
        self.assertNoResult(again)

    def test_asked_again_afterwards(self) -> None:
        self.listener.drain(at_once=True)
        self.network.run(0.1)
        self.successResultOf(self.listener.drain(at_once=True))

    def test_failure_is_logged(self) -> None:
        """A fault in draining does not keep the process from stopping."""

        def fail() -> None:
            raise RuntimeError("broken")

        self.patch(self.site, "drain", fail)
        self.successResultOf(self.listener.drain(at_once=True))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
