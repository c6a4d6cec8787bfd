"""Changes of the configuration as events of the audit log: who, what, before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from twisted.internet.defer import Deferred, DeferredLock, ensureDeferred
from twisted.logger import Logger

from jairouter.auditing import Event
from jairouter.control import ASKED_FOR, Difference, IConfigStore, Standing
from jairouter.refusals import Refusal
from jairouter.reloading.in_force import GATEWAY

if TYPE_CHECKING:
    from jairouter.auditing import IAudit
    from jairouter.config.loader import Loaded
    from jairouter.control import Told

MOST: Final = 100
"""Differences that one event lists."""

Compare = Callable[["Loaded", "Loaded"], "Deferred[Sequence[Difference]]"]
"""Says how the second configuration differs from the first, secrets masked."""


class Changing(NamedTuple):
    """A change that has come into force.

    Attributes:
        version: The stored version in force; 0 for the files alone.
        before: The one that was.
        cause: Why it has, where no version says so: see `Standing`.
        told: About the version, if it is a new one.
    """

    version: int
    before: int
    cause: str
    told: Told | None = None


def change_event(changing: Changing, found: Sequence[Difference]) -> Event:
    """The event about a change.

    Args:
        changing: What is known about it.
        found: What is different, as `jairouter.reloading.difference` says it: without secrets.
    """
    told = changing.told
    details: dict[str, Any] = {
        "version": changing.version,
        "previousVersion": changing.before,
        "differences": [_shown(each) for each in found[:MOST]],
    }
    if len(found) > MOST:
        details["moreDifferences"] = len(found) - MOST
    if told is not None and told.description:
        details["description"] = told.description
    if changing.cause:
        details["cause"] = changing.cause
    return Event(
        "CONFIGURATION_CHANGED",
        user=told.who if told is not None else _who(changing.cause),
        resource=f"version {changing.version}" if changing.version else "files",
        action=told.change_type if told is not None else "reload",
        ip=told.address if told is not None else "",
        request_id=told.request_id if told is not None else "",
        details=details,
    )


def _shown(each: Difference) -> dict[str, Any]:
    return {"kind": each.kind, "path": each.path, "before": each.before, "after": each.after}


def _who(cause: str) -> str:
    return cause.removeprefix(ASKED_FOR).strip() if cause.startswith(ASKED_FOR) else GATEWAY


class Watched(NamedTuple):
    """What `Audited` looks at; `jairouter.reloading.configuration.Configuration` has all of it."""

    loaded: Callable[[], Loaded]
    version: Callable[[], int]
    standing: Callable[[], Standing]
    store: IConfigStore
    asking: Callable[[], Told | None] = lambda: None


class Audited:
    """Records what changes in the configuration.

    Connect it with ``configuration.call_on_change(audited.changed)``.

    Args:
        watched: What is looked at.
        compare: See `Compare`; works in a thread, so that it is over when it is known why something changed.
        audit: Where it is told.
    """

    _log = Logger()

    def __init__(self, watched: Watched, compare: Compare, audit: IAudit) -> None:
        self._watched, self._compare, self._audit = watched, compare, audit
        self._loaded, self._version = watched.loaded(), watched.version()
        self._turn = DeferredLock()  # events come in the order of the changes

    def changed(self) -> None:
        """Another configuration is in force."""
        before, after = self._loaded, self._watched.loaded()
        old, new = self._version, self._watched.version()
        self._loaded, self._version, asking = after, new, self._watched.asking()
        recording = partial(self._record, before, after, old, new, asking)
        self._turn.run(lambda: ensureDeferred(recording())).addErrback(self._failed)

    async def _record(self, before: Loaded, after: Loaded, old: int, new: int, asking: Told | None) -> None:
        found = await self._compare(before, after)
        told = await self._told(new) if new != old else None
        if told is not None and told == asking:  # and not one that undoes it
            told = asking  # which also knows from where
        if not found and told is None:
            return
        cause = "" if told is not None else self._watched.standing().cause
        self._audit.record(change_event(Changing(new, old, cause, told), found))

    async def _told(self, number: int) -> Told | None:
        if not number:
            return None
        try:
            return (await self._watched.store.read(number)).entry.told
        except Refusal:
            return None  # it was deleted meanwhile, or is damaged

    def _failed(self, failure: Any) -> None:
        self._log.failure("a change of the configuration could not be recorded", failure)


def audited(configuration: Any, compare: Compare, audit: IAudit) -> Audited:
    """Have the changes of a configuration recorded from now on.

    Args:
        configuration: `jairouter.reloading.configuration.Configuration`.
        compare: See `Compare`.
        audit: Where they are told.
    """
    watched = Watched(
        lambda: configuration.loaded,
        lambda: configuration.version,
        lambda: configuration.standing,
        configuration.store,
        lambda: configuration.asking,
    )
    made = Audited(watched, compare, audit)
    configuration.call_on_change(made.changed)
    return made
