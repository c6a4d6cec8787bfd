"""What is not accepted any more, as it is now: on the disk, and what could not be written there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.python.failure import Failure

from jairouter.auth.cutoffs import cutoff, is_cut_off
from jairouter.auth.families import Revoked, Terms, cut_off, revoke

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from jairouter.auth.verifying import Bearer
    from jairouter.store.document import Document

T = TypeVar("T")


class Revocations:
    """See the module.

    What is to be revoked holds from the moment it is asked for, whether or not it can be written. What could
    not be written, is written with the next change.

    Args:
        document: Where it is kept.

    Attributes:
        revoked: Names of tokens and of families; for who has no time to call.
        cutoffs: Users of whom all tokens are revoked that were issued before.
    """

    def __init__(self, document: Document) -> None:
        self.revoked: Mapping[str, Any] = {}
        self.cutoffs: Mapping[str, Any] = {}
        self._document = document
        self._tokens: dict[str, Revoked] = {}  # not written yet
        self._users: dict[str, tuple[Terms, str]] = {}
        document.call_on_change(self._look)
        self._look()

    def is_revoked(self, bearer: Bearer, leeway: float) -> bool:
        """Whether a token is not accepted any more.

        Args:
            bearer: What it says.
            leeway: Seconds by which the clocks of two computers may differ.
        """
        if bearer.id in self.revoked or bearer.family in self.revoked:
            return True
        cutoff = self.cutoffs.get(bearer.user)
        return is_cut_off(cutoff, bearer.generation, bearer.issued, leeway)

    def revoke(self, tokens: Iterable[Revoked], terms: Terms) -> Deferred[None]:
        """Accept some tokens, or families, no more. Fails where that cannot be written."""
        self._tokens |= {each.id: each for each in tokens}
        self._look()
        return self.change(lambda value: None, terms)

    def revoke_all(self, user: str, terms: Terms, by: str) -> Deferred[None]:
        """Accept no token of a user any more that was issued up to now. Fails where that cannot be written.

        Args:
            user: Whose.
            terms: See there.
            by: What tells this time from all others.
        """
        self._users[user] = terms, by
        self._look()
        return self.change(lambda value: None, terms)

    def change(self, edit: Callable[[dict[str, Any]], T], terms: Terms) -> Deferred[T]:
        """Change the document, and write what could not be written before."""
        tokens, users = dict(self._tokens), dict(self._users)

        def whole(value: dict[str, Any]) -> T:
            for user, (then, by) in users.items():
                cut_off(value, user, then, by)
            if tokens:
                revoke(value, tokens.values(), terms)
            return edit(value)

        changing: Deferred[T] = self._document.change(whole)
        return changing.addBoth(self._changed, tokens, users)

    def _changed(
        self, result: T | Failure, tokens: dict[str, Revoked], users: dict[str, tuple[Terms, str]]
    ) -> T | Failure:
        if not isinstance(result, Failure):
            self._tokens = {name: each for name, each in self._tokens.items() if tokens.get(name) != each}
            self._users = {user: each for user, each in self._users.items() if users.get(user) != each}
            self._look()
        return result

    def _look(self) -> None:
        value = self._document.value
        self.revoked, self.cutoffs = value.get("revoked", {}), value.get("cutoffs", {})
        if not self._tokens and not self._users:
            return
        self.revoked = {**self.revoked, **self._tokens}
        users = {user: cutoff(value, user, terms.now) for user, (terms, _) in self._users.items()}
        self.cutoffs = {**self.cutoffs, **users}
