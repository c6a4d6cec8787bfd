"""Tests for `jairouter.web.management.keys_accepted`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.web.management.endpoint import Call, Endpoint, Reply
from jairouter.web.management.keys_accepted import KeysDisabled, while_accepted


class AcceptedTests(SynchronousTestCase):
    """Keys are accepted, or are not."""

    def test_refused_as_long_as_they_are_not(self) -> None:
        """By what holds at that moment: security may be switched on while the gateway runs."""
        given = Endpoint("GET", "/a", "a", "A", "one", lambda call: Reply("made"), refusals=("NOT_FOUND",))
        accepted: list[bool] = []
        (endpoint,) = while_accepted([given], lambda: bool(accepted))
        self.assertEqual(endpoint.refusals, ("NOT_FOUND", "API_KEY_DISABLED"))
        call = Call({}, {}, None, None, "")
        self.assertEqual(self.assertRaises(KeysDisabled, endpoint.answer, call).status, 409)
        accepted.append(True)
        self.assertEqual(endpoint.answer(call), Reply("made"))
