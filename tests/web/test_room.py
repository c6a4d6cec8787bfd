"""Tests for `jairouter.web.room`: who gives way when as many clients are connected as may be."""

from __future__ import annotations

from typing import Any

from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from jairouter.web.patience import GRACE
from jairouter.web.room import NOTICE, PAUSE, SHARE, Room
from jairouter.web.site import ConnectionLimits
from tests.fakes import Client
from tests.web.serving import GET, Echo, Later, Serving, answers, post


class RoomCase(SynchronousTestCase):
    """A site with room for a few connections."""

    limit = 3

    def serve(self, root: Resource) -> None:
        self.serving = Serving(root, ConnectionLimits(max_connections=self.limit))
        self.addCleanup(lambda: self.assertEqual(self.serving.close(), []))

    def open(self, *pieces: bytes) -> Client:
        """One more client; some time passes."""
        client = self.serving.ask(*pieces)
        self.serving.run(0.1)
        return client

    def assert_closed(self, *clients: Client, of: list[Client]) -> None:
        """These, and no others, are closed."""
        self.serving.run()
        closed = [number for number, each in enumerate(of) if each.closed is not None]
        self.assertEqual(closed, [of.index(each) for each in clients])


class WhoTests(RoomCase):
    """Whom we have waited for longest."""

    def test_nobody_while_there_is_room(self) -> None:
        self.serve(Echo())
        clients = [self.open(GET) for _ in range(3)]
        self.assert_closed(of=clients)

    def test_idle_longest(self) -> None:
        """Since its last answer, not since it connected; the newcomer is served."""
        self.serve(Echo())
        clients = [self.open(GET) for _ in range(3)]
        clients[0].send(GET)
        self.serving.run(GRACE + 0.2)
        newcomer = self.open(GET)
        self.assert_closed(clients[1], of=clients)
        self.assertEqual(len(answers(newcomer.received)), 1)
        self.assertEqual(len(self.serving.site.channels), 3)

    def test_one_that_only_the_client_can_close(self) -> None:
        """It has its last answer, and keeps the connection open all the same."""
        self.serve(Echo())
        last = GET[:-2] + b"Connection: close\r\n\r\n"
        clients = [self.open(last if number == 1 else GET) for number in range(3)]
        self.serving.run(0.5)
        newcomer = self.open(GET)
        self.assert_closed(clients[1], of=clients)
        self.assertEqual(len(answers(newcomer.received)), 1)

    def test_one_after_the_other(self) -> None:
        self.serve(Echo())
        clients = [self.open() for _ in range(3)]
        clients += [self.open() for _ in range(5)]
        self.assert_closed(*clients[:5], of=clients)

    def test_in_one_turn(self) -> None:
        """As many come at once as fit: each has its own place."""
        self.serve(Echo())
        clients = [self.open(GET) for _ in range(3)]
        self.serving.run(GRACE)
        newcomers = [self.serving.client() for _ in range(3)]
        self.serving.run()
        self.assert_closed(*clients, of=clients + newcomers)

    def test_half_a_head(self) -> None:
        """A client that drips a head is waited for too, from its first byte on."""
        self.serve(Echo())
        dripping = self.open(GET[:10])
        idle = [self.open(GET), self.open(GET)]
        dripping.send(GET[10:11])
        self.serving.run(0.1)
        self.open(GET)
        self.assert_closed(dripping, of=[dripping, *idle])

    def test_request_under_way(self) -> None:
        """Nobody's request is broken off for another one."""
        root = Later()
        self.serve(root)
        busy = [self.open(GET), self.open(post(b"body")[:-2])]
        idle = self.open()
        self.open(GET)
        self.assert_closed(idle, of=[*busy, idle])
        root.answer(b"done")
        self.serving.run()
        self.assertEqual(answers(busy[0].received)[0].body, b"done")

    def test_all_are_busy(self) -> None:
        """The newcomer is refused, until one of them is idle again."""
        root = Later()
        self.serve(root)
        busy = [self.open(GET) for _ in range(3)]
        refused = self.open(GET)
        self.assertIsNotNone(refused.closed)
        self.assert_closed(of=busy)
        root.answer(b"done")
        self.serving.run(GRACE + PAUSE)
        welcome = self.open(GET)
        self.assert_closed(busy[0], of=[*busy, welcome])

    def test_at_work(self) -> None:
        """Who has just been answered keeps the connection; who has asked nothing yet does not."""
        self.serve(Echo())
        clients = [self.open(GET), self.open(), self.open(GET)]
        clients += [self.open(GET) for _ in range(2)]
        self.assert_closed(clients[1], clients[4], of=clients)

    def test_busy_again(self) -> None:
        """Who was idle when it was last looked may have a request by now."""
        self.limit = 3 * SHARE  # one look finds three
        root = Later()
        self.serve(root)
        clients = [self.open() for _ in range(self.limit)]
        self.open()
        self.assert_closed(clients[0], of=clients)
        clients[1].send(GET)
        self.serving.run()
        self.open()
        self.assert_closed(clients[0], clients[2], of=clients)

    def test_left_meanwhile(self) -> None:
        """Who has gone since makes room by itself, and is not taken for one that could make more."""
        self.limit = 3 * SHARE
        self.serve(Echo())
        clients = [self.open() for _ in range(self.limit)]
        self.open()
        clients[1].leave()
        self.serving.run()
        for _ in range(2):
            self.open()
        self.assert_closed(*clients[:3], of=clients)
        self.assertEqual(len(self.serving.site.channels), self.limit)

    def test_answer_under_way(self) -> None:
        """Whose answer is complete here but not there has not been idle at all."""
        root = Later()
        self.serve(root)
        slow = self.open(GET)
        self.serving.server_end(slow).peer.pauseProducing()
        root.answer(b"x" * 10_000)
        self.serving.run(2 * GRACE)
        idle = [self.open(), self.open()]
        self.open()
        self.assert_closed(idle[0], of=[slow, *idle])
        self.serving.server_end(slow).peer.resumeProducing()
        self.serving.run(2 * GRACE)
        self.open()
        self.assert_closed(slow, idle[0], of=[slow, *idle])


