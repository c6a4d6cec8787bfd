"""What may be done to the document of keys, and what it then says. Each is an edit of `Document.change`.

::

    {"keys": {"<name>": <see key_records>}, "overrides": {"<name>": {"enabled": false, "updatedBy": "..."}}}

Overrides are about keys of the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from math import inf
from random import Random
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jairouter.auth.key_records import FIELDS, made_key, terms_of, written_terms
from jairouter.auth.permissions import granted
from jairouter.config.naming import relaxed
from jairouter.config.secret import Secret
from jairouter.config.settings.api_keys import LONGEST, KeyTerms
from jairouter.refusals import AlreadyExists, InsufficientPermissions, InvalidRequest, NotFound, NotPossible

if TYPE_CHECKING:
    from jairouter.auth.keys import KeyRing

MOST_KEYS: Final = 5_000
"""All of them are held in memory, and gone through whenever one is changed."""
MOST_VALUES: Final = 4
"""Values of one key that are valid at a time."""
SHORTEST: Final = 16
"""Characters of the shortest value that is taken from elsewhere."""

CHANGES: Final = "security:write"
"""What it takes to change keys."""

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a key may be called that is made; the configuration may call its own as it likes."""

_RESERVED: Final = frozenset({"export", "import"})  # in the paths of the management API, these are no names
_VALUE: Final = re.compile(rf"[\x21-\x7e]{{{SHORTEST},{LONGEST}}}")
_ALPHABET: Final = ascii_letters + digits
_LENGTH: Final = 32
_HINT: Final = 4
_DAY: Final = 86_400

Document = dict[str, Any]


class By(NamedTuple):
    """Who changes something.

    Attributes:
        who: Its name.
        address: The client's.
        request_id: Of the request.
        may: Whether it has all of these permissions itself.
    """

    who: str = ""
    address: str = ""
    request_id: str = ""
    may: Callable[[frozenset[str]], bool] = lambda permissions: True


class Imported(NamedTuple):
    """What came of an import.

    Attributes:
        created: The names of new keys.
        updated: Those of keys that there were.
        deleted: Those of keys that there are no more.
        values: New values by their keys' names.
    """

    created: list[str]
    updated: list[str]
    deleted: list[str]
    values: dict[str, Secret]


