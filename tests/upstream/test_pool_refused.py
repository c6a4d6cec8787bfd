"""The pool when connecting fails, and when it is closed."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectionRefusedError

from jairouter.upstream.connection import Connection
from jairouter.upstream.pool import PoolLimits
from tests.upstream.pool_rig import PoolCase, Rig


class RefusedTests(PoolCase):
    """Connecting fails."""

    def test_nobody_waits(self) -> None:
        borrowed = self.pool.acquire()
        self.rig.refuse()
        self.failureResultOf(borrowed, ConnectionRefusedError)
        self.assert_at_rest()

    def test_cancelled(self) -> None:
        borrowed = self.pool.acquire()
        borrowed.cancel()
        self.failureResultOf(borrowed, CancelledError)
        self.assert_at_rest()

    def test_makes_room_for_who_waits(self) -> None:
        one, two = self.pool.acquire(), self.pool.acquire()
        waiting = self.pool.acquire()
        self.rig.refuse()
        self.failureResultOf(one, ConnectionRefusedError)
        self.assertNoResult(waiting)
        self.assertEqual(len(self.rig.connecting), 2)
        two.cancel()
        self.failureResultOf(two, CancelledError)

    def test_a_place_is_not_left_empty_while_others_connect(self) -> None:
        """What somebody else is opening for himself does not help who waits."""
        busy = self.borrow()
        own = self.pool.acquire()
        waiting = self.pool.acquire()
        self.rig.lose(busy)
        self.assertEqual(len(self.rig.connecting), 2)
        self.rig.opened()
        self.successResultOf(own)
        self.assertIs(self.rig.opened(), self.successResultOf(waiting))

    def test_one_failure_fails_one_who_waits(self) -> None:
        """And the next gets a connection of its own tried, no more."""
        one, _ = self.borrow(), self.borrow()
        first, second = self.pool.acquire(), self.pool.acquire()
        self.rig.lose(one)
        self.rig.refuse()
        self.failureResultOf(first, ConnectionRefusedError)
        self.assertNoResult(second)
        self.rig.refuse()
        self.failureResultOf(second, ConnectionRefusedError)
        self.assertEqual(self.rig.connecting, [])

    def test_at_once_for_a_thousand(self) -> None:
        """No connection can even be tried (no descriptors left): all hear so, and no stack overflows."""
        rig = Rig(PoolLimits(max_connections=1, max_pending=1000))
        rig.pool.acquire()
        connection = rig.opened()
        waiting = [rig.pool.acquire() for _ in range(1000)]
        rig.pool._connect = lambda: fail(OSError("no descriptors"))
        rig.lose(connection)
        for each in waiting:
            self.failureResultOf(each, OSError)
        self.assertEqual(rig.lent, 0)


class RaisedTests(PoolCase):
    """Connecting does not even begin: whatever is raised at once is a connection that failed."""

    def setUp(self) -> None:
        super().setUp()
        self.pool._connect = self.connect
        self.broken = True

    def connect(self) -> Deferred[Connection]:
        if self.broken:
            raise RuntimeError("can't start new thread")
        return self.rig.connect()

    def test_told(self) -> None:
        self.failureResultOf(self.pool.acquire(), RuntimeError)
        self.assert_at_rest()

    def test_takes_no_place(self) -> None:
        """When it is over, there is room for as many as before."""
        for _ in range(self.limits.max_connections + 1):
            self.failureResultOf(self.pool.acquire(), RuntimeError)
        self.broken = False
        for connection in [self.borrow() for _ in range(self.limits.max_connections)]:
            self.rig.answer(connection)
        self.assert_at_rest()

    def test_who_waits_is_told_too(self) -> None:
        self.broken = False
        one, two = self.borrow(), self.borrow()
        waiting = self.pool.acquire()
        self.broken = True
        self.rig.lose(one)
        self.failureResultOf(waiting, RuntimeError)
        self.rig.answer(two)
        self.assert_at_rest()


class ClosedTests(PoolCase):
    """The gateway has drained."""

    def test_idle_ones_are_closed(self) -> None:
        connection = self.borrow()
        self.rig.answer(connection)
        self.pool.close()
        self.assertTrue(connection.transport.disconnecting)
        self.assert_at_rest()

    def test_busy_ones_are_closed_when_they_are_done(self) -> None:
        connection = self.borrow()
        self.pool.close()
        self.assertFalse(connection.transport.disconnecting)
        self.rig.answer(connection)
        self.assertTrue(connection.transport.disconnecting)
        self.assert_at_rest()

    def test_who_waits_is_served_still(self) -> None:
        """And no connection is opened only to be closed, over and over."""
        one, two = self.borrow(), self.borrow()
        waiting = self.pool.acquire()
        self.pool.close()
        self.rig.answer(one)
        self.assertIs(self.successResultOf(waiting), one)
        self.rig.answer(one)
        self.rig.answer(two)
        self.assertEqual(self.rig.connecting, [])
        self.assert_at_rest()
