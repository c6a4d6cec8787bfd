"""What is remembered about logins: the document ``tokens``, and what is done to it. Pure.

::

    {"families": {"<id>": {"user", "issued", "used", "expires", "access", "address", "refresh", "roles",
                           "account", "revoked"?}},
     "revoked":  {"<id>": {"until", "user"}},
     "cutoffs":  {"<user>": {"generation", "time", "until", "by"}}}

A family is all that came of one login: its refresh tokens, of which one is alive, and their access tokens. No
token is here, only names of them. Times are seconds since the epoch.

Bounds: a user has at most `PER_USER` families, and there are so many in all as the settings say; the oldest
one of the same user ends for a new one. Where one revoked token more would be too many, all tokens of
the user are revoked who has the most: nothing that was revoked is forgotten before it has expired, and nobody
has others logged out by revoking thousands of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from jairouter.auth.cutoffs import cutoff, generation_of, is_another
from jairouter.dates import DAY

PER_USER: Final = 100
"""Logins of one user that are alive at once."""
SLACK: Final = 300.0
"""Seconds that something is remembered for longer than it is valid: the largest leeway."""

Value = dict[str, Any]


class Terms(NamedTuple):
    """What is to be known of the time, and of bounds.

    Attributes:
        now: Seconds since the epoch.
        access: Seconds for which an access token is valid.
        refresh: Seconds for which a refresh token is.
        most: Families that there may be, and revoked tokens, and users of whom all are revoked.
    """

    now: float
    access: float
    refresh: float
    most: int


class New(NamedTuple):
    """A login, or its renewal.

    Attributes:
        user: Who logs in.
        family: The name of the login.
        refresh: The name of the new refresh token.
        address: From where.
        roles: What the tokens say of the user; None for what they said before.
        account: See `Record.standing`; empty where that is not known.
    """

    user: str
    family: str
    refresh: str
    address: str
    roles: tuple[str, ...] | None
    account: str = ""


class Opened(NamedTuple):
    """What the new tokens have to say besides.

    Attributes:
        generation: Of the user's tokens: see `cut_off`.
        roles: Of the user.
    """

    generation: int
    roles: tuple[str, ...]


class Reused(NamedTuple):
    """The refresh token that was shown is dead: somebody has used it before."""


class Revoked(NamedTuple):
    """One token, or one family, that is not to be accepted any more.

    Attributes:
        id: Its name.
        user: Whose it is.
        until: When it will have expired.
    """

    id: str
    user: str
    until: float


def open_family(value: Value, new: New, terms: Terms) -> Opened:
    """Begin a family, for a login.

    Args:
        value: The document, which is changed.
        new: The login.
        terms: See there.
    """
    prune(value, terms.now)
    _make_room(value, new.user, terms)
    roles = new.roles or ()
    _part(value, "families")[new.family] = {
        "user": new.user,
        "issued": terms.now,
        "used": terms.now,
        "expires": terms.now + terms.refresh,
        "access": terms.now + terms.access,
        "address": new.address,
        "refresh": new.refresh,
        "roles": [*roles],
        "account": new.account,
    }
    return Opened(generation_of(value, new.user), roles)


def rotate(value: Value, old: str, new: New, terms: Terms) -> Opened | Reused | None:
    """Put a new refresh token in the place of one, which is dead then.

    A token that is dead already was used by two: by its owner, and by a thief. Nobody knows who is who, so
    the family ends (RFC 9700, section 4.14.2).

    Args:
        value: The document, which is changed.
        old: The name of the token that was shown.
        new: The renewal.
        terms: See there.

    Returns:
        None, if the family is over or not known.
    """
    record = _part(value, "families").get(new.family)
    if record is None or "revoked" in record or record["user"] != new.user:
        return None
    if record["refresh"] != old:
        end_family(value, new.family, terms)
        return Reused()
    if is_another(record, new.account):
        end_family(value, new.family, terms)
        return None
    roles = tuple(record["roles"]) if new.roles is None else new.roles
    record.update(
        used=terms.now,
        expires=terms.now + terms.refresh,
        access=max(record["access"], terms.now + terms.access),
        address=new.address,
        refresh=new.refresh,
        roles=[*roles],
    )
    return Opened(generation_of(value, new.user), roles)


def end_family(value: Value, family: str, terms: Terms) -> None:
    """Accept no token of a family any more."""
    record = _part(value, "families").get(family)
    if record is not None and "revoked" not in record:
        record["revoked"] = terms.now
        _forbid(value, Revoked(family, record["user"], record["access"]), terms)


def revoke(value: Value, tokens: Iterable[Revoked], terms: Terms) -> None:
    """Accept some tokens, or families, no more.

    Args:
        value: The document, which is changed.
        tokens: Which.
        terms: See there.
    """
    prune(value, terms.now)
    for each in tokens:
        end_family(value, each.id, terms)
        _forbid(value, each, terms)


def _forbid(value: Value, token: Revoked, terms: Terms) -> None:
    revoked, until = _part(value, "revoked"), token.until + SLACK
    if until <= terms.now or token.id in revoked:
        return
    if len(revoked) >= terms.most:
        hoarder = _most_frequent(revoked)
        cut_off(value, hoarder, terms)
        if hoarder == token.user:
            return
    revoked[token.id] = {"until": until, "user": token.user}


def cut_off(value: Value, user: str, terms: Terms, by: str = "") -> None:
    """Accept no token of a user any more that was issued up to now.

    See `jairouter.auth.cutoffs`.

    Args:
        value: The document, which is changed.
        user: Whose tokens.
        terms: See there.
        by: What tells this time from all others. A second time by the same does nothing: it may be asked for
            again before it is known that it was done, and there may be a login in between.
    """
    cutoffs, families, revoked = (_part(value, name) for name in ("cutoffs", "families", "revoked"))
    before = cutoffs.get(user, {})
    if by and before.get("by") == by:
        return
    until = max(terms.now + max(terms.access, terms.refresh, _FOREIGN) + SLACK, before.get("until", 0.0))
    for record in families.values():
        if record["user"] == user:
            record.setdefault("revoked", terms.now)
            until = max(until, _end(record))  # tokens may have been valid for longer, before a reload
    for name in [name for name, each in revoked.items() if each["user"] == user]:
        until = max(until, revoked.pop(name)["until"])  # that is said by the one word now
    for name, record in families.items():
        if record["user"] == user and _is_of_the_future(record, terms):
            revoked[name] = {"until": _end(record), "user": user}
    cutoffs[user] = {**cutoff(value, user, terms.now), "until": until, "by": by}


def _is_of_the_future(record: Mapping[str, Any], terms: Terms) -> bool:
    """Whether a login has tokens of a later date: the clock was set back, and dates say nothing of them."""
    return bool(max(record["issued"], record["used"], record["access"] - terms.access) > terms.now)


_FOREIGN: Final = 30.0 * DAY
"""Seconds for which a token that somebody else has issued is valid, at most: who knows."""


def prune(value: Value, now: float) -> int:
    """Forget what has expired; how much that was."""
    gone = 0
    for part, end in (("families", _end), ("revoked", _until), ("cutoffs", _until)):
        found = _part(value, part)
        for name in [name for name, each in found.items() if end(each) <= now]:
            del found[name]
            gone += 1
    return gone


def _end(record: Mapping[str, Any]) -> float:
    end: float = max(record["expires"], record["access"]) + SLACK
    return end


def _until(record: Mapping[str, Any]) -> float:
    until: float = record["until"]
    return until


def _make_room(value: Value, user: str, terms: Terms) -> None:
    """End families for a new one, and forget them."""
    families = _part(value, "families")
    own = _oldest_first(families, user)
    gone = own[: max(0, len(own) - PER_USER + 1)]
    over = len(families) - len(gone) - terms.most + 1
    if over > 0:
        ended = [name for name, each in families.items() if "revoked" in each]
        others = own[len(gone) :] or _oldest_first(families, _most_frequent(families))
        gone += [*ended, *others][:over]
    for name in gone:
        end_family(value, name, terms)
        del families[name]


def _oldest_first(families: Mapping[str, Any], user: str) -> list[str]:
    own = [name for name, each in families.items() if each["user"] == user and "revoked" not in each]
    return sorted(own, key=lambda name: families[name]["issued"])


def _most_frequent(records: Mapping[str, Any]) -> str:
    counts: dict[str, int] = {}
    for each in records.values():
        counts[each["user"]] = counts.get(each["user"], 0) + 1
    return max(counts, key=lambda user: counts[user], default="")


def _part(value: Value, name: str) -> dict[str, Any]:
    part: dict[str, Any] = value.setdefault(name, {})
    return part
