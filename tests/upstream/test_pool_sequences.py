"""Whatever happens to a pool, in whatever order: nothing is lent twice, nobody is forgotten."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from jairouter.errors import PoolExhausted
from jairouter.upstream.connection import Connection
from jairouter.upstream.pool import PoolLimits
from tests.codec.properties import PROPERTY
from tests.upstream.pool_rig import Rig
from tests.upstream.rig import request

LIMITS = PoolLimits(max_connections=3, max_idle=5.0, max_life=8.0, max_pending=3)
PICK = st.integers(0, 10)


class Borrower:
    """Somebody who wants a connection, and then has it."""

    def __init__(self, acquired: Deferred[Connection], *, queued: bool, fresh: bool) -> None:
        self.connection: Connection | None = None
        self.error: Failure | None = None
        self.queued = queued
        self.fresh = fresh
        self.acquired = acquired
        acquired.addCallbacks(self._got, self._failed)

    def _got(self, connection: Connection) -> None:
        assert not (self.fresh and connection.uses), "a used connection for one who asked for a fresh one"
        connection.send(request())
        self.connection = connection

    def _failed(self, failure: Failure) -> None:
        self.error = failure


class PoolMachine(RuleBasedStateMachine):
    """Borrowers come and leave, connections open, fail, answer and get lost, time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(LIMITS)
        self.queue: list[Borrower] = []
        self.connecting: list[Borrower] = []
        self.holders: list[Borrower] = []
        self.known: list[Connection] = []
        self.idle_since: dict[tuple[Connection, int], float] = {}  # and after which use

    @rule(fresh=st.booleans())
    def borrow(self, fresh: bool) -> None:
        attempts = len(self.rig.connecting)
        waiting = self._waiting()
        acquired = self.rig.pool.acquire(fresh=fresh)
        queued = self._waiting() > waiting
        borrower = Borrower(acquired, queued=queued, fresh=fresh)
        if borrower.error is not None:
            assert borrower.error.check(PoolExhausted)
            assert len(self.queue) == LIMITS.max_pending
        elif borrower.connection is not None:
            self.holders.append(borrower)
        elif queued:
            self.queue.append(borrower)
        else:
            assert len(self.rig.connecting) == attempts + 1
            self.connecting.append(borrower)

    def _waiting(self) -> int:
        return self._count("waiting")

    def _count(self, what: str) -> int:
        return int(repr(self.rig.pool).partition(f"{what}=")[2].partition(" ")[0].rstrip(">"))

    @rule()
    def take(self) -> None:
        idle = self._count("idle")
        connection = self.rig.pool.take()
        if connection is None:
            assert not self._count("idle"), "there was one"
        else:
            assert self._count("idle") < idle
            self.holders.append(Borrower(succeed(connection), queued=False, fresh=False))
        self._sort()

    @precondition(lambda self: self.rig.connecting)
    @rule()
    def open(self) -> None:
        self.known.append(self.rig.opened())
        self._sort()

    @precondition(lambda self: self.rig.connecting)
    @rule()
    def refuse(self) -> None:
        self.rig.refuse()
        self._sort()

    @precondition(lambda self: self.holders)
    @rule(which=PICK)
    def answer(self, which: int) -> None:
        connection = self._drop_holder(which)
        connection.dataReceived(b"HTTP/1.1 204 No Content\r\n\r\n")
        self._sort()

    @precondition(lambda self: self.holders)
    @rule(which=PICK)
    def lose_busy(self, which: int) -> None:
        self.rig.lose(self._drop_holder(which))
        self._sort()

    @precondition(lambda self: self.known)
    @rule(which=PICK)
    def lose_one_that_is_not_lent(self, which: int) -> None:
        connection = self.known[which % len(self.known)]
        if all(holder.connection is not connection for holder in self.holders):
            self.rig.lose(connection)
            self._sort()

    @precondition(lambda self: self.queue)
    @rule(which=PICK)
    def leave_the_queue(self, which: int) -> None:
        borrower = self.queue.pop(which % len(self.queue))
        borrower.acquired.cancel()
        assert borrower.error is not None and borrower.error.check(CancelledError)

    @precondition(lambda self: self.connecting)
    @rule(which=PICK)
    def leave_while_connecting(self, which: int) -> None:
        borrower = self.connecting.pop(which % len(self.connecting))
        borrower.acquired.cancel()
        assert borrower.error is not None and borrower.error.check(CancelledError)
        self.rig.connecting = [each for each in self.rig.connecting if not each.called]
        self._sort()

    @rule(count=st.integers(1, 3))
    def use_and_calm_down(self, count: int) -> None:
        """All that connects is open, all that is lent comes back: else hardly any connection idles."""
        for _ in range(count):
            self.borrow(False)
        while self.rig.connecting:
            self.open()
        while self.holders:
            self.answer(0)

    @rule(seconds=st.floats(0.1, 4.0))
    def pass_time(self, seconds: float) -> None:
        self.rig.clock.advance(seconds)

    def _alive(self) -> list[Connection]:
        return [each for each in self.known if each.transport and not each.transport.disconnecting]

    def _drop_holder(self, which: int) -> Connection:
        connection = self.holders.pop(which % len(self.holders)).connection
        assert connection is not None
        return connection

    def _sort(self) -> None:
        """See who was served; whoever waited longest must be first."""
        for waiting in (self.queue, self.connecting):
            served = [each for each in waiting if each.acquired.called]
            if waiting is self.queue:
                assert served == waiting[: len(served)], "somebody was served out of turn"
            self.holders += [each for each in served if each.connection is not None]
            waiting[:] = [each for each in waiting if not each.acquired.called]

    @invariant()
    def each_connection_has_one_holder(self) -> None:
        held = [id(holder.connection) for holder in self.holders]
        assert len(held) == len(set(held))
        assert self.rig.lent == len(held)

    @invariant()
    def never_more_connections_than_allowed(self) -> None:
        assert len(self._alive()) + len(self.rig.connecting) <= LIMITS.max_connections

    @invariant()
    def nobody_waits_without_need(self) -> None:
        full = len(self._alive()) + len(self.rig.connecting) >= LIMITS.max_connections
        coming = len(self.rig.connecting) - len(self.connecting)
        assert full or coming >= len(self.queue), repr(self.rig.pool)

    @invariant()
    def nothing_idles_for_too_long(self) -> None:
        now, held = self.rig.clock.seconds(), {holder.connection for holder in self.holders}
        idle = [(each, each.uses) for each in self._alive() if each not in held]
        self.idle_since = {each: self.idle_since.get(each, now) for each in idle}
        late = [each for each, since in self.idle_since.items() if now - since > LIMITS.max_idle + 0.3]
        assert not late, (repr(late), repr(self.rig.pool))

    def teardown(self) -> None:
        """Whoever is left goes; nothing stays behind."""
        while self.queue:
            self.leave_the_queue(0)
        while self.connecting:
            self.leave_while_connecting(0)
        while self.holders:
            self.lose_busy(0)
        while self.rig.connecting:
            self.open()
        self.rig.pool.close()
        assert self.rig.ledger.at_rest
        assert repr(self.rig.pool) == "<OriginPool lent=0 idle=0 connecting=0 waiting=0>"
        assert self.rig.clock.getDelayedCalls() == []


class PoolSequenceTests(SynchronousTestCase):
    """Many sequences."""

    def test_sequences(self) -> None:
        run_state_machine_as_test(
            PoolMachine, settings=settings(PROPERTY, max_examples=100, stateful_step_count=40)
        )
