"""Tokens that were revoked are refused, whatever happens."""

from __future__ import annotations

from twisted.logger import capturedLogs

from jairouter.auditing import FAILED
from jairouter.auth.tokens import Tokens
from jairouter.errors import Reason, Unauthenticated
from jairouter.refusals import NotPossible, StoreUnavailable
from tests.auth.tokens_rig import BY, TODAY, LifeCase


class RevocationTests(LifeCase):
    """What was revoked is refused, whatever happens."""

    def test_access_token(self) -> None:
        """Alone: its owner can get another one."""
        issued, other = self.login(), self.login()
        self.caller(issued.access)
        self.successResultOf(self.tokens.revoke([self.bearer(issued.access)], BY))
        self.assertIs(self.reason(issued.access), Reason.REVOKED_TOKEN)
        self.assertEqual(self.caller(other.access).name, "alice")
        self.renewed(issued.refresh)

    def test_refresh_token(self) -> None:
        """With all that came of the login."""
        issued = self.login()
        self.caller(issued.access)
        self.successResultOf(self.tokens.revoke([self.bearer(issued.refresh)], BY))
        self.assertIs(self.reason(issued.access), Reason.REVOKED_TOKEN)
        self.assertIs(self.not_renewed(issued.refresh), Reason.REVOKED_TOKEN)

    def test_logout(self) -> None:
        issued = self.login()
        renewed = self.renewed(issued.refresh)
        self.successResultOf(self.tokens.logout(self.bearer(issued.access), BY))
        for token in (issued.access, renewed.access):
            self.assertIs(self.reason(token), Reason.REVOKED_TOKEN)
        self.assertIs(self.not_renewed(renewed.refresh), Reason.REVOKED_TOKEN)

    def test_recorded(self) -> None:
        issued = self.login()
        self.successResultOf(self.tokens.revoke([self.bearer(issued.access)], BY))
        event = self.audit.events[-1]
        self.assertEqual((event.kind, event.user, event.reason), ("JWT_TOKEN_REVOKED", "root", "lost"))
        self.assertEqual(event.details, {"user": "alice", "jti": issued.id})

    def test_survives_a_restart(self) -> None:
        issued = self.login()
        self.successResultOf(self.tokens.logout(self.bearer(issued.access), BY))
        self.assertIs(self.reason(issued.access, self.make()), Reason.REVOKED_TOKEN)

    def test_known_to_other_gateways(self) -> None:
        issued = self.login()
        other = self.make(seed=1)
        document = self.document
        self.caller(issued.access, other)
        self.successResultOf(self.tokens.logout(self.bearer(issued.access), BY))
        self.successResultOf(document.refresh())
        self.assertIs(self.reason(issued.access, other), Reason.REVOKED_TOKEN)

    def test_not_renewed_by_a_gateway_that_has_not_looked_yet(self) -> None:
        issued = self.login()
        other = self.make(seed=1)
        self.successResultOf(self.tokens.logout(self.bearer(issued.access), BY))
        failure = self.failureResultOf(other.refresh(issued.refresh.encode()), Unauthenticated)
        self.assertIs(failure.value.reason, Reason.REVOKED_TOKEN)
        self.assertNotIn("JWT_TOKEN_REUSED", self.kinds())

    def test_kept_once(self) -> None:
        """What is on the disk is not written with each change for ever."""
        issued = self.login()
        self.successResultOf(self.tokens.logout(self.bearer(issued.access), BY))
        self.successResultOf(self.tokens.revoke_all("root", BY))
        self.file.value = {}
        self.login()
        self.assertEqual((self.file.value.get("revoked", {}), self.file.value.get("cutoffs", {})), ({}, {}))

    def test_remembered_until_it_has_expired(self) -> None:
        """However short other products remember it."""
        issued = self.login()
        self.successResultOf(self.tokens.logout(self.bearer(issued.access), BY))
        self.now = TODAY + 3600 + 29
        self.successResultOf(self.tokens.cleanup())
        self.assertIs(self.reason(issued.access), Reason.REVOKED_TOKEN)

    def test_forgotten_once_it_has_expired(self) -> None:
        issued = self.login()
        self.successResultOf(self.tokens.revoke([self.bearer(issued.access)], BY))
        self.now = TODAY + 8 * 86400
        self.assertEqual(self.successResultOf(self.tokens.cleanup()), 2)
        self.assertEqual(self.file.value, {"families": {}, "revoked": {}, "cutoffs": {}})

    def test_not_kept(self) -> None:
        """It fails loudly, and holds all the same; and is kept as soon as that is possible."""
        issued, other = self.login(), self.login()
        self.disk.full = True
        self.failureResultOf(self.tokens.logout(self.bearer(issued.access), BY), StoreUnavailable)
        self.assertEqual(self.audit.events[-1].result, FAILED)
        self.assertIs(self.reason(issued.access), Reason.REVOKED_TOKEN)
        self.disk.full = False
        self.renewed(other.refresh)
        self.assertIs(self.reason(issued.access, self.make()), Reason.REVOKED_TOKEN)
        self.assertIs(self.not_renewed(issued.refresh), Reason.REVOKED_TOKEN)

    def test_at_once(self) -> None:
        """Before it is on the disk."""
        issued = self.login()
        bearer = self.bearer(issued.access)
        self.disk.slow = True
        revoking = self.tokens.revoke([bearer], BY)
        self.assertIs(self.reason(issued.access), Reason.REVOKED_TOKEN)
        self.disk.turn()
        self.assertIsNone(self.successResultOf(revoking))

    def test_at_once_while_something_else_is_written(self) -> None:
        issued, other = self.login(), self.login()
        self.disk.slow = True
        renewing = self.tokens.refresh(other.refresh.encode())
        revoking = self.tokens.revoke([self.bearer(issued.access)], BY)
        self.disk.turn()
        self.successResultOf(renewing)
        self.assertNoResult(revoking)
        self.assertIs(self.reason(issued.access), Reason.REVOKED_TOKEN)
        self.disk.turn()
        self.successResultOf(revoking)

    def test_switched_off(self) -> None:
        """Who cannot revoke is told so."""
        tokens = self.make(blacklist_enabled=False)
        bearer = self.bearer(self.login().access)
        for refused in (
            tokens.revoke([bearer], BY),
            tokens.logout(bearer, BY),
            tokens.revoke_all("alice", BY),
        ):
            self.failureResultOf(refused, NotPossible)


