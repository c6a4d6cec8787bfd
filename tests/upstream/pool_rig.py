"""A pool whose connections are the test's."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from jairouter.timers import TimerWheel
from jairouter.traffic.permits import Ledger
from jairouter.upstream.connection import Connection
from jairouter.upstream.pool import OriginPool, PoolLimits
from tests.upstream.rig import OK, Wire, request


class Rig:
    """A pool whose connections open, answer and get lost as the test says.

    Attributes:
        connecting: Those that are being opened, in order.
    """

    def __init__(self, limits: PoolLimits) -> None:
        self.clock = Clock()
        self.ledger = Ledger()
        self.connecting: list[Deferred[Connection]] = []
        self.pool = OriginPool(limits, TimerWheel(self.clock), self.ledger, self.connect)

    def connect(self) -> Deferred[Connection]:
        connecting: Deferred[Connection] = Deferred()
        self.connecting.append(connecting)
        return connecting

    def opened(self) -> Connection:
        """Whatever has waited longest to be opened is open."""
        connection = Connection(self.clock.seconds(), self.pool.idle, self.pool.lost)
        connection.makeConnection(Wire())
        self.connecting.pop(0).callback(connection)
        return connection

    def refuse(self) -> None:
        """It cannot be opened."""
        self.connecting.pop(0).errback(ConnectionRefusedError())

    @staticmethod
    def answer(connection: Connection) -> None:
        """One request and its answer: the connection comes back."""
        connection.send(request())
        connection.dataReceived(OK)

    @staticmethod
    def lose(connection: Connection) -> None:
        """The backend closes it."""
        connection.connectionLost(Failure(ConnectionRefusedError()))

    @property
    def lent(self) -> int:
        """How many the ledger says are out."""
        return self.ledger.outstanding()["connection"]


class PoolCase(SynchronousTestCase):
    """At rest nothing is lent and no timer armed."""

    limits = PoolLimits(max_connections=2, max_idle=20.0, max_pending=2)

    def setUp(self) -> None:
        self.rig = Rig(self.limits)
        self.pool = self.rig.pool

    def borrow(self) -> Connection:
        """A new connection, lent."""
        waiting = self.pool.acquire()
        self.rig.opened()
        return self.successResultOf(waiting)

    def assert_at_rest(self) -> None:
        self.pool.close()
        self.assertEqual(self.rig.lent, 0)
        self.assertEqual(repr(self.pool), "<OriginPool lent=0 idle=0 connecting=0 waiting=0>")
        self.assertEqual(self.rig.clock.getDelayedCalls(), [])
