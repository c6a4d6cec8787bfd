"""What may be done to the document of keys, and what it then says. Each is an edit of `Document.change`.

::

    {"keys": {"<name>": <see key_records>}, "overrides": {"<name>": {"enabled": false, "updatedBy": "..."}}}

Overrides are about keys of the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import inf
from typing import TYPE_CHECKING, Any, Final

from jairouter.auth.key_records import FIELDS, made_key, readable, terms_of, written_terms
from jairouter.auth.permissions import granted
from jairouter.config.naming import relaxed
from jairouter.dates import DAY
from jairouter.refusals import AlreadyExists, InvalidRequest, NotFound, NotPossible

if TYPE_CHECKING:
    from jairouter.auth.acting import By
    from jairouter.auth.key_values import KeyValues
    from jairouter.auth.keys import KeyRing
    from jairouter.config.secret import Secret
    from jairouter.config.settings.api_keys import KeyTerms

MOST_KEYS: Final = 5_000
"""All of them are held in memory, and gone through whenever one is changed."""
MOST_VALUES: Final = 4
"""Values of one key that are valid at a time."""

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a key may be called that is made; the configuration may call its own as it likes."""

_RESERVED: Final = frozenset({"export", "import"})  # in the paths of the management API, these are no names

Document = dict[str, Any]


