"""Idle connections of a pool: each is closed in its own time, though one timer does for all."""

from __future__ import annotations

from jairouter.upstream.connection import Connection
from jairouter.upstream.pool import PoolLimits
from tests.upstream.pool_rig import PoolCase


class IdleCase(PoolCase):
    """Connections that are closed after 20 seconds without use."""

    limits = PoolLimits(max_connections=4, max_idle=20.0)

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.rig.clock.advance(0.1)

    def idle(self, count: int) -> list[Connection]:
        """So many idle connections, in the order in which they became idle."""
        connections = [self.borrow() for _ in range(count)]
        for connection in connections:
            self.rig.answer(connection)
        return connections

    def use(self) -> Connection:
        """Use the one that was used last."""
        connection = self.pool.take()
        assert connection is not None
        self.rig.answer(connection)
        return connection

    def assert_open(self, *connections: Connection) -> None:
        for connection in connections:
            self.assertFalse(connection.transport.disconnecting, connection)

    def assert_closed(self, *connections: Connection) -> None:
        for connection in connections:
            self.assertTrue(connection.transport.disconnecting, connection)


class OthersAreUsedTests(IdleCase):
    """One is in use again and again."""

    def test_idle_one_is_closed_in_time(self) -> None:
        """What goes on beside it does not put it off."""
        idle, used = self.idle(2)
        for _ in range(199):
            self.pass_time(0.1)
            self.assertIs(self.use(), used)
        self.assert_open(idle, used)
        for _ in range(3):
            self.pass_time(0.1)
            self.use()
        self.assert_closed(idle)
        self.assert_open(used)

    def test_the_one_in_use_is_closed_when_it_is_used_no_more(self) -> None:
        """After the whole time from its last use on."""
        _, used = self.idle(2)
        for _ in range(50):
            self.pass_time(1)
            self.use()
        self.pass_time(19.9)
        self.assert_open(used)
        self.pass_time(0.3)
        self.assert_closed(used)
        self.assert_at_rest()

    def test_one_that_is_lent_is_left_alone(self) -> None:
        """Its request may take any time."""
        idle, _ = self.idle(2)
        lent = self.pool.take()
        assert lent is not None
        self.pass_time(100)
        self.assert_closed(idle)
        self.assert_open(lent)
        self.rig.answer(lent)
        self.pass_time(19.9)
        self.assert_open(lent)
        self.pass_time(0.3)
        self.assert_closed(lent)
        self.assert_at_rest()

    def test_none_is_idle_for_a_while(self) -> None:
        """The time is measured anew, also when nothing was left to be measured."""
        (connection,) = self.idle(1)
        self.pass_time(19)
        self.use()
        self.pass_time(19.9)
        self.assert_open(connection)
        self.pass_time(0.3)
        self.assert_closed(connection)
        self.assert_at_rest()


class SeveralTests(IdleCase):
    """They became idle at different times."""

    def test_each_in_its_own_time(self) -> None:
        connections = [self.borrow() for _ in range(4)]
        for connection in connections:
            self.rig.answer(connection)
            self.pass_time(3)
        self.pass_time(20 - 4 * 3 - 0.1)
        for number, connection in enumerate(connections):
            self.assert_open(*connections[number:])
            self.pass_time(0.4)
            self.assert_closed(connection)
            self.pass_time(2.6)
        self.assert_at_rest()

    def test_all_at_once(self) -> None:
        connections = self.idle(4)
        self.pass_time(20.3)
        self.assert_closed(*connections)
        self.assert_at_rest()

    def test_one_is_lost_meanwhile(self) -> None:
        """By the backend; the others are closed as if it had not been."""
        first, second, third = self.idle(3)
        self.pass_time(10)
        self.rig.lose(first)
        self.rig.lose(third)
        self.pass_time(9.9)
        self.assert_open(second)
        self.pass_time(0.3)
        self.assert_closed(second)
        self.assert_at_rest()

    def test_last_one_is_lost(self) -> None:
        """No timer is left for nothing."""
        for connection in self.idle(3):
            self.rig.lose(connection)
        self.assertEqual(self.rig.clock.getDelayedCalls(), [])

    def test_last_one_is_taken(self) -> None:
        self.idle(2)
        taken = [self.pool.take(), self.pool.take()]
        self.assertEqual(self.rig.clock.getDelayedCalls(), [])
        for connection in taken:
            assert connection is not None
            self.rig.lose(connection)
        self.assert_at_rest()

    def test_closed_ones_make_room(self) -> None:
        """Whoever asks next gets a new one, though the pool was full."""
        self.idle(4)
        self.pass_time(20.3)
        self.borrow()
        self.assertEqual(self.rig.lent, 1)
