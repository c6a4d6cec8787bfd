"""Tests of who is asking."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.auth.permissions import ALL
from jairouter.caller import Caller, Kind
from jairouter.web.management.checking import check
from jairouter.web.management.endpoint import KNOWN, Call, Reply
from jairouter.web.management.whoami import endpoints


class WhoAmITests(SynchronousTestCase):
    """``/api/auth/me``."""

    def ask(self, caller: Caller | None) -> object:
        [me] = endpoints()
        self.assertEqual((me.path, me.permission), ("/api/auth/me", KNOWN))
        reply = me.answer(Call({}, {}, None, None, "10.0.0.1", caller))
        assert isinstance(reply, Reply)
        self.assertEqual(check(reply.data, me.data), [])
        return reply.data

    def test_a_caller_that_is_known(self) -> None:
        caller = Caller("front", Kind.KEY, frozenset({"chat:read", "audit:read"}))
        expected = {"name": "front", "kind": "api-key", "permissions": ["audit:read", "chat:read"]}
        self.assertEqual(self.ask(caller), expected)

    def test_nobody_has_to_say(self) -> None:
        """Then everybody may everything."""
        expected = {"name": "10.0.0.1", "kind": "address", "permissions": sorted(ALL)}
        self.assertEqual(self.ask(None), expected)
