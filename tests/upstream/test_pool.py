"""The pool of one origin: who gets which connection, and when."""

from __future__ import annotations

from twisted.internet.defer import CancelledError

from jairouter.errors import PoolExhausted
from jairouter.exchange import Phase
from jairouter.upstream.pool import PoolLimits
from tests.upstream.pool_rig import PoolCase
from tests.upstream.rig import Phases, request


class ReuseTests(PoolCase):
    """Connections that are there."""

    def test_the_first_is_opened(self) -> None:
        waiting = self.pool.acquire()
        self.assertNoResult(waiting)
        self.assertEqual(self.rig.lent, 0)
        connection = self.rig.opened()
        self.assertIs(self.successResultOf(waiting), connection)
        self.assertEqual(self.rig.lent, 1)
        self.rig.answer(connection)
        self.assert_at_rest()

    def test_an_idle_one_is_taken(self) -> None:
        connection = self.borrow()
        self.rig.answer(connection)
        self.assertEqual(self.rig.lent, 0)
        self.assertIs(self.successResultOf(self.pool.acquire()), connection)
        self.rig.answer(connection)
        self.assert_at_rest()

    def test_taken_at_once(self) -> None:
        """`take` lends as `acquire` does, where nothing is to be waited for."""
        self.assertIsNone(self.pool.take())
        self.assertEqual((self.rig.connecting, self.rig.lent), ([], 0))
        connection = self.borrow()
        self.assertIsNone(self.pool.take())
        self.rig.answer(connection)
        self.assertIs(self.pool.take(), connection)
        self.assertEqual(self.rig.lent, 1)
        self.rig.answer(connection)
        self.assert_at_rest()

    def test_the_one_used_last_is_taken_first(self) -> None:
        """So that the others may age and close."""
        one, two = self.borrow(), self.borrow()
        self.rig.answer(two)
        self.rig.answer(one)
        self.assertIs(self.successResultOf(self.pool.acquire()), one)
        self.assertIs(self.successResultOf(self.pool.acquire()), two)

    def test_a_fresh_one_though_one_is_idle(self) -> None:
        self.rig.answer(self.borrow())
        waiting = self.pool.acquire(fresh=True)
        connection = self.rig.opened()
        self.assertIs(self.successResultOf(waiting), connection)

    def test_a_fresh_one_takes_the_place_of_the_oldest_idle_one(self) -> None:
        one, two = self.borrow(), self.borrow()
        self.rig.answer(one)
        self.rig.answer(two)
        waiting = self.pool.acquire(fresh=True)
        self.assertRaises(RuntimeError, one.send, request())
        self.assertIs(self.rig.opened(), self.successResultOf(waiting))
        self.assertIs(self.successResultOf(self.pool.acquire()), two)

    def test_lost_while_idle(self) -> None:
        connection = self.borrow()
        self.rig.answer(connection)
        self.rig.lose(connection)
        self.assertEqual(self.rig.clock.getDelayedCalls(), [])
        self.assertNoResult(self.pool.acquire())
        self.assertEqual(len(self.rig.connecting), 1)

    def test_lost_while_lent(self) -> None:
        self.rig.lose(self.borrow())
        self.assert_at_rest()

    def test_phases(self) -> None:
        """Connecting and waiting are phases of their own; an idle connection costs neither."""
        attempts = [Phases(), Phases(), Phases()]
        self.pool.acquire(attempts[0])
        connection = self.rig.opened()
        self.pool.acquire()
        self.pool.acquire(attempts[1])
        self.assertEqual([each.entered for each in attempts[:2]], [[Phase.CONNECTING], [Phase.QUEUED]])
        self.rig.answer(connection)
        self.rig.answer(connection)
        self.pool.acquire(attempts[2])
        self.assertEqual(attempts[2].entered, [])


