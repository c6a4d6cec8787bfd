"""Tests for `jairouter.telemetry.refusals`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.auditing import DENIED, FAILED
from jairouter.errors import (
    BadRequest,
    GatewayError,
    PermissionDenied,
    RateLimited,
    Reason,
    Unauthenticated,
)
from jairouter.interfaces import IRecorder
from jairouter.telemetry.refusals import RefusalRecord
from tests.auth.test_gate import ALICE
from tests.filters.inner import exchange
from tests.filters.test_authenticate import Heard


class RefusalTests(SynchronousTestCase):
    """Which requests are told of, and how."""

    def setUp(self) -> None:
        self.heard = Heard()
        self.record = RefusalRecord(self.heard)

    def told(self, error: GatewayError | None) -> list[tuple[str, str, str, str]]:
        about = exchange()
        about.known = ALICE
        self.record.record(about, 200 if error is None else error.status, 0, error)
        return [(each.kind, each.result, each.reason, each.user) for each in self.heard.events]

    def test_interface(self) -> None:
        verifyObject(IRecorder, self.record)

    def test_nobody_known(self) -> None:
        expected = ("AUTHENTICATION_FAILURE", DENIED, "EXPIRED_API_KEY", "alice")
        self.assertEqual(self.told(Unauthenticated("no", Reason.EXPIRED_KEY)), [expected])

    def test_not_permitted(self) -> None:
        expected = ("AUTHORIZATION_FAILURE", DENIED, "INSUFFICIENT_PERMISSIONS", "alice")
        self.assertEqual(self.told(PermissionDenied("no")), [expected])

    def test_a_limit_is_no_attack(self) -> None:
        """Alerts go by what is denied."""
        expected = ("LIMIT_REACHED", FAILED, "rate_limit_exceeded", "alice")
        self.assertEqual(self.told(RateLimited("no")), [expected])

    def test_all_else(self) -> None:
        self.assertEqual(self.told(None), [])
        self.assertEqual(self.told(BadRequest("no")), [])
