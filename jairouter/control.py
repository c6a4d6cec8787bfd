"""The control plane: what it speaks of, what it may be asked, and how it refuses.

A configuration is made of *files* and, laid over them, the *changes* of one stored *version*. Changes are a
JSON merge patch (RFC 7396) over the tree that the files make, with canonical keys in kebab case and
placeholders as they were written::

    {"model": {"services": {"chat": {
        "rate-limit": {"capacity": 100},
        "instances": {"gpt-4@https://api.openai.com": {"weight": 3}, "old@http://10.0.0.9:8000": null}}}}}

Two things are added to the standard. Where the files have a list of instances, an object patches single ones
by their key (see `jairouter.config.instance_key`), as Kubernetes' strategic merge patch does with lists of
mappings; a list replaces them all. And an object with `"$patch": "replace"` in it, also as there, replaces
what lies below it. `null` takes away what lies below; where `null` is itself a value of a key, as in files,
it is that value.

A version holds all changes, not those since its parent, so that one file is enough to know what applies.
Versions are numbered from 1; version 0 stands for the files alone, and is never stored. The highest number is
the current one: going back makes a new version that is like an old one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from jairouter.config.faults import Fault, Notice
    from jairouter.config.loader import Loaded

ASKED_FOR: Final = "asked for by"
"""What the cause of a reload begins with when somebody asks for it; whoever it is comes behind."""

Changes = Mapping[str, Any]
"""See the module's docstring."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known about a change besides what it changes.

    Attributes:
        who: Makes it: a caller's name or address, or ``command line (user)``.
        change_type: What kind of change, in one word: ``add-instance``, ``rollback``, ``import``.
        description: Why, in the words of whoever makes it, or else what was done.
        address: The client's, for the audit log alone: it is not kept with the version.
        request_id: Of the request, likewise.
    """

    who: str
    change_type: str
    description: str = ""
    address: str = field(default="", compare=False)
    request_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """A version that is to be stored.

    Attributes:
        parent: Number of the version that it follows; 0 for the first.
        changes: All of them.
        told: About it.
    """

    parent: int
    changes: Changes
    told: Told


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history.

    Attributes:
        number: From 1.
        created_at: Seconds since the epoch; of a version of another product, that of its file.
        parent: Number of the version before; 0 for the first.
        told: About it.
        digest: SHA-256 of all that it says, in hexadecimal; empty when nobody wrote one.
        damage: Why it cannot be read, in one line, or nothing.
    """

    number: int
    created_at: float
    parent: int
    told: Told
    digest: str = ""
    damage: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """A stored version, read and found intact.

    Attributes:
        entry: What the history says of it.
        changes: All of them.
    """

    entry: Entry
    changes: Changes

    @property
    def number(self) -> int:
        """From 1."""
        return self.entry.number


@dataclass(frozen=True, slots=True)
class UndoRule:
    """When a change is taken back by itself.

    Attributes:
        within: Seconds for which the new version is watched.
        margin: By how much more of its requests fail than before, as a share: with 0.05, 2 % before and more
            than 7 % now.
        min_requests: Requests under the new version before anything is judged.
    """

    within: float
    margin: float = 0.05
    min_requests: int = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """What came of the last attempt to bring a configuration into force.

    Attributes:
        at: When, in seconds since the epoch.
        cause: Why it was made: ``start``, ``SIGHUP``, ``files changed``, ``version 7``.
        reason: Why the configuration before stays in force, or nothing.
        faults: What is wrong with the one that was refused.
    """

    at: float
    cause: str
    reason: str = ""
    faults: Sequence[Fault] = ()

    @property
    def good(self) -> bool:
        """Whether it is in force."""
        return not self.reason


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of a change.

    Attributes:
        version: Number of the version in force.
        loaded: The configuration in force.
        changed: Whether it is another one than before; a change that changes nothing makes no version.
        notices: What is to be known, such as what waits for the next start.
    """

    version: int
    loaded: Loaded
    changed: bool
    notices: Sequence[Notice] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is different between two configurations.

    Attributes:
        kind: ``added``, ``removed`` or ``changed``.
        path: The key: ``model.services.chat.instances[gpt-4@https://api.openai.com].weight``. Instances are
            named by their key, never by their position.
        before: What it was, as it may be shown; None when there was nothing.
        after: What it is, likewise.
        text: For people, in one line: ``chat: the weight of gpt-4@https://api.openai.com goes from 1 to 3``.
    """

    kind: str
    path: str
    before: Any
    after: Any
    text: str


