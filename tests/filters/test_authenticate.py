"""Tests for `jairouter.filters.authenticate`."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.auditing import Event, NoAudit
from jairouter.auth.gate import Gate
from jairouter.caller import Caller, Kind
from jairouter.errors import PermissionDenied, Reason, Unauthenticated
from jairouter.exchange import Exchange
from jairouter.filters.authenticate import Authenticate
from jairouter.headers import by_name
from jairouter.interfaces import IResponder
from tests.auth.test_gate import ALICE, Known
from tests.filters.inner import ROUTE, Inner, request, run


class Heard(NoAudit):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def often(self, event: Event) -> None:
        self.events.append(event)


class AuthenticateTests(SynchronousTestCase):
    """Who comes in, and what goes on."""

    def setUp(self) -> None:
        self.inner, self.audit = Inner(), Heard()
        self.waiting: Deferred[Caller] = Deferred()
        keys = Known(Reason.UNKNOWN_KEY, k=ALICE, w=self.waiting)
        self.filter = Authenticate(self.inner, Gate(keys, None), self.audit)
        self.open = Authenticate(self.inner, Gate(keys, None), self.audit, lambda path: True)

    def send(self, filter_: Any, route: str = "/chat/completions", **headers: bytes) -> Any:
        pairs = tuple((name.replace("_", "-").encode(), value) for name, value in headers.items())
        sent = request(ROUTE[route], headers=pairs)._replace(fields=by_name(pairs)[0])
        self.exchange = Exchange(sent, 0.0)
        return run(filter_, self.exchange)

    def passed_on(self) -> list[bytes]:
        return [name for name, _ in self.inner.exchanges[-1].request.headers]

    def test_interface(self) -> None:
        verifyObject(IResponder, self.filter)

    def test_known(self) -> None:
        answer = self.send(self.filter, Authorization=b"Bearer k", Accept=b"*/*")
        self.inner.answer()
        self.successResultOf(answer)
        self.assertIs(self.exchange.known, ALICE)
        self.assertEqual(self.exchange.caller, ALICE.digest)
        self.assertEqual(self.passed_on(), [b"Accept"])
        self.assertEqual(
            [(each.kind, each.user) for each in self.audit.events], [("AUTHENTICATION_SUCCESS", "alice")]
        )

    def test_unknown(self) -> None:
        self.failureResultOf(self.send(self.filter, X_API_Key=b"x"), Unauthenticated)
        self.failureResultOf(self.send(self.filter), Unauthenticated)
        self.assertEqual(self.inner.exchanges, [])

    def test_not_for_this_route(self) -> None:
        error = self.failureResultOf(self.send(self.filter, "/embeddings", X_API_Key=b"k"), PermissionDenied)
        self.assertIn("embedding:read", str(error.value))
        self.assertIs(self.exchange.known, ALICE)
        self.assertEqual((self.inner.exchanges, self.audit.events), ([], []))

    def test_somebody_else_is_asked(self) -> None:
        answer = self.send(self.filter, X_API_Key=b"w")
        self.assertEqual(self.inner.exchanges, [])
        self.waiting.callback(ALICE)
        self.inner.answer()
        self.successResultOf(answer)
        self.assertIs(self.exchange.known, ALICE)

    def test_client_leaves_while_somebody_else_is_asked(self) -> None:
        answer = self.send(self.filter, X_API_Key=b"w")
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertEqual(self.inner.exchanges, [])

    def test_paths_for_everybody(self) -> None:
        """No credential is asked for, and none of ours goes on."""
        for value, left in ((b"Bearer k", []), (b"Bearer sk-theirs", [b"Authorization"])):
            answer = self.send(self.open, Authorization=value)
            self.inner.answer()
            self.successResultOf(answer)
            self.assertIsNone(self.exchange.known)
            self.assertEqual(self.passed_on(), left)

    def test_kinds_of_callers_are_told_apart(self) -> None:
        same = Caller("alice", Kind.TOKEN, ALICE.permissions)
        self.assertNotEqual(same.digest, ALICE.digest)
