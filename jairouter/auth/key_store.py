"""Keys that are made while the gateway runs: what becomes of them, by whom, and what may be said of them.

They are one document, which several gateways may share. What the configuration says of its own keys stays as
it is; only whether they may be used at all can be changed here, since a key that has become known must be
stopped at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import inf
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from jairouter.auditing import DENIED, Event, IAudit
from jairouter.auth.key_edits import KeyEdits
from jairouter.auth.key_import import Imported, KeyImport
from jairouter.auth.key_records import CONFIGURATION, Key, shown_terms
from jairouter.auth.key_values import KeyValues
from jairouter.auth.last_administrator import Left, keeping_one, keys_left
from jairouter.dates import DAY, date_of
from jairouter.refusals import InsufficientPermissions, NotFound

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    from jairouter.auth.acting import By
    from jairouter.auth.keys import KeyRing
    from jairouter.auth.usage import Usage
    from jairouter.config.secret import Secret
    from jairouter.store.document import Document

T = TypeVar("T")

OVERLAP: Final = float(DAY)
"""Seconds for which the old value of a key does, when it is given a new one and nobody says otherwise."""


class Made(NamedTuple):
    """What came of a change.

    Attributes:
        key: What may be said of the key now.
        value: Its new value, which nobody will be told again; None where it has none.
    """

    key: dict[str, Any]
    value: Secret | None = None


class ApiKeys:
    """See the module.

    Every change fails with a `Refusal` where it cannot be made, and then nothing has changed: `NotFound`,
    `NotPossible` for a key of the configuration, `InsufficientPermissions`, `StoreUnavailable`.

    Args:
        document: Where they are kept. Its changes reach `ring` from here, those of other gateways too.
        ring: Knows callers by them.
        today: Seconds since the epoch.
        random: Values come from it: in a gateway, `SystemRandom`.
        audit: Is told of every change, and of those that were refused for want of permissions.
        usage: How much each was used.

    Attributes:
        others_may: Who could still change keys and accounts if no key could: a user. Is called where keys are
            changed, in a thread.
    """

    def __init__(
        self,
        document: Document,
        ring: KeyRing,
        today: Callable[[], float],
        random: Random,
        audit: IAudit,
        usage: Usage | None = None,
    ) -> None:
        self._document = document
        self._ring = ring
        self._random = random
        self._audit = audit
        self._usage = usage
        self._today = today
        values = KeyValues(ring, random)
        self._edits = KeyEdits(ring, today, values)
        self._import = KeyImport(ring, self._edits, values)
        self.others_may: Callable[[], Left] = lambda: Left.FOR_GOOD
        document.call_on_change(self._changed)
        self._changed()

    def list(self) -> list[dict[str, Any]]:
        """What may be said of all keys, by name."""
        return [self._shown(self._ring.keys[name]) for name in sorted(self._ring.keys)]

    def get(self, name: str) -> dict[str, Any]:
        """What may be said of one key.

        Raises:
            NotFound: There is none of that name.
        """
        key = self._ring.keys.get(name)
        if key is None:
            raise NotFound(f"there is no key {name[:64]}")
        return self._shown(key)

    def export(self) -> Sequence[dict[str, Any]]:
        """All keys that were made, without what they are known by, to be imported elsewhere."""
        made = [key for key in self._ring.keys.values() if key.source != CONFIGURATION]
        made.sort(key=lambda key: key.name)
        # (Said even of those that do not expire: else they would, once imported)
        return [{"keyId": key.name, "expiresAt": None, **shown_terms(key.terms)} for key in made]

    def left(self, value: Mapping[str, Any]) -> Left:
        """Which keys could change keys and accounts, if this were the document; also in a thread."""
        return keys_left(self._ring, value, self._today())

    def create(self, by: By, given: Mapping[str, Any], name: str | None = None) -> Deferred[Made]:
        """Make a key.

        Args:
            by: Who does.
            given: What it is given: JSON members such as `permissions` and `expiresAt`. Without the latter,
                it expires when the configuration says; with null, never.
            name: What it is to be called; something random, where that does not matter.

        Returns:
            The key and its value. Fails with `AlreadyExists` and `InvalidRequest`, too.
        """
        name = name or f"key-{self._random.getrandbits(48):012x}"
        edit = partial(self._edits.add, by, name, given)
        return self._change(by, "CREATED", name, edit, lambda _: {"given": dict(given)}).addCallback(
            lambda value: Made(self.get(name), value)
        )

    def update(self, by: By, name: str, given: Mapping[str, Any]) -> Deferred[Made]:
        """Change what a key is given: what is named, and nothing else. Null takes back what it was given.

        Returns:
            The key. Fails with `InvalidRequest`, too.
        """
        edit = partial(self._edits.update, by, name, given)
        return self._change(by, "UPDATED", name, edit, lambda told: told).addCallback(
            lambda _: Made(self.get(name))
        )

    def enable(self, by: By, name: str) -> Deferred[Made]:
        """Let a key be used (again)."""
        return self._switch(by, name, on=True)

    def disable(self, by: By, name: str) -> Deferred[Made]:
        """Let a key not be used any more, from now on."""
        return self._switch(by, name, on=False)

    def rotate(self, by: By, name: str, overlap: float = OVERLAP) -> Deferred[Made]:
        """Give a key a new value.

        Args:
            by: Who does.
            name: Of the key.
            overlap: Seconds for which its old values do at most; with 0, they are refused at once.

        Returns:
            The key and its new value.
        """
        edit = partial(self._edits.rotate, by, name, overlap)
        return self._change(by, "ROTATED", name, edit, lambda _: {"overlapSeconds": overlap}).addCallback(
            lambda value: Made(self.get(name), value)
        )

    def delete(self, by: By, name: str) -> Deferred[None]:
        """Forget a key, and how much it was used."""
        edit = partial(self._edits.delete, by, name)
        return self._change(by, "DELETED", name, edit).addCallback(lambda _: self._forget([name]))

    def take_in(
        self, by: By, entries: Sequence[Mapping[str, Any]], *, replace: bool = False
    ) -> Deferred[Imported]:
        """Make keys as they were exported, and change those that there are: all of them, or none.

        Args:
            by: Who does.
            entries: As `export` has them. One may have a `keyValue`; else the key that there is keeps its
                own, and a new one gets a new one.
            replace: Whether other keys that were made are deleted.
        """
        edit = partial(self._import.take_in, by, entries, replace)
        changing = self._document.change(self._keeping_one(edit)).addErrback(
            self._denied, by, "CREATED", "import"
        )
        return changing.addCallback(self._taken_in, by)

    def _taken_in(self, done: Imported, by: By) -> Imported:
        for verb, names in (("CREATED", done.created), ("UPDATED", done.updated), ("DELETED", done.deleted)):
            for name in names:
                self._tell(by, verb, name, {"cause": "import"})
        self._forget(done.deleted)
        return done

    def _switch(self, by: By, name: str, *, on: bool) -> Deferred[Made]:
        edit = partial(self._edits.switch, by, name, on)
        changing = self._change(by, "ENABLED" if on else "DISABLED", name, edit)
        return changing.addCallback(lambda _: Made(self.get(name)))

    def _change(
        self,
        by: By,
        verb: str,
        name: str,
        edit: Callable[[dict[str, Any]], T],
        told: Callable[[T], Mapping[str, Any]] = lambda _: {},
    ) -> Deferred[T]:
        def changed(result: T) -> T:
            self._tell(by, verb, name, told(result))
            return result

        changing = self._document.change(self._keeping_one(edit)).addErrback(self._denied, by, verb, name)
        return changing.addCallback(changed)

    def _keeping_one(self, edit: Callable[[dict[str, Any]], T]) -> Callable[[dict[str, Any]], T]:
        return keeping_one(edit, self.left, self.others_may)

    def _denied(self, failure: Failure, by: By, verb: str, name: str) -> Failure:
        if failure.check(InsufficientPermissions):
            event = Event(f"API_KEY_{verb}", by.who, by.address, name, DENIED, verb.lower())
            reason = InsufficientPermissions.code
            self._audit.record(event._replace(reason=reason, request_id=by.request_id))
        return failure

    def _tell(self, by: By, verb: str, name: str, details: Mapping[str, Any]) -> None:
        event = Event(f"API_KEY_{verb}", by.who, by.address, name, action=verb.lower())
        self._audit.record(event._replace(request_id=by.request_id, details=details))

    def _forget(self, names: Iterable[str]) -> None:
        if self._usage is not None:
            self._usage.forget(names)

    def _changed(self) -> None:
        self._ring.made(self._document.value)

    def _shown(self, key: Key) -> dict[str, Any]:
        shown = {"keyId": key.name, "source": key.source, **shown_terms(key.terms)}
        shown |= {"enabled": key.enabled, "expired": key.expired(self._today())}
        for each in ("created", "updated", "rotated"):
            if (at := key.written.get(f"{each}At")) is not None:
                shown |= {f"{each}At": date_of(at), f"{each}By": key.written.get(f"{each}By", "")}
        shown["values"] = [
            {"hint": value.hint, **({} if value.until == inf else {"until": date_of(value.until)})}
            for value in key.values
            if value.until > self._today() and value.hint
        ]
        if self._usage is not None:
            shown["usage"] = self._usage.of(key.name)
        return shown
