"""Keys that come from elsewhere, all of them or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from jairouter.auth.key_edits import part_of
from jairouter.auth.key_records import written_terms
from jairouter.refusals import InvalidRequest

if TYPE_CHECKING:
    from jairouter.auth.acting import By
    from jairouter.auth.key_edits import KeyEdits
    from jairouter.auth.key_values import KeyValues
    from jairouter.auth.keys import KeyRing
    from jairouter.config.secret import Secret

Document = dict[str, Any]


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


class KeyImport:
    """See the module.

    Args:
        ring: Knows the keys of the configuration.
        edits: Make and change one key.
        values: Gives it a value.
    """

    def __init__(self, ring: KeyRing, edits: KeyEdits, values: KeyValues) -> None:
        self._ring = ring
        self._edits = edits
        self._values = values

    def take_in(
        self, by: By, entries: Sequence[Mapping[str, Any]], replace: bool, document: Document
    ) -> Imported:
        """Make keys as they were exported, and give those that there are what they were exported with.

        Args:
            by: Who does.
            entries: What `KeyEdits.add` and `update` are given, with a `keyId`; perhaps with a `keyValue`.
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
                self._values.give(name, value, document)
                done.values.pop(name, None)
        keys = part_of(document, "keys")
        for name in [each for each in keys if replace and each not in names]:
            if self._ring.is_configured(name):
                del keys[name]
            else:
                self._edits.delete(by, name, document)
            done.deleted.append(name)
        return done

    def _take_in(
        self, by: By, name: str, given: Mapping[str, Any], document: Document, done: Imported
    ) -> None:
        written = part_of(document, "keys").get(name)
        if written is None or self._ring.is_configured(name):
            done.values[name] = self._edits.add(by, name, given, document)
            done.created.append(name)
        else:
            written = self._edits.changeable(by, name, document)
            terms = written_terms(self._edits.terms(by, name, given))
            written |= {"terms": terms, **self._edits.noted(by, "updated")}
            done.updated.append(name)