class AgeTests(PoolCase):
    """Nothing is kept for ever."""

    limits = PoolLimits(max_connections=2, max_idle=20.0, max_life=30.0)

    def test_idle_too_long(self) -> None:
        connection = self.borrow()
        self.rig.answer(connection)
        self.rig.clock.pump([0.1] * 199)
        self.assertFalse(connection.transport.disconnecting)
        self.rig.clock.pump([0.1] * 3)
        self.assertTrue(connection.transport.disconnecting)
        self.assert_at_rest()

    def test_use_starts_the_time_anew(self) -> None:
        connection = self.borrow()
        self.rig.answer(connection)
        self.rig.clock.advance(15)
        self.assertIs(self.successResultOf(self.pool.acquire()), connection)
        self.rig.clock.advance(14)
        self.rig.answer(connection)
        self.rig.clock.advance(0.5)
        self.assertIs(self.successResultOf(self.pool.acquire()), connection)

    def test_too_old_to_be_kept(self) -> None:
        connection = self.borrow()
        self.rig.clock.advance(30)
        self.rig.answer(connection)
        self.assertTrue(connection.transport.disconnecting)
        self.assert_at_rest()

    def test_too_old_to_be_taken(self) -> None:
        connection = self.borrow()
        self.rig.clock.advance(15)
        self.rig.answer(connection)
        self.rig.clock.advance(15)
        self.assertNoResult(self.pool.acquire())
        self.assertTrue(connection.transport.disconnecting)

    def test_too_old_to_be_taken_at_once(self) -> None:
        """All of them are closed on the way to one that is young enough."""
        old = self.borrow()
        self.rig.clock.advance(15)
        young = self.borrow()
        self.rig.answer(young)
        self.rig.answer(old)
        self.rig.clock.advance(15)
        self.assertIs(self.pool.take(), young)
        self.assertTrue(old.transport.disconnecting)
        self.rig.answer(young)
        self.assert_at_rest()

    def test_too_old_for_who_waits(self) -> None:
        """A new one is opened for the one who waits."""
        connection, _ = self.borrow(), self.borrow()
        waiting = self.pool.acquire()
        self.rig.clock.advance(30)
        self.rig.answer(connection)
        self.assertNoResult(waiting)
        self.assertIs(self.rig.opened(), self.successResultOf(waiting))


class NoLifeTests(PoolCase):
    """A life time of nothing: each connection is used once."""

    limits = PoolLimits(max_connections=1, max_life=0.0)

    def test_used_once(self) -> None:
        connection = self.borrow()
        waiting = self.pool.acquire()
        self.rig.answer(connection)
        second = self.rig.opened()
        self.assertIs(self.successResultOf(waiting), second)
        self.rig.answer(second)
        self.assertEqual(self.rig.connecting, [])
        self.assert_at_rest()


class QueueTests(PoolCase):
    """All connections are busy."""

    def setUp(self) -> None:
        super().setUp()
        self.one, self.two = self.borrow(), self.borrow()

    def test_first_come_first_served(self) -> None:
        first, second = self.pool.acquire(), self.pool.acquire()
        self.assertEqual(self.rig.connecting, [])
        self.rig.answer(self.two)
        self.assertIs(self.successResultOf(first), self.two)
        self.assertNoResult(second)
        self.rig.answer(self.one)
        self.assertIs(self.successResultOf(second), self.one)
        self.assertEqual(self.rig.lent, 2)

    def test_too_many_wait(self) -> None:
        waiting = [self.pool.acquire(), self.pool.acquire()]
        self.failureResultOf(self.pool.acquire(), PoolExhausted)
        self.assertEqual([each.called for each in waiting], [False, False])

    def test_one_waits_no_longer(self) -> None:
        first, second = self.pool.acquire(), self.pool.acquire()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.rig.answer(self.one)
        self.assertIs(self.successResultOf(second), self.one)

    def test_a_lost_connection_makes_room_for_a_new_one(self) -> None:
        first, second = self.pool.acquire(), self.pool.acquire()
        self.rig.lose(self.one)
        self.assertEqual(len(self.rig.connecting), 1)
        self.assertIs(self.rig.opened(), self.successResultOf(first))
        self.assertNoResult(second)

    def test_whoever_waits_longest_gets_what_is_free_first(self) -> None:
        """A connection is opened for the queue; another becomes free before it is open."""
        first, second = self.pool.acquire(), self.pool.acquire()
        self.rig.lose(self.one)
        self.rig.answer(self.two)
        self.assertIs(self.successResultOf(first), self.two)
        self.assertIs(self.rig.opened(), self.successResultOf(second))

    def test_opened_for_one_who_waits_no_longer(self) -> None:
        waiting = self.pool.acquire()
        self.rig.lose(self.one)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        connection = self.rig.opened()
        self.assertEqual(self.rig.lent, 1)
        self.assertIs(self.successResultOf(self.pool.acquire()), connection)

    def test_a_fresh_one_is_waited_for(self) -> None:
        """One that was used before does not count: it may be as dead as the last."""
        waiting = self.pool.acquire(fresh=True)
        self.rig.answer(self.one)
        self.assertNoResult(waiting)
        self.assertTrue(self.one.transport.disconnecting)
        self.assertIs(self.rig.opened(), self.successResultOf(waiting))