class KeyEdits:
    """See the module.

    Args:
        ring: Knows the keys of the configuration, and what is kept of a value.
        today: Seconds since the epoch.
        random: Values come from it.
    """

    def __init__(self, ring: KeyRing, today: Callable[[], float], random: Random) -> None:
        self._ring = ring
        self._today = today
        self._random = random

    def add(self, by: By, name: str, given: Mapping[str, Any], document: Document) -> Secret:
        """Make a key, and return its value.

        Raises:
            AlreadyExists: There is one of that name.
            InvalidRequest: It cannot be called so, or be given that.
            InsufficientPermissions: It would have permissions that `by` has not.
            NotPossible: There are too many.
        """
        if NAME.fullmatch(name) is None or name in _RESERVED:
            raise InvalidRequest(
                "keyId: expected up to 64 letters, digits, dots, '-', '_'; not export, import"
            )
        keys = _part(document, "keys")
        if name in keys or self._ring.is_configured(name):
            raise AlreadyExists(f"there is a key {name}")
        if len(keys) >= MOST_KEYS:
            raise NotPossible(f"there are {MOST_KEYS} keys, and there may be no more")
        given = _by_member(given)
        if "expiresAt" not in given:
            given["expiresAt"] = self._today() + self._ring.settings.default_expiration_days * _DAY
        terms = self._terms(by, name, given)
        value = self._new_value()
        keys[name] = {
            "values": [self._kept(value)],
            "terms": written_terms(terms),
            **self._noted(by, "created"),
        }
        return value

    def update(self, by: By, name: str, given: Mapping[str, Any], document: Document) -> dict[str, Any]:
        """Change what is named, and nothing else; null takes back what the key was given.

        Returns:
            What it was given before and after that.
        """
        written = self._changeable(by, name, document)
        terms = self._terms(by, name, {**written["terms"], **_by_member(given)})
        before, after = written["terms"], written_terms(terms)
        written |= {"terms": after, **self._noted(by, "updated")}
        return {"before": before, "after": after}

    def switch(self, by: By, name: str, on: bool, document: Document) -> None:
        """Let a key be used, or not."""
        noted = self._noted(by, "updated")
        if self._ring.is_configured(name):
            key, overrides = self._ring.keys[name], _part(document, "overrides")
            self._check_may(by, key.terms)
            if on and self._ring.configured_enabled(name):
                overrides.pop(name, None)
            else:
                overrides[name] = {"enabled": on, **noted}
            return
        written = self._changeable(by, name, document)
        terms = {each: value for each, value in written["terms"].items() if each != "enabled"}
        written |= {"terms": terms if on else {**terms, "enabled": False}, **noted}

    def rotate(self, by: By, name: str, overlap: float, document: Document) -> Secret:
        """Give a key a new value, and return that; the old ones do for so many seconds more, at most."""
        written, now = self._changeable(by, name, document), self._today()
        key = made_key(name, written)
        if key.expired(now):
            raise NotPossible(f"the key {name} has expired; set expiresAt first")
        value, until = self._new_value(), now + overlap
        old = [
            {**each, "until": min(_until(each), until)}
            for each in written["values"]
            if overlap > 0 and _until(each) > now
        ]
        written |= {"values": [self._kept(value), *old][:MOST_VALUES], **self._noted(by, "rotated")}
        return value

    def delete(self, by: By, name: str, document: Document) -> None:
        """Forget a key."""
        self._changeable(by, name, document)
        del document["keys"][name]

    def take_in(
        self, by: By, entries: Sequence[Mapping[str, Any]], replace: bool, document: Document
    ) -> Imported:
        """Make keys as they were exported, and give those that there are what they were exported with.

        Args:
            by: Who does.
            entries: What `add` and `update` are given, with a `keyId`; perhaps with a `keyValue`.
            replace: Whether other keys are deleted.
            document: Is changed.
        """
        done = Imported([], [], [], {})
        names: set[str] = set()
        for entry in entries:
            given = dict(entry)
            name, value = str(given.pop("keyId", "")), given.pop("keyValue", None)
            if name in names:
                raise InvalidRequest(f"there are two keys {name[:64]}")
            names.add(name)
            self._take_in(by, name, given, document, done)
            if value is not None:
                self._give(name, value, document)
                done.values.pop(name, None)
        keys = _part(document, "keys")
        for name in [each for each in keys if replace and each not in names]:
            if not self._ring.is_configured(name):
                self._changeable(by, name, document)
            del keys[name]
            done.deleted.append(name)
        return done

    def can_change(self, document: Document) -> bool:
        """Whether a key could still change keys and accounts if this were the document."""
        now, overrides = self._today(), _part(document, "overrides")
        for name, key in self._ring.keys.items():
            if self._ring.is_configured(name):
                enabled = overrides.get(name, {}).get("enabled", self._ring.configured_enabled(name))
                if enabled and not key.expired(now) and CHANGES in key.permissions:
                    return True
        return any(self._made_can_change(each, document, now) for each in _part(document, "keys"))

    def _made_can_change(self, name: str, document: Document, now: float) -> bool:
        try:
            key = made_key(name, document["keys"][name])
        except Exception:  # whatever somebody has written into the file by hand; it lets nobody in
            return False
        return key.enabled and not key.expired(now) and CHANGES in key.permissions

    def _take_in(
        self, by: By, name: str, given: Mapping[str, Any], document: Document, done: Imported
    ) -> None:
        written = _part(document, "keys").get(name)
        if written is None or self._ring.is_configured(name):
            done.values[name] = self.add(by, name, given, document)
            done.created.append(name)
        else:
            written = self._changeable(by, name, document)
            written |= {"terms": written_terms(self._terms(by, name, given)), **self._noted(by, "updated")}
            done.updated.append(name)

    def _give(self, name: str, value: str, document: Document) -> None:
        """Give a key a value that comes from elsewhere."""
        if _VALUE.fullmatch(value) is None:
            raise InvalidRequest(f"the value of {name}: expected {SHORTEST} to {LONGEST} visible characters")
        kept = self._kept(Secret(value))
        others = (each for other, each in document["keys"].items() if other != name)
        taken = any(each["digest"] == kept["digest"] for other in others for each in other["values"])
        if taken or self._ring.is_configured_value(bytes.fromhex(kept["digest"])):
            raise AlreadyExists(f"the value of {name} is that of another key")
        document["keys"][name]["values"] = [kept]

    def _made(self, name: str, document: Document) -> dict[str, Any]:
        """One that was made, as it is written.

        Raises:
            NotFound: There is none.
            NotPossible: It is one of the configuration.
        """
        if self._ring.is_configured(name):
            raise NotPossible(f"the key {name[:64]} is changed where it is configured")
        written = _part(document, "keys").get(name)
        if not isinstance(written, dict):
            raise NotFound(f"there is no key {name[:64]}")
        return written

    def _changeable(self, by: By, name: str, document: Document) -> dict[str, Any]:
        """One that was made, if it is for `by` to change.

        Whoever could change a stronger one could stop it, or put a value of their own into it and wait until
        it has its permissions back.

        Raises:
            InsufficientPermissions: It may more than they do.
            NotFound: See `_made`; likewise `NotPossible`.
        """
        written = self._made(name, document)
        try:
            terms = made_key(name, written).terms
        except Exception:  # whatever somebody has written into the file by hand; it lets nobody in
            return written
        self._check_may(by, terms)
        return written

    def _terms(self, by: By, name: str, given: Mapping[str, Any]) -> KeyTerms:
        terms = terms_of(name, given)
        self._check_may(by, terms)
        return terms

    def _check_may(self, by: By, terms: KeyTerms) -> None:
        if not by.may(granted(terms.permissions)):
            raise InsufficientPermissions(
                f"the key {terms.key_id[:64]} has permissions that you do not have yourself"
            )

    def _new_value(self) -> Secret:
        return Secret("sk-" + "".join(self._random.choices(_ALPHABET, k=_LENGTH)))

    def _kept(self, value: Secret) -> dict[str, Any]:
        """What is kept of a value."""
        text = value.reveal()
        digest = self._ring.digest(sha256(text.encode("ascii")).digest())
        return {"digest": digest.hex(), "hint": text[-_HINT:], "until": None}

    def _noted(self, by: By, done: str) -> dict[str, Any]:
        return {f"{done}At": self._today(), f"{done}By": by.who}


def _part(document: Document, name: str) -> dict[str, Any]:
    part = document.setdefault(name, {})
    if not isinstance(part, dict):
        raise NotPossible(f"the document of keys is damaged: {name} is no object")
    return part


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
