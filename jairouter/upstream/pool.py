"""Which connection a request gets: the keep-alive pool of one origin.

A decision with three cases: an idle connection is there (the one used last, so that the others may
age and close); there is room for a new one; all are busy, and the request waits its turn.

Who waits gets the first connection that is free again, or a new one as soon as there is room for it: the
one that waits longest comes first.

Idle connections are not trusted for ever: they are closed after `max_idle` seconds without use and not
used again `max_life` seconds after they were made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.python.failure import Failure

from jairouter.errors import PoolExhausted
from jairouter.exchange import Outcome, Phase
from jairouter.timers import Sweep
from jairouter.upstream.connection import Connection

if TYPE_CHECKING:
    from jairouter.exchange import Attempt
    from jairouter.interfaces import IPermit
    from jairouter.timers import TimerWheel
    from jairouter.traffic.permits import Ledger


_NEUTRAL = Outcome.NEUTRAL  # looking into the class takes five times as long


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How many connections to one origin, and for how long.

    Attributes:
        max_connections: Open at once, busy or idle.
        max_idle: Seconds without use after which an idle connection is closed.
        max_life: Seconds after which a connection is not used again, or None.
        max_pending: Requests that may wait for a connection.
    """

    max_connections: int = 500
    max_idle: float = 20.0
    max_life: float | None = None
    max_pending: int = 1000


class OriginPool:
    """The connections to one origin, and the owner of every connection that is not busy.

    Args:
        limits: See `PoolLimits`.
        wheel: For idle times.
        ledger: Counts the connections that are lent out.
        connect: Opens a new connection.
    """

    def __init__(
        self,
        limits: PoolLimits,
        wheel: TimerWheel,
        ledger: Ledger,
        connect: Callable[[], Deferred[Connection]],
    ) -> None:
        self._limits = limits
        self._wheel = wheel
        self._ledger = ledger
        self._connect = connect
        self._idle: Sweep[Connection] = Sweep(wheel, limits.max_idle, Connection.close)
        self._lent: dict[Connection, IPermit] = {}
        self._connecting = 0
        self._connecting_for_waiting = 0  # of these; the others have somebody of their own
        self._waiting: dict[Deferred[Connection], bool] = {}  # first come, first; True for a fresh one only
        self._making_room = False
        self._closed = False

    def __repr__(self) -> str:
        lent, idle, connecting, waiting = self.counts
        return f"<OriginPool lent={lent} idle={idle} connecting={connecting} waiting={waiting}>"

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Connections that are lent, idle and being opened, and requests that wait for one."""
        return len(self._lent), len(self._idle), self._connecting, len(self._waiting)

    def take(self) -> Connection | None:
        """Borrow a connection that is idle, or None; otherwise as `acquire`, which this spares a Deferred."""
        connection = self._take_idle()
        if connection is not None:
            self._lent[connection] = self._ledger.open("connection")
        return connection

    def acquire(self, attempt: Attempt | None = None, *, fresh: bool = False) -> Deferred[Connection]:
        """Borrow a connection. It comes back by itself: when it is idle again, or lost.

        Args:
            attempt: Told whether it waits or connects.
            fresh: Do not take one that was used before.

        Returns:
            Fires with the connection. Fails as connecting fails, or with `PoolExhausted` when too many
            wait already. Cancel it to wait no longer.
        """
        connection = None if fresh else self._take_idle()
        if connection is not None:
            return succeed(self._lend(connection))
        if fresh and self._full and self._idle:
            next(iter(self._idle)).close()
        if not self._full:
            if attempt is not None:
                attempt.enter(Phase.CONNECTING)
            return self._open().addCallbacks(self._lend, self._not_connected)
        if len(self._waiting) >= self._limits.max_pending:
            return fail(PoolExhausted("too many requests wait for this model's backend", retry_after=1))
        if attempt is not None:
            attempt.enter(Phase.QUEUED)
        waiter: Deferred[Connection] = Deferred(self._leave_queue)
        self._waiting[waiter] = fresh
        return waiter

    def idle(self, connection: Connection) -> None:
        """A connection has answered and can be used again (called by the connection)."""
        self._take_back(connection)
        if self._waiting or self._closed or self._limits.max_life is not None:
            self._offer(connection)
        else:
            self._idle.add(connection)

    def lost(self, connection: Connection) -> None:
        """A connection is closed (called by the connection)."""
        self._take_back(connection)
        self._idle.discard(connection)
        self._open_for_waiting()

    def close(self) -> None:
        """Keep nothing any more: idle connections are closed now, busy ones when they are done."""
        self._closed = True
        for connection in self._idle:
            connection.close()

    @property
    def _full(self) -> bool:
        return len(self._lent) + len(self._idle) + self._connecting >= self._limits.max_connections

    def _lend(self, connection: Connection) -> Connection:
        self._lent[connection] = self._ledger.open("connection")
        return connection

    def _take_back(self, connection: Connection) -> None:
        permit = self._lent.pop(connection, None)
        if permit is not None:
            permit.settle(_NEUTRAL)

    def _offer(self, connection: Connection) -> None:
        used = connection.uses > 0
        if used and (self._expired(connection) or (self._waiting and self._fresh_wanted)):
            connection.close()  # which makes room for a new one
        elif self._waiting:
            self._next_waiting().callback(self._lend(connection))
        elif self._closed:
            connection.close()
        else:
            self._idle.add(connection)

    @property
    def _fresh_wanted(self) -> bool:
        """Whether who waits longest wants a connection that was not used before."""
        return next(iter(self._waiting.values()), False)

    def _leave_queue(self, waiter: Deferred[Connection]) -> None:
        del self._waiting[waiter]

    def _next_waiting(self) -> Deferred[Connection]:
        waiter = next(iter(self._waiting))
        del self._waiting[waiter]
        return waiter

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if self._limits.max_life is None or not self._expired(connection):
                return connection
            connection.close()
        return None

    def _expired(self, connection: Connection) -> bool:
        life = self._limits.max_life
        return life is not None and self._wheel.seconds() - connection.opened >= life

    def _open(self) -> Deferred[Connection]:
        self._connecting += 1
        return maybeDeferred(self._connect).addBoth(self._connected)

    def _connected(self, result: Connection | Failure) -> Connection | Failure:
        self._connecting -= 1
        return result

    def _not_connected(self, failure: Failure) -> Failure:
        self._open_for_waiting()
        return failure

    def _open_for_waiting(self) -> None:
        """Room was made: open connections for those who will be first in the queue when they are open."""
        if self._making_room:
            return  # connecting failed at once; the loop below goes on
        self._making_room = True
        while self._connecting_for_waiting < len(self._waiting) and not self._full:
            self._connecting_for_waiting += 1
            self._open().addCallbacks(self._opened_for_waiting, self._fail_first)
        self._making_room = False

    def _opened_for_waiting(self, connection: Connection) -> None:
        self._connecting_for_waiting -= 1
        self._offer(connection)

    def _fail_first(self, failure: Failure) -> None:
        self._connecting_for_waiting -= 1
        if self._waiting:
            self._next_waiting().errback(failure)
        self._open_for_waiting()