@dataclass(frozen=True, slots=True)
class Rerouted:
    """What a change would have meant for recent requests to one model.

    Attributes:
        service: Which service.
        model: Which model.
        requests: How many recorded ones were looked at.
        elsewhere: How many of them would have gone to another instance for certain, the one that they went to
            being gone or getting nothing.
        refused: How many would have found no instance at all.
        shares: Of the requests, per instance by its label: share before, and expected share after, 0 to 1.
    """

    service: str
    model: str
    requests: int
    elsewhere: int
    refused: int
    shares: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change would do; nothing is changed.

    Attributes:
        base: Number of the version in force.
        differences: To what is in force.
        faults: Why it would be refused; empty when it would not.
        notices: What is to be known, such as what would wait for the next start.
        rerouted: Recent requests, replayed.
    """

    base: int
    differences: Sequence[Difference] = ()
    faults: Sequence[Fault] = ()
    notices: Sequence[Notice] = ()
    rerouted: Sequence[Rerouted] = ()


Edit = Callable[["Loaded", Changes], Changes]
"""Makes the changes of a new version from the configuration in force and the changes in force.

It is pure, leaves its arguments alone, and may be called again with others if somebody else was faster. It
runs in a thread.

Raises:
    Refusal: It cannot be done; nothing has changed.
"""


class IConfigStore(Interface):
    """Keeps versions: nothing that was acknowledged is ever lost, torn or overwritten.

    Several processes may use one store; each sees what the others have added when it asks.
    """

    def history() -> Deferred[tuple[Entry, ...]]:
        """All versions, the oldest first, damaged ones too.

        Returns:
            Fails with `StoreUnavailable`.
        """

    def read(number: int) -> Deferred[Version]:
        """Read one.

        Returns:
            Fails with `VersionNotFound`, `VersionDamaged` or `StoreUnavailable`.
        """

    def add(draft: Draft) -> Deferred[Version]:
        """Store a new version behind all others; once this fires, it survives a power cut.

        Returns:
            Fails with `VersionConflict` when the draft's parent is not the current version, and with
            `StoreUnavailable` when it cannot be stored (the text says why: disk full, read-only, locked by
            another process for too long); nothing is stored then.
        """

    def delete(number: int) -> Deferred[None]:
        """Delete a version that is not the current one; its number is not used again.

        Returns:
            Fails with `VersionNotFound`, `NotPossible` or `StoreUnavailable`.
        """


class IConfiguration(Interface):
    """The configuration in force, and the only one who changes it. Changes happen one after the other."""

    loaded: Loaded = Attribute("What is in force.")
    changes: Changes = Attribute("The stored changes in force.")
    version: int = Attribute("Their number; 0 when nothing is stored.")
    standing: Standing = Attribute("What came of the last attempt to bring a configuration into force.")
    store: IConfigStore = Attribute("Where versions are kept.")

    def change(
        edit: Edit, told: Told, parent: int | None = None, undo: UndoRule | None = None
    ) -> Deferred[Changed]:
        """Store a new version and bring it into force.

        It is built and checked before it is stored, and stored before it is in force.

        Args:
            edit: Makes the changes.
            told: About them.
            parent: Version that the editor has seen; None for whichever is current.
            undo: When it is to be taken back by itself; None for what is configured.

        Returns:
            Fails with `VersionConflict` (somebody else was faster), `InvalidConfiguration`,
            `StoreUnavailable`, or what `edit` raises; then nothing has changed.
        """

    def apply(
        number: int, told: Told, parent: int | None = None, undo: UndoRule | None = None
    ) -> Deferred[Changed]:
        """Make a new version like an old one, or, with 0, one without changes, and bring it into force.

        Returns:
            Fails as `change` does, and as `IConfigStore.read` does.
        """

    def reload(cause: str) -> Deferred[Changed]:
        """Read the files and the store again and bring what they say into force; no version is made.

        Returns:
            Fails with `InvalidConfiguration` or `StoreUnavailable`; then the one before stays in force,
            and `standing` says why.
        """

    def plan(edit: Edit | None, number: int | None = None) -> Deferred[Plan]:
        """Find out what a change would do.

        Args:
            edit: The change; None for what the files and the store say now.
            number: A stored version (or 0) to take the changes of, in place of those in force.
        """

    def at(number: int) -> Deferred[Loaded]:
        """What a version amounts to, laid over the files in force; 0 for the files alone.

        Returns:
            Fails as `IConfigStore.read` does, and with `InvalidConfiguration`.
        """
