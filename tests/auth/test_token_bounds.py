"""What is remembered of tokens is bounded."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from jairouter.auth.families import PER_USER
from jairouter.errors import Reason
from jairouter.refusals import NotPossible
from tests.auth.tokens_rig import BY, TODAY, LifeCase


class BoundTests(LifeCase):
    """Nothing grows for ever, and nothing that was revoked is forgotten."""

    def test_logins_of_one_user(self) -> None:
        """The oldest ends for a new one."""
        first, second = self.login(), self.login()
        other = self.login("root")
        for _ in range(PER_USER - 1):
            self.now += 1
            self.login()
        self.assertIs(self.reason(first.access), Reason.REVOKED_TOKEN)
        self.assertIs(self.not_renewed(first.refresh), Reason.REVOKED_TOKEN)
        self.assertEqual(self.caller(second.access).name, "alice")
        self.assertEqual(self.caller(other.access).name, "root")
        self.assertEqual(len(self.tokens.logins("alice")), PER_USER)

    def test_logins_in_all(self) -> None:
        """Who has most loses one, where the new one has none."""
        tokens = self.make(blacklist_cache={"max_size": 5})
        first = self.login(tokens=tokens)
        for _ in range(4):
            self.now += 1
            self.login(tokens=tokens)
        self.login("root", tokens)
        self.assertIs(self.reason(first.access, tokens), Reason.REVOKED_TOKEN)
        self.assertEqual(len(self.file.value["families"]), 5)

    def test_bound_that_was_lowered(self) -> None:
        for _ in range(8):
            self.now += 1
            self.login()
        self.login("root", self.make(blacklist_cache={"max_size": 3}))
        self.assertEqual(len(self.file.value["families"]), 3)

    def test_revoked_tokens(self) -> None:
        """Where one more would be too many, all of the user's are."""
        tokens = self.make(blacklist_cache={"max_size": 3})
        root = self.login("root", tokens)
        all_of_them = []
        for _ in range(6):
            self.now += 1
            issued = self.login(tokens=tokens)
            all_of_them.append(issued.access)
            bearer = self.successResultOf(tokens.examine(issued.access.encode()))
            self.successResultOf(tokens.revoke([bearer], BY))
        for token in all_of_them:
            self.assertIs(self.reason(token, tokens), Reason.REVOKED_TOKEN)
        self.assertLessEqual(len(self.file.value["revoked"]), 3)
        self.assertEqual(self.caller(root.access, tokens).name, "root")
        self.assertEqual(self.caller(self.login(tokens=tokens).access, tokens).name, "alice")

    def test_revoked_tokens_of_others(self) -> None:
        """Whoever has the most loses all: nobody logs others out by filling what is remembered."""
        tokens = self.make(blacklist_cache={"max_size": 4})
        one, other = self.login("root", tokens), self.login("root", tokens)
        renewed = [self.login(tokens=tokens)]
        for _ in range(4):
            renewed.append(self.successResultOf(tokens.refresh(renewed[-1].refresh.encode())))
        mine = [each.access for each in renewed]
        for token in (*mine[:4], one.access):
            bearer = self.successResultOf(tokens.examine(token.encode()))
            self.successResultOf(tokens.revoke([bearer], BY))
        for token in (*mine, one.access):
            self.assertIs(self.reason(token, tokens), Reason.REVOKED_TOKEN)
        self.assertEqual(self.caller(other.access, tokens).name, "root")

    def test_users_of_whom_all_are_revoked(self) -> None:
        tokens = self.make(blacklist_cache={"max_size": 2})
        for user in ("a", "b"):
            self.successResultOf(tokens.revoke_all(user, BY))
        self.failureResultOf(tokens.revoke_all("c", BY), NotPossible)
        self.successResultOf(tokens.revoke_all("a", BY))

    def test_what_has_expired_goes_at_the_next_login(self) -> None:
        self.login()
        self.now += 8 * 86400
        self.login("root")
        self.assertEqual([each["user"] for each in self.file.value["families"].values()], ["root"])

    def test_stats(self) -> None:
        issued = self.login()
        self.login()
        self.successResultOf(self.tokens.logout(self.bearer(issued.access), BY))
        self.successResultOf(self.tokens.revoke_all("root", BY))
        stats = self.tokens.stats()
        self.assertEqual((stats.logins, stats.revoked, stats.users, stats.cleaned), (2, 1, 1, None))
        self.successResultOf(self.tokens.cleanup())
        self.assertEqual(self.tokens.stats().cleaned, TODAY)


class WaitingTests(LifeCase):
    """Nothing waits for what it need not."""

    def test_calling_waits_for_no_disk(self) -> None:
        token = self.login().access
        self.disk.slow = True
        waiting = self.tokens.issue("alice", ["USER"], "")
        self.assertEqual(self.caller(token).name, "alice")
        self.assertIsInstance(waiting, Deferred)
        self.disk.turn()
        self.successResultOf(waiting)
