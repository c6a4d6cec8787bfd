"""Which key is less limited than another: nobody makes one that is less limited than their own.

| limit | a key keeps to another's, if |
|---|---|
| `allowFrom` | each of its networks lies in the other's |
| `models` | each of its names and patterns fits one of the other's |
| `expiresAt` | it expires no later |
| `requestsPerMinute`, `burst`, `maxConcurrent`, `requestsPerDay` | it has one that is no greater |

Where the other has no such limit, any will do. Limits of how much hold for each key by itself. An account has
no limits at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Final

from jairouter.config.settings.api_keys import KeyTerms

Networks = Sequence[IPv4Network | IPv6Network]

_OTHER_WILD: Final = frozenset("?[")


def first_limit(own: KeyTerms | None) -> str | None:
    """A limit that somebody has; None where there is none.

    Args:
        own: What their key was given; None for who has no key.
    """
    return None if own is None else exceeded(own, KeyTerms(key_id=own.key_id))


def exceeded(own: KeyTerms | None, given: KeyTerms) -> str | None:
    """The limit of one key that another one does not keep to, as JSON calls it; None where it keeps to all.

    Args:
        own: What the one was given; None for who has no key, and so no limits.
        given: What the other is given.
    """
    if own is None:
        return None
    kept = {
        "allowFrom": _within(given.allow_from, own.allow_from),
        "models": _are_covered(given.models, own.models),
        "expiresAt": _at_most(given.expires_at, own.expires_at),
        "requestsPerMinute": _at_most(given.requests_per_minute, own.requests_per_minute),
        "burst": _at_most(_burst(given), _burst(own)),
        "maxConcurrent": _at_most(given.max_concurrent, own.max_concurrent),
        "requestsPerDay": _at_most(given.requests_per_day, own.requests_per_day),
    }
    return next((name for name, holds in kept.items() if not holds), None)


def _at_most(given: float | None, own: float | None) -> bool:
    return own is None or (given is not None and given <= own)


def _burst(terms: KeyTerms) -> int | None:
    return terms.requests_per_minute if terms.burst is None else terms.burst


def _within(given: Networks, own: Networks) -> bool:
    """Whether a caller from any of the first networks is in one of the second; none named means all."""
    if not own:
        return True
    old = [each for each in own if isinstance(each, IPv4Network)]
    new = [each for each in own if isinstance(each, IPv6Network)]
    joined: Networks = [*collapse_addresses(old), *collapse_addresses(new)]  # two halves are a whole
    return bool(given) and all(any(_lies_in(each, whole) for whole in joined) for each in given)


def _lies_in(part: IPv4Network | IPv6Network, whole: IPv4Network | IPv6Network) -> bool:
    if isinstance(part, IPv4Network):
        return isinstance(whole, IPv4Network) and part.subnet_of(whole)
    return isinstance(whole, IPv6Network) and part.subnet_of(whole)


def _are_covered(given: Sequence[str], own: Sequence[str]) -> bool:
    if not own:
        return True
    return bool(given) and all(any(_covers(wide, narrow) for wide in own) for narrow in given)


def _covers(wide: str, narrow: str) -> bool:
    """Whether all names that fit a pattern fit another one; in doubt, they do not.

    A star of `narrow` can stand for any text, and only a star of `wide` fits any text. So where `wide` has no
    other signs, it fits all that `narrow` stands for if it fits `narrow` as it is written.
    """
    if narrow == wide or set(wide) == {"*"}:
        return True
    plain = _OTHER_WILD.isdisjoint(narrow) and "*" not in narrow
    starred = _OTHER_WILD.isdisjoint(wide) and "[" not in narrow
    return (plain or starred) and re.match(translate(wide), narrow) is not None
