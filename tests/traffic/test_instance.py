"""Tests for `jairouter.traffic.instance`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.exchange import Outcome
from jairouter.traffic.instance import Instance
from jairouter.traffic.permits import Ledger


class InstanceTests(SynchronousTestCase):
    """One configured backend."""

    def setUp(self) -> None:
        self.instance = Instance("chat", "m", "http://a", "/p", 2, ((b"Authorization", b"s3cret"),))

    def test_in_flight(self) -> None:
        """Attempts under way are counted, here and in the ledger, until they are settled."""
        ledger = Ledger()
        permits = [self.instance.acquire(ledger) for _ in range(2)]
        self.assertEqual((self.instance.in_flight, ledger.outstanding()["attempt"]), (2, 2))
        for permit, outcome in zip(permits, (Outcome.FAILED, Outcome.SUCCEEDED), strict=True):
            permit.settle(outcome)
        self.assertEqual((self.instance.in_flight, ledger.at_rest), (0, True))

    def test_identity(self) -> None:
        """What makes it the same across a reload: not its weight, nor its headers."""
        self.assertEqual(self.instance.identity, ("chat", "m", "http://a", "/p"))
        self.assertEqual(Instance("chat", "m", "http://a", "/p").identity, self.instance.identity)

    def test_two_alike_are_two(self) -> None:
        """Live state belongs to the object, so equal settings do not make instances equal."""
        self.assertNotEqual(self.instance, Instance("chat", "m", "http://a", "/p", 2, self.instance.headers))

    def test_names_of_its_headers(self) -> None:
        """In lower case: they are compared with what a client wrote."""
        self.assertEqual(self.instance.header_names, {b"authorization"})
        self.assertEqual(Instance("chat", "m", "http://a").header_names, frozenset())

    def test_no_secrets_in_its_repr(self) -> None:
        self.assertNotIn("s3cret", repr(self.instance))
        self.assertNotIn("s3cret", repr(Instance("chat", "m", "http://a", "/p?key=s3cret")))