class KeyEdits:
    """See the module.

    Args:
        ring: Knows the keys of the configuration, and what is kept of a value.
        today: Seconds since the epoch.
        values: Makes new values.
    """

    def __init__(self, ring: KeyRing, today: Callable[[], float], values: KeyValues) -> None:
        self._ring = ring
        self._today = today
        self._values = values

    def add(self, by: By, name: str, given: Mapping[str, Any], document: Document) -> Secret:
        """Make a key, and return its value.

        Raises:
            AlreadyExists: There is one of that name.
            InvalidRequest: It cannot be called so, or be given that.
            InsufficientPermissions: It would have permissions that `by` has not, or be less limited.
            NotPossible: There are too many.
        """
        if NAME.fullmatch(name) is None or name in _RESERVED:
            raise InvalidRequest(
                "keyId: expected up to 64 letters, digits, dots, '-', '_'; not export, import"
            )
        keys = part_of(document, "keys")
        if name in keys or self._ring.is_configured(name):
            raise AlreadyExists(f"there is a key {name}")
        if len(keys) >= MOST_KEYS:
            raise NotPossible(f"there are {MOST_KEYS} keys, and there may be no more")
        given = _by_member(given)
        if "expiresAt" not in given:
            given["expiresAt"] = self._usual_end(by)
        terms = self.terms(by, name, given)
        value = self._values.new()
        keys[name] = {
            "values": [self._values.kept(value)],
            "terms": written_terms(terms),
            **self.noted(by, "created"),
        }
        return value

    def update(self, by: By, name: str, given: Mapping[str, Any], document: Document) -> dict[str, Any]:
        """Change what is named, and nothing else; null takes back what the key was given.

        Returns:
            What it was given before and after that.
        """
        written = self.changeable(by, name, document)
        terms = self.terms(by, name, {**written["terms"], **_by_member(given)})
        before, after = written["terms"], written_terms(terms)
        written |= {"terms": after, **self.noted(by, "updated")}
        return {"before": before, "after": after}

    def switch(self, by: By, name: str, on: bool, document: Document) -> None:
        """Let a key be used, or not."""
        noted = self.noted(by, "updated")
        if self._ring.is_configured(name):
            terms, overrides = self._ring.keys[name].terms, part_of(document, "overrides")
            self._check_switch(by, name, terms, on)
            if on and self._ring.configured_enabled(name):
                overrides.pop(name, None)
            else:
                overrides[name] = {"enabled": on, **noted}
            return
        written = self._made(name, document)
        made = _terms_in(name, written)
        if made is not None:
            self._check_switch(by, name, made, on)
        given = {each: value for each, value in written["terms"].items() if each != "enabled"}
        written |= {"terms": given if on else {**given, "enabled": False}, **noted}

    def rotate(self, by: By, name: str, overlap: float, document: Document) -> Secret:
        """Give a key a new value, and return that; the old ones do for so many seconds more, at most."""
        written, now = self.changeable(by, name, document), self._today()
        key = made_key(name, written)
        if key.expired(now):
            raise NotPossible(f"the key {name} has expired; set expiresAt first")
        value, until = self._values.new(), now + overlap
        old = [
            {**each, "until": min(_until(each), until)}
            for each in written["values"]
            if overlap > 0 and _until(each) > now
        ]
        written |= {"values": [self._values.kept(value), *old][:MOST_VALUES], **self.noted(by, "rotated")}
        return value

    def delete(self, by: By, name: str, document: Document) -> None:
        """Forget a key."""
        terms = _terms_in(name, self._made(name, document))
        if terms is not None:
            by.check_may_take(granted(terms.permissions), _named(name))
        del document["keys"][name]

    def _usual_end(self, by: By) -> float:
        """When a key expires where whoever makes it does not say: no later than their own."""
        usual = self._today() + self._ring.settings.default_expiration_days * DAY
        own = None if by.caller is None or by.caller.terms is None else by.caller.terms.expires_at
        return usual if own is None else min(usual, own)

    @staticmethod
    def _check_switch(by: By, name: str, terms: KeyTerms, on: bool) -> None:
        if on:
            by.check_may_give(granted(terms.permissions), _named(name), terms)
        else:
            by.check_may_take(granted(terms.permissions), _named(name))

    def _made(self, name: str, document: Document) -> dict[str, Any]:
        """One that was made, as it is written.

        Raises:
            NotFound: There is none.
            NotPossible: It is one of the configuration.
        """
        if self._ring.is_configured(name):
            raise NotPossible(f"the key {name[:64]} is changed where it is configured")
        written = part_of(document, "keys").get(name)
        if not isinstance(written, dict):
            raise NotFound(f"there is no key {name[:64]}")
        return written

    def changeable(self, by: By, name: str, document: Document) -> dict[str, Any]:
        """One that was made, if it is for `by` to change.

        Whoever could change a stronger one could put a value of their own into it, and wait until it has its
        permissions back, or is limited no more.

        Raises:
            InsufficientPermissions: It may more than they do, or is less limited.
            NotFound: There is none.
            NotPossible: It is one of the configuration.
        """
        written = self._made(name, document)
        terms = _terms_in(name, written)
        if terms is not None:
            by.check_may_give(granted(terms.permissions), _named(name), terms)
        return written

    def terms(self, by: By, name: str, given: Mapping[str, Any]) -> KeyTerms:
        """What somebody gives to a key.

        Raises:
            InvalidRequest: That cannot be given.
            InsufficientPermissions: It is more than they have themselves.
        """
        terms = terms_of(name, given)
        by.check_may_give(granted(terms.permissions), _named(name), terms)
        return terms

    def noted(self, by: By, done: str) -> dict[str, Any]:
        """Who has done something, and when, as it is written."""
        return {f"{done}At": self._today(), f"{done}By": by.who}


def part_of(document: Document, name: str) -> dict[str, Any]:
    """A part of the document, which is made if it is not there.

    Raises:
        NotPossible: Somebody has damaged it.
    """
    part = document.setdefault(name, {})
    if not isinstance(part, dict):
        raise NotPossible(f"the document of keys is damaged: {name} is no object")
    return part


def _named(name: str) -> str:
    return f"the key {name[:64]}"


def _terms_in(name: str, written: Mapping[str, Any]) -> KeyTerms | None:
    key = readable(name, written)
    return None if key is None else key.terms


def _by_member(given: Mapping[str, Any]) -> dict[str, Any]:
    """The same with members as they are written here, however they were spelled."""
    members = {relaxed(each): each for each in FIELDS}
    unknown = next((each for each in given if relaxed(each) not in members), None)
    if unknown is not None:
        raise InvalidRequest(f"a key has no {unknown[:64]!r}")
    return {members[relaxed(each)]: value for each, value in given.items()}


def _until(value: Mapping[str, Any]) -> float:
    until = value.get("until")
    return inf if until is None else float(until)
