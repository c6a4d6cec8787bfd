"""The configuration in force, and the only one who changes it.

One change at a time goes through these steps::

     AT REST <------------------------------------------------------------+
        |                                                                 |
        | its turn has come                                               |
        v                                                                 |
     CATCHING UP   a newer version of another process comes into force    |
        |          first, if there is one                                 |
        v                                                                 |
     BUILDING      the edit; a configuration of it, in a thread; all      |
        |          that this needs -----------------------------------> refused, nothing has changed
        |                                                                 |
        |  .......... from here on, that the client leaves changes nothing|
        v                                                                 |
     STORING ---------------------------------------------------------> cannot be stored; or somebody else was
        |   |  somebody else was faster, and the editor does not mind     | faster, and the editor has said
        |   +-> CATCHING UP again, at most `TRIES` times                  | what it has seen
        v                                                                 |
     SWAPPING      in one step ---------------------------------------> in force
        |                                                                 |
        | it fails: a fault of ours                                       |
        v                                                                 |
     TAKING BACK   the tree before is in force again, and a version like -+
                   the one before is stored

A reload goes the same way without STORING, and reads the files in the place of the edit. A change is laid
over the files in force, not over those on disk, which somebody may be in the middle of editing.

The changes that an edit begins with are those of the newest intact version. That is the one in force, unless
it does not fit the files (see `beginning`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from jairouter.config.loader import Stored
from jairouter.config.patch import refuse_secrets
from jairouter.control import Changed, Draft, IConfiguration, Standing, Told, UndoRule
from jairouter.refusals import InvalidConfiguration, Refusal, StoreUnavailable, VersionConflict
from jairouter.reloading.in_force import CERTIFICATES_CHANGED, GATEWAY, STORE_CHANGED, InForce
from jairouter.reloading.newest import Mark
from jairouter.reloading.said import UNDO, named, reason_of
from jairouter.reloading.stored_now import Newest, look
from jairouter.reloading.turns import Turn, Turns
from jairouter.reloading.undoing import Undoing, Watched, counts_before

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall
    from twisted.python.failure import Failure

    from jairouter.config.files import Sources
    from jairouter.config.loader import Loaded
    from jairouter.control import Changes, Edit, Plan
    from jairouter.reloading.beginning import Beginning
    from jairouter.reloading.means import Means
    from jairouter.telemetry.configuration_metrics import ReloadCounts

TRIES: Final = 5
"""How often a change is made anew because others were faster."""

RETRY_UNDO: Final = 10.0
"""Seconds until undoing is tried again when it was refused."""


@implementer(IConfiguration)
class Configuration:
    """See the module's docstring and `IConfiguration`.

    Args:
        means: What it works with.
        beginning: What is in force from the start.

    Attributes:
        store: Where versions are kept.
        read: The files as they were read last; they are in force only if they are good.
        asking: About the version that is being made, for whoever is told that it is in force.
    """

    _log = Logger()

    def __init__(self, means: Means, beginning: Beginning) -> None:
        self.store = means.store
        self.read = beginning.loaded.sources
        self._means = means
        self._force = InForce(means, beginning)
        self._force.on_change.append(self._other_version)
        self._said = self._force.said
        self._turns = Turns()
        self._looks = Turns()  # one at a time too: each computes a while in threads, which the reactor feels
        self.asking: Told | None = None
        self._undoing: Undoing | None = None
        self._again: IDelayedCall | None = None

    @property
    def loaded(self) -> Loaded:
        """See `IConfiguration`, likewise the following ones."""
        return self._force.loaded

    @property
    def changes(self) -> Changes:
        """The stored changes in force."""
        return self._force.current.changes

    @property
    def version(self) -> int:
        """Their number."""
        return self._force.current.number

    @property
    def standing(self) -> Standing:
        """What came of the last attempt."""
        return self._said.standing

    @property
    def counts(self) -> ReloadCounts:
        """For metrics."""
        return self._said.counts

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return self._turns.idle

    def call_on_change(self, call: Callable[[], None]) -> None:
        """Have something called whenever another configuration is in force."""
        self._force.on_change.append(call)

    def close(self) -> None:
        """Watch no change any more. What is under way goes on."""
        if self._undoing is not None:
            self._undoing.stop()
        if self._again is not None and self._again.active():
            self._again.cancel()

    def change(
        self, edit: Edit, told: Told, parent: int | None = None, undo: UndoRule | None = None
    ) -> Deferred[Changed]:
        """See `IConfiguration.change`."""
        return self._turns.take(lambda turn: self._logged(told, self._change(turn, edit, told, parent, undo)))

    def apply(
        self, number: int, told: Told, parent: int | None = None, undo: UndoRule | None = None
    ) -> Deferred[Changed]:
        """See `IConfiguration.apply`."""

        async def applied(turn: Turn) -> Changed:
            changes = await self._force.making.changes_of(number)
            return await self._change(turn, lambda _loaded, _changes: changes, told, parent, undo)

        return self._turns.take(lambda turn: self._logged(told, applied(turn)))

    def reload(self, cause: str) -> Deferred[Changed]:
        """See `IConfiguration.reload`."""

        async def reloaded(turn: Turn) -> Changed:
            self.read = await self._means.run_in_thread(self._means.read)
            turn.check()
            return await self._force.bring_in(self.read, cause)

        return self._turns.take(reloaded)

    def catch_up(self) -> Deferred[Changed]:
        """Bring into force what other processes have stored; the files are not read.

        Returns:
            Fails as `reload` does.
        """
        return self._turns.take(lambda _: self._force.bring_in(self._force.sources, STORE_CHANGED))

    def renew(self) -> Deferred[Changed]:
        """Read the certificates anew that the configuration in force names; its own files are not read.

        Returns:
            Fails as `reload` does.
        """
        return self._turns.take(lambda _: self._force.bring_in(self._force.sources, CERTIFICATES_CHANGED))

    def plan(self, edit: Edit | None, number: int | None = None) -> Deferred[Plan]:
        """See `IConfiguration.plan`."""
        return self._looks.take(lambda turn: self._plan(turn, edit, number))

    def at(self, number: int) -> Deferred[Loaded]:
        """See `IConfiguration.at`."""
        return (
            succeed(self.loaded) if number == self.version else self._looks.take(lambda _: self._at(number))
        )

    async def _logged(self, told: Told, work: Coroutine[Any, Any, Changed]) -> Changed:
        """Say in the log why a change was refused, where that is of interest to others than who made it."""
        try:
            return await work
        except (InvalidConfiguration, StoreUnavailable) as refusal:
            self._said.refused(f"{told.change_type} by {told.who} is refused", reason_of(refusal))
            raise

    async def _change(
        self, turn: Turn, edit: Edit, told: Told, parent: int | None, undo: UndoRule | None
    ) -> Changed:
        for _ in range(TRIES):
            await self._force.catch_up()
            turn.check()
            if parent is not None and parent != self.version:
                raise VersionConflict(f"version {self.version} is in force, not version {parent}")
            newest, loaded = self._force.newest, self.loaded
            changes, same = await self._means.run_in_thread(_edited, edit, loaded, newest.changes)
            turn.check()
            if newest.settled and same:
                return Changed(self.version, self.loaded, False)
            refuse_secrets(changes)
            try:
                return await self._make(turn, Draft(newest.highest, changes, told), undo)
            except VersionConflict:
                if parent is not None:
                    raise
        raise VersionConflict("others change the configuration all the time; try again")

    async def _make(self, turn: Turn, draft: Draft, undo: UndoRule | None) -> Changed:
        """Make a version, and watch it if it may have to be undone."""
        before, earlier = self.changes, self._undoing
        under_watch = earlier.watched if earlier is not None and earlier.open else None
        self.asking = draft.told
        try:
            changed = await self._force.make(turn, draft)
        finally:
            self.asking = None
        number = changed.version
        self._said.good(f"version {number}", number, f"{named(number, draft.told)} is in force")
        rule = undo or _configured(changed.loaded)
        if rule.within <= 0 and under_watch is not None:
            rule = under_watch.rule
        if rule.within > 0:
            means = self._means
            if under_watch is not None:
                watched = replace(under_watch, rule=rule, version=number)
                self._log.info("{what} are watched together", what=watched)
            else:
                # No request that began under it is over yet
                watched = Watched(rule, number, number, before, counts_before(means.rate, rule))
            self._undoing = Undoing(watched, means.clock, means.rate, self._undo)
        return changed

    def _other_version(self) -> None:
        """Another configuration is in force, perhaps another version."""
        if self._undoing is not None and self._undoing.watched.version != self.version:
            self._undoing.stop(f"version {self.version} has taken its place")
            self._undoing = None

    def _undo(self, watched: Watched, reason: str) -> None:
        """Take a version back by itself, or several."""
        number, text = watched.version, f"undone {watched}: {reason}"

        async def undone(turn: Turn) -> None:
            await self._force.catch_up()
            self._said.right(UNDO)
            if self.version != number:
                self._log.info("version {number} is not in force any more, and not undone", number=number)
                return
            draft = Draft(self._force.newest.highest, watched.changes, Told(GATEWAY, "undo", text))
            changed = await self._force.make(turn, draft)
            self.counts.undone += 1
            self._said.good(text, changed.version)
            self._log.warn("{text}; version {after} is in force", text=text, after=changed.version)

        def failed(failure: Failure) -> None:
            why = failure.value
            if not isinstance(why, Refusal):
                self._log.failure("undoing version {number} failed", failure, number=number)
                return
            told = f"it is to be undone ({reason}), but {reason_of(why)}"
            self._said.wrong(UNDO, f"version {number}", told, why.faults)
            self._again = self._means.clock.callLater(RETRY_UNDO, self._undo, watched, reason)

        self._turns.take(undone).addErrback(failed)

    async def _at(self, number: int) -> Loaded:
        if number == self.version:
            return self.loaded
        return await self._force.making.at(number, self._force.sources)

    async def _plan(self, turn: Turn, edit: Edit | None, number: int | None) -> Plan:
        making, before, base = self._force.making, self.loaded, self.version
        sources: Sources = self._force.sources
        over, newest = before, self._force.newest
        if number is not None:
            newest = Newest(Mark(number), await making.changes_of(number), newest.highest)
        elif edit is None:
            sources = await self._means.run_in_thread(self._means.read)
            newest = await look(self.store, self._force.current)
        stored = newest.stored
        if edit is not None:
            if number is not None:
                over = await self._at(number)
            changes, _ = await self._means.run_in_thread(_edited, edit, over, newest.changes)
            stored = Stored(newest.highest + 1, changes)
        turn.check()
        return await making.planned(before, sources, stored, base)


def _configured(loaded: Loaded) -> UndoRule:
    undo = loaded.settings.config.undo
    return UndoRule(undo.within, undo.margin, undo.min_requests)


def _edited(edit: Edit, loaded: Loaded, changes: Changes) -> tuple[Changes, bool]:
    """What an edit makes of changes, and whether that says the same. Blocks, where there is much of it."""
    made = edit(loaded, changes)
    # To Python 1 is True, to a header it is not
    return made, json.dumps(made, sort_keys=True) == json.dumps(changes, sort_keys=True)
