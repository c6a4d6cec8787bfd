"""Who changes keys, accounts and tokens, and whom they may do that to.

Who **gives** something (makes a key or an account, changes one, enables it, or gives it a new value or
password) could use it themselves, or wait until it is stronger. So it may be no more than they may, before
and after, and no less limited than their own key is: see `jairouter.auth.bounds`.

Who only **takes away** (disables, deletes, revokes) needs no more than what the other may. How their own key
is limited does not matter: what has become known must be stopped, and nobody gains by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jairouter.auth.bounds import exceeded, first_limit
from jairouter.caller import Kind
from jairouter.refusals import InsufficientPermissions

if TYPE_CHECKING:
    from jairouter.caller import Caller
    from jairouter.config.settings.api_keys import KeyTerms


@dataclass(frozen=True, slots=True)
class By:
    """Who changes something.

    Attributes:
        who: Their name, for the record.
        address: The client's.
        request_id: Of the request.
        reason: Why, as they say.
        caller: Who that is; None where nobody has to say who they are, and for the gateway itself.
    """

    who: str = ""
    address: str = ""
    request_id: str = ""
    reason: str = ""
    caller: Caller | None = None

    @property
    def user(self) -> str | None:
        """Their own account, if they are known by a token. A key may have the name of a user."""
        caller = self.caller
        return caller.name if caller is not None and caller.kind is Kind.TOKEN else None

    def may(self, permissions: frozenset[str]) -> bool:
        """Whether they have all of these permissions themselves."""
        return self.caller is None or permissions <= self.caller.permissions

    def check_may_take(self, permissions: frozenset[str], whose: str) -> None:
        """Let nobody stop who may more than they.

        Args:
            permissions: What the other may.
            whose: Who that is, for people.

        Raises:
            InsufficientPermissions: They lack one of the permissions.
        """
        if not self.may(permissions):
            raise InsufficientPermissions(f"{whose} has permissions that you do not have yourself")

    def check_may_give(self, permissions: frozenset[str], whose: str, terms: KeyTerms | None = None) -> None:
        """Let nobody give what they do not have, nor what is less limited than their own key.

        Args:
            permissions: What the other may, or is to.
            whose: See `check_may_take`.
            terms: What a key is given; None for an account.

        Raises:
            InsufficientPermissions: It is more than they have themselves.
        """
        self.check_may_take(permissions, whose)
        own = None if self.caller is None else self.caller.terms
        limit = first_limit(own) if terms is None else exceeded(own, terms)
        if limit is not None:
            raise InsufficientPermissions(
                f"{whose} would be less limited than your own key is, of which {limit} is limited"
            )