class Spare:
    """A connection that counts how often it is looked at."""

    looks = 0
    delivered = True

    def __init__(self, since: float | None) -> None:
        self._since = since

    @property
    def spare_since(self) -> float | None:
        Spare.looks += 1
        return self._since

    def abortConnection(self) -> None:
        self._since = None


class LookTests(SynchronousTestCase):
    """Looking through all connections is dear."""

    def newcomers(self, count: int, since: float | None) -> int:
        """The looks that it takes to find room for so many where all have waited since then."""
        channels: dict[Any, None] = {Spare(since): None for _ in range(10 * SHARE)}
        room = Room(channels, 10 * SHARE, lambda: self.now)
        Spare.looks, self.now = 0, 100.0
        for _ in range(count):
            self.assertEqual(room.for_one_more(), since is not None)
            if since is not None:
                channels[Spare(None)] = None
            else:
                self.now += PAUSE / 4
        return Spare.looks

    def test_one_look_serves_many(self) -> None:
        self.assertEqual(self.newcomers(10, since=1.0), 10 * SHARE + 10)
        self.assertEqual(self.newcomers(11, since=1.0), 2 * 10 * SHARE + 11)

    def test_not_at_once_when_nobody_was_found(self) -> None:
        self.assertEqual(self.newcomers(4, since=None), 10 * SHARE)
        self.assertEqual(self.newcomers(5, since=None), 2 * 10 * SHARE)


class NoticeTests(RoomCase):
    """The operator is told."""

    def setUp(self) -> None:
        self.lines: list[str] = []

        def note(event: Any) -> None:
            if event["log_namespace"] == "jairouter.web.room.Room":
                self.lines.append(event["what"])

        observer: Any = note
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def test_once_a_minute(self) -> None:
        """Each of the two things that can happen, however often it does."""
        self.serve(Later())
        for _ in range(5):
            self.open()
        for _ in range(5):
            self.open(GET)
        self.assertEqual(len(self.lines), 2, self.lines)
        self.assertNotEqual(*self.lines)
        self.serving.run(NOTICE)
        self.open(GET)
        self.assertEqual(len(self.lines), 3, self.lines)
