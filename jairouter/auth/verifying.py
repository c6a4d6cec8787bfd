"""Finds out whether a token is what it says: signed with a key that we know, for us, and valid now.

Nothing is known here about what was revoked, or whether its user is still there: see `jairouter.auth.tokens`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from twisted.internet.defer import Deferred

from jairouter.auth import claims, jws
from jairouter.errors import Reason, Unauthenticated

if TYPE_CHECKING:
    from jairouter.auth.algorithms import Key
    from jairouter.auth.claims import Rules
    from jairouter.auth.jwks import PublishedKeys
    from jairouter.auth.jws import Jws
    from jairouter.auth.signing import Signing

ACCESS: Final = "access"
REFRESH: Final = "refresh"


class Bearer(NamedTuple):
    """What a good token says of who shows it.

    Attributes:
        user: Who it is. For a token of somebody else, its subject and its issuer: a subject is unique for its
            issuer alone (RFC 7519, section 4.1.2), and must not pass for an account of ours.
        id: The name of the token.
        family: The name of the login that it comes from; that of the token again where nothing is known of
            one.
        kind: `ACCESS` or `REFRESH`.
        own: Whether we have issued it.
        issued: Seconds since the epoch.
        expires: Likewise.
        generation: See `jairouter.auth.cutoffs`.
        permissions: What it says that it may; of our own tokens the account says so.
        published: Whether the key was a published one, which may be withdrawn.
    """

    user: str
    id: str
    family: str
    kind: str
    own: bool
    issued: float
    expires: float
    generation: int
    permissions: frozenset[str]
    published: bool


def refused(why: str, reason: Reason = Reason.UNKNOWN_TOKEN, *, ours: bool = False) -> Unauthenticated:
    """The error for a token that is not accepted."""
    return Unauthenticated(why, reason, ours=ours)


class Verifier:
    """See the module.

    Args:
        signing: The keys.
        published: Those of somebody else.
        today: Seconds since the epoch.
    """

    def __init__(self, signing: Signing, published: PublishedKeys | None, today: Callable[[], float]) -> None:
        self._signing = signing
        self._published = published
        self._today = today

    def verify(self, token: bytes) -> Bearer | Deferred[Bearer]:
        """Find out.

        Returns:
            Whose it is; a Deferred where keys are fetched first, which fails with the same errors.

        Raises:
            Unauthenticated: It is not good.
            KeysUnavailable: Nobody can say at present.
        """
        try:
            read = jws.read(token)
        except jws.Malformed:
            raise refused("the token is not valid") from None
        for key in self._candidates(read):
            if key.fits(read):
                own = key.kid in self._signing.own
                return self._bearer(read, self._signing.rules, own=own)
        elsewhere = self._signing.elsewhere
        if self._published is None or elsewhere is None or self._is_ours(read.kid):
            raise refused("the token is not valid")
        self._check_claims(read, elsewhere.rules)
        found = self._published.find(read)
        if isinstance(found, Deferred):
            return found.addCallback(lambda key: self._by_published(read, key))
        return self._by_published(read, found)

    def verify_own(self, token: bytes) -> Bearer:
        """Find out, of a token that only we can have issued.

        Raises:
            Unauthenticated: It is not good, or none of ours.
        """
        try:
            read = jws.read(token)
        except jws.Malformed:
            raise refused("the token is not valid") from None
        for key in self._candidates(read):
            if key.kid in self._signing.own and key.fits(read):
                return self._bearer(read, self._signing.rules, own=True)
        raise refused("the token is not valid")

    def _is_ours(self, kid: str) -> bool:
        return kid in self._signing.own or kid in self._signing.foreign

    def _check_claims(self, read: Jws, rules: Rules) -> None:
        """Refuse what would not be good with any key.

        Nobody is asked for keys of tokens that are meant for others, such as those of a backend beside a key
        of ours: they would have to wait, and be taken for ours meanwhile.

        Raises:
            Unauthenticated: It would not.
        """
        try:
            members = jws.parse(read.payload)
            if members.get("iss") != rules.issuer:
                raise refused("the token is not valid")  # perhaps it is one of ours, with another key
            claims.check(members, rules, self._today())
        except jws.Malformed as error:
            raise refused(f"the token is not valid: {error}") from None
        except claims.Expired:
            pass  # which is said of those only that are signed

    def _candidates(self, read: Jws) -> Iterator[Key]:
        """The keys of the configuration that may have signed it; a name decides, where there is one."""
        for keys in (self._signing.own, self._signing.foreign):
            if read.kid:
                key = keys.get(read.kid)
                if key is not None:
                    yield key
            else:
                yield from keys.values()

    def _by_published(self, read: Jws, key: Key | None) -> Bearer:
        elsewhere = self._signing.elsewhere
        if key is None or elsewhere is None or not key.fits(read):
            raise refused("the token is not valid")
        return self._bearer(read, elsewhere.rules, own=False, published=True)

    def _bearer(self, read: Jws, rules: Rules, *, own: bool, published: bool = False) -> Bearer:
        try:
            members = jws.parse(read.payload)
            said = claims.check(members, rules, self._today())
            if own:
                return _of_ours(said)
            if not claims.is_for_calling(members):
                raise jws.Malformed("the token is not meant for calling anybody")
        except jws.Malformed as error:
            # Whoever has it can read it: what is wrong with it is no secret, and is hard to find out else
            raise refused(f"the token is not valid: {error}") from None
        except claims.Expired:
            raise refused("the token has expired", Reason.EXPIRED_TOKEN) from None
        permissions = claims.permissions_in(members, self._signing.settings.roles_claim)
        return _of_others(said, read.signed, rules.issuer, permissions, published=published)


def _of_ours(said: claims.Claims) -> Bearer:
    kind, family, generation = (said.members.get(name) for name in ("typ", "fam", "gen"))
    if kind not in (ACCESS, REFRESH) or not said.id or not isinstance(family, str) or not family:
        # Others who know the secret may sign what they like, but it could not be revoked
        raise jws.Malformed("the token was not issued by a login here")
    if generation is not None and type(generation) is not int:
        raise jws.Malformed("a claim of the token is of the wrong kind")
    return Bearer(
        user=said.subject,
        id=said.id,
        family=family,
        kind=kind,
        own=True,
        issued=said.issued,
        expires=said.expires,
        generation=generation or 0,
        permissions=frozenset(),
        published=False,
    )


def _of_others(
    said: claims.Claims, signed: bytes, issuer: str, permissions: frozenset[str], *, published: bool
) -> Bearer:
    # The name that others give to a token may be one of ours. (Where it has none, the signature does not
    # count: of an ECDSA signature anybody can make another one that is good)
    unique = said.id.encode("utf-8", "replace") if said.id else signed
    name = "x-" + jws.encode(sha256(issuer.encode("utf-8", "replace") + b"\0" + unique).digest()).decode()
    return Bearer(
        user=f"{said.subject}@{issuer}",
        id=name,
        family=name,
        kind=ACCESS,
        own=False,
        issued=said.issued,
        expires=said.expires,
        generation=0,
        permissions=permissions,
        published=published,
    )