class RevokeAllTests(LifeCase):
    """All tokens of a user, up to now."""

    def test_all(self) -> None:
        issued = [self.login(), self.login()]
        other = self.login("root")
        for each in issued:
            self.caller(each.access)
        self.successResultOf(self.tokens.revoke_all("alice", BY))
        for each in issued:
            self.assertIs(self.reason(each.access), Reason.REVOKED_TOKEN)
            self.assertIs(self.not_renewed(each.refresh), Reason.REVOKED_TOKEN)
        self.assertEqual(self.caller(other.access).name, "root")

    def test_login_in_the_same_second(self) -> None:
        """What is issued after is good, though its date is that of what is not."""
        before = self.login()
        self.successResultOf(self.tokens.revoke_all("alice", BY))
        after = self.login()
        self.assertEqual(self.caller(after.access).name, "alice")
        self.assertIs(self.reason(before.access), Reason.REVOKED_TOKEN)
        self.successResultOf(self.tokens.revoke_all("alice", BY))
        self.assertIs(self.reason(after.access), Reason.REVOKED_TOKEN)
        last = self.login()
        self.assertEqual(self.caller(self.renewed(last.refresh).access).name, "alice")

    def test_survives_a_restart(self) -> None:
        before = self.login()
        self.successResultOf(self.tokens.revoke_all("alice", BY))
        after = self.login()
        again = self.make()
        self.assertIs(self.reason(before.access, again), Reason.REVOKED_TOKEN)
        self.assertEqual(self.caller(after.access, again).name, "alice")

    def test_not_renewed_by_a_gateway_that_has_not_looked_yet(self) -> None:
        issued = self.login()
        other = self.make(seed=1)
        self.successResultOf(self.tokens.revoke_all("alice", BY))
        failure = self.failureResultOf(other.refresh(issued.refresh.encode()), Unauthenticated)
        self.assertIs(failure.value.reason, Reason.REVOKED_TOKEN)

    def test_login_while_it_is_being_kept(self) -> None:
        """It is done once, though the next change may be asked for before it is known to be done."""
        self.login()
        self.disk.slow = True
        revoking = self.tokens.revoke_all("alice", BY)
        issuing = self.tokens.issue("alice", ["USER"], "")
        others = self.tokens.issue("root", ["ADMIN"], "")
        for _ in range(3):
            self.disk.turn()
        self.successResultOf(revoking)
        issued = self.successResultOf(issuing)
        self.successResultOf(others)
        self.assertEqual(self.caller(issued.access).name, "alice")

    def test_clock_that_was_set_back(self) -> None:
        """It does not depend on what time it is."""
        issued = self.login()
        self.successResultOf(self.tokens.revoke_all("alice", BY))
        issued = self.login()
        self.now -= 20
        self.successResultOf(self.tokens.revoke_all("alice", BY))
        self.assertIs(self.reason(issued.access), Reason.REVOKED_TOKEN)

    def test_not_kept(self) -> None:
        issued = self.login()
        self.disk.full = True
        self.failureResultOf(self.tokens.revoke_all("alice", BY), StoreUnavailable)
        self.assertIs(self.reason(issued.access), Reason.REVOKED_TOKEN)
        self.disk.full = False
        after = self.login()
        self.assertEqual(self.caller(after.access).name, "alice")
        self.assertIs(self.reason(issued.access, self.make()), Reason.REVOKED_TOKEN)

    def test_valid_for_longer_before_a_reload(self) -> None:
        """It is remembered for as long as the oldest tokens of the user are valid."""
        long = self.make(expiration_minutes=525_600, refresh_expiration_days=1)
        issued = self.login(tokens=long)
        self.now += 86400
        self.successResultOf(self.make(refresh_expiration_days=1).revoke_all("alice", BY))
        self.now = TODAY + 364 * 86400
        tokens = self.make()
        self.successResultOf(tokens.cleanup())
        self.assertIs(self.reason(issued.access, tokens), Reason.REVOKED_TOKEN)

    def test_gateway_that_shares_nothing(self) -> None:
        """What another one issues, which knows nothing of it, is good a little later."""
        self.successResultOf(self.tokens.revoke_all("alice", BY))
        token = self.signed(iat=int(self.now + 10))
        self.now += 40
        self.assertIs(self.reason(token), Reason.REVOKED_TOKEN)
        self.assertEqual(self.caller(self.signed(iat=int(self.now))).name, "alice")

    def test_distrust(self) -> None:
        """What an account's change does cannot fail, and is logged where it is not kept."""
        issued = self.login()
        self.disk.full = True
        with capturedLogs() as logged:
            self.tokens.distrust("alice")
        self.assertIn("the disk is full", str(logged[-1]))
        self.assertIs(self.reason(issued.access), Reason.REVOKED_TOKEN)


