"""Tests for `jairouter.traffic.permits`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass, verifyObject

from jairouter.exchange import Outcome
from jairouter.interfaces import IPermit
from jairouter.traffic.permits import AlreadySettled, Ledger, Permit


class LedgerTests(SynchronousTestCase):
    """What is lent out is counted until it comes back."""

    def setUp(self) -> None:
        self.ledger = Ledger(("slot", "line"))

    def test_interface(self) -> None:
        verifyClass(IPermit, Permit)
        verifyObject(IPermit, self.ledger.open("slot"))

    def test_at_rest(self) -> None:
        self.assertTrue(self.ledger.at_rest)
        self.assertEqual(self.ledger.outstanding(), {"slot": 0, "line": 0})

    def test_counted_by_kind(self) -> None:
        permits = [self.ledger.open(kind) for kind in ("slot", "slot", "line")]
        self.assertEqual(self.ledger.outstanding(), {"slot": 2, "line": 1})
        self.assertFalse(self.ledger.at_rest)
        for permit in permits:
            permit.settle(Outcome.SUCCEEDED)
        self.assertTrue(self.ledger.at_rest)

    def test_unknown_kind(self) -> None:
        """A misspelt name is a fault, not a new kind."""
        self.assertRaises(KeyError, self.ledger.open, "slots")

    def test_outstanding_is_a_copy(self) -> None:
        before = self.ledger.outstanding()
        self.ledger.open("slot")
        self.assertEqual(before["slot"], 0)

    def test_repr(self) -> None:
        """It says what is missing, since that is when it is looked at."""
        self.ledger.open("line")
        self.assertEqual(repr(self.ledger), "<Ledger slot=0, line=1>")

    def test_kinds_of_the_gateway(self) -> None:
        self.assertEqual(
            set(Ledger().outstanding()), {"request", "attempt", "connection", "limit", "trial", "key"}
        )


class PermitTests(SynchronousTestCase):
    """The right to be in flight."""

    def setUp(self) -> None:
        self.ledger = Ledger()
        self.told: list[Outcome] = []

    def test_owner_is_told(self) -> None:
        """After it was counted as back."""

        def told(outcome: Outcome) -> None:
            self.assertTrue(self.ledger.at_rest)
            self.told.append(outcome)

        permit = self.ledger.open("attempt", told)
        permit.settle(Outcome.THROTTLED)
        self.assertEqual(self.told, [Outcome.THROTTLED])

    def test_settled_twice(self) -> None:
        """A fault is raised, and nothing is counted twice."""
        permit = self.ledger.open("attempt", self.told.append)
        permit.settle(Outcome.SUCCEEDED)
        self.assertRaises(AlreadySettled, permit.settle, Outcome.FAILED)
        self.assertEqual((self.told, self.ledger.outstanding()["attempt"]), ([Outcome.SUCCEEDED], 0))
