"""Many logins at once, which take processors seconds, and what else goes on meanwhile."""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any

import bcrypt
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from jairouter.auditing import NoAudit
from jairouter.auth.accounts import Accounts
from jairouter.auth.guessing import Guessing
from jairouter.auth.passwords import Passwords
from jairouter.config.settings.accounts import LockoutSettings
from jairouter.config.settings.tokens import JwtSettings
from jairouter.store.document import Document
from tests.integration.processes import PATIENCE, Gateway, shared_pair

PASSWORD = "trombone-lake-47"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()
KEY = "sk-Zq81xvTn0pLw7rYb5sHd2fGc9uEa4iXo"
USERS = [f"user{number}" for number in range(10)]
LOGINS = 100

PAIR = shared_pair(
    security={
        "api-key": {"enabled": True, "keys": [{"name": "other", "value": KEY, "permissions": ["chat:read"]}]},
        "jwt": {
            "enabled": True,
            "secret": "Jk3mZq81xvTn0pLw7rYb5sHd2fGc9uEa4iXo6",
            "accounts": [{"username": name, "password": HASH, "roles": ["USER"]} for name in USERS],
        },
    }
)


class Order:
    """What was over when, in the order in which it was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.events: list[tuple[str, int]] = []

    def add(self, what: str, status: int) -> None:
        """Something is over."""
        with self._lock:
            self.events.append((what, status))

    def count(self, what: str) -> int:
        """How often something was over until now."""
        return sum(each == what for each, _ in self.events)


def ask(gateway: Gateway, path: str, body: Any, **headers: str) -> int:
    """Post something. Returns the status."""
    client = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE * 2)
    try:
        client.request("POST", path, json.dumps(body), {"Content-Type": "application/json", **headers})
        response = client.getresponse()
        response.read()
        return response.status
    finally:
        client.close()


def log_in(gateway: Gateway, number: int, password: str = PASSWORD) -> int:
    """Log in as one of the users."""
    body = {"username": USERS[number % len(USERS)], "password": password}
    return ask(gateway, "/api/auth/jwt/login", body)


class GatewayTests(SynchronousTestCase):
    """A hundred logins at once to a running gateway."""

    def test_other_traffic_goes_on(self) -> None:
        """More requests are answered than logins: bcrypt on the event loop would let none between."""
        gateway = PAIR.get().gateway
        self.assertEqual(log_in(gateway, 0), 200, str(gateway))
        order = Order()
        threads = [
            threading.Thread(target=lambda n=number: order.add("login", log_in(gateway, n)), daemon=True)
            for number in range(LOGINS)
        ]
        for each in threads:
            each.start()
        chat = {"model": "org/chat", "messages": [{"role": "user", "content": "hello"}]}
        while any(each.is_alive() for each in threads):
            order.add("chat", ask(gateway, "/v1/chat/completions", chat, **{"X-API-Key": KEY}))
        for each in threads:
            each.join()
        self.assertEqual({status for _, status in order.events}, {200}, str(gateway))
        self.assertEqual(order.count("login"), LOGINS)
        self.assertGreater(order.count("chat"), LOGINS)
        gateway.wait_at_rest()


class Echo(Protocol):
    """Sends back what it gets."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class Bouncing(Protocol):
    """Sends a byte again as soon as it is back, and counts."""

    rounds = 0

    def connectionMade(self) -> None:
        self.lost: Deferred[None] = Deferred()
        assert self.transport is not None
        self.transport.write(b"x")

    def dataReceived(self, data: bytes) -> None:
        self.rounds += 1
        assert self.transport is not None
        self.transport.write(data)

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self.lost.callback(None)


class ThreadsTests(TestCase):
    """Real threads and a real event loop, without a gateway around."""

    def setUp(self) -> None:
        runtime: Any = reactor
        passwords = Passwords(deferToThread, 2, LOGINS)
        document = Document("accounts", None, deferToThread)
        guessing = Guessing(LockoutSettings())
        self.accounts = Accounts(document, passwords, guessing, runtime, lambda: 0.0, NoAudit())
        users = [{"username": name, "password": HASH, "roles": ["USER"]} for name in USERS]
        self.accounts.configure(JwtSettings.model_validate({"accounts": users}))

    def test_the_event_loop_goes_on(self) -> None:
        """Between logins that are over, bytes have gone back and forth."""
        runtime: Any = reactor
        server = runtime.listenTCP(0, Factory.forProtocol(Echo), interface="127.0.0.1")
        self.addCleanup(server.stopListening)
        endpoint = TCP4ClientEndpoint(runtime, "127.0.0.1", server.getHost().port)
        seen: list[int] = []

        def count(bouncing: Bouncing) -> Deferred[Any]:
            logins = [self.accounts.check(USERS[n % 10], PASSWORD, "192.0.2.1") for n in range(20)]
            for each in logins:
                each.addCallback(lambda _: seen.append(bouncing.rounds))
            return gatherResults(logins).addBoth(leave, bouncing)

        def leave(result: Any, bouncing: Bouncing) -> Deferred[Any]:
            assert bouncing.transport is not None
            bouncing.transport.loseConnection()
            return bouncing.lost.addCallback(lambda _: result)

        def check(_: Any) -> None:
            # Two threads may be done in the same turn of the event loop, and there and back takes two turns
            between = [later - earlier for earlier, later in zip(seen, seen[6:], strict=False)]
            self.assertEqual((len(seen), sorted(seen)), (20, seen))
            self.assertTrue(all(between), seen)

        counting: Deferred[Any] = connectProtocol(endpoint, Bouncing()).addCallback(count)
        return counting.addCallback(check)  # type: ignore[return-value]  # trial waits for it