class ReviewTests(LifeCase):
    """What became of accounts while nobody looked."""

    def setUp(self) -> None:
        super().setUp()
        self.standing: dict[str, str] = {"alice": "a1", "root": "r1"}
        self.tokens = self.started()

    def started(self) -> Tokens:
        tokens = self.make()
        self.patch(tokens, "_standing_of", self.standing.get)
        tokens.review()
        return tokens

    def test_another_password(self) -> None:
        """It was put into the files while the gateway was stopped; or who took it down was killed."""
        mine, other = self.login("alice"), self.login("root")
        self.tokens = self.started()
        self.caller(mine.access)
        self.standing["alice"] = "a2"
        self.assertIs(self.not_renewed(mine.refresh), Reason.REVOKED_TOKEN)
        mine = self.login("alice")
        self.standing["alice"] = "a3"
        self.tokens = self.started()
        self.assertIs(self.reason(mine.access), Reason.REVOKED_TOKEN)
        self.assertIs(self.not_renewed(mine.refresh), Reason.REVOKED_TOKEN)
        self.caller(other.access)
        again = self.login("alice")
        self.tokens = self.started()
        self.caller(again.access)

    def test_gone_for_a_while(self) -> None:
        """Tokens from before are good for nothing when the account is back."""
        mine = self.login("alice")
        del self.standing["alice"]
        self.started()
        self.standing["alice"] = "a1"
        self.assertIs(self.reason(mine.access, self.started()), Reason.REVOKED_TOKEN)

    def test_not_kept(self) -> None:
        """It holds all the same."""
        mine = self.login("alice")
        self.standing["alice"] = "a2"
        self.disk.full = True
        with capturedLogs():
            tokens = self.started()
        self.assertIs(self.reason(mine.access, tokens), Reason.REVOKED_TOKEN)

    def test_logins_of_before(self) -> None:
        """Of those nobody knows to which account they were."""
        self.standing["alice"] = ""
        mine = self.login("alice")
        self.standing["alice"] = "a2"
        self.caller(mine.access, self.started())
        self.tokens = self.started()
        self.renewed(mine.refresh)


class ClockTests(LifeCase):
    """The clock is set back."""

    def test_tokens_from_the_future(self) -> None:
        """They are older than the revocation, whatever their date says."""
        self.now += 7200
        issued = self.login()
        self.now = TODAY
        self.successResultOf(self.tokens.revoke_all("alice", BY))
        later = self.login()
        self.now += 7200
        self.assertIs(self.reason(issued.access), Reason.REVOKED_TOKEN)
        self.assertIs(self.reason(issued.access, self.make()), Reason.REVOKED_TOKEN)
        self.now = TODAY
        self.caller(later.access)
