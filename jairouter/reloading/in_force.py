"""What is in force, and the steps by which something else comes to be: `configuration` puts them in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger

from jairouter.config.faults import Fault, Notice, Origin
from jairouter.config.loader import Stored
from jairouter.config.patch import refuse
from jairouter.control import ASKED_FOR, Changed, Draft, Told
from jairouter.refusals import InvalidConfiguration, Refusal
from jairouter.reloading.making import Making
from jairouter.reloading.said import CERTIFICATES, FILES, STORE, UNDO, Said, misfit, reason_of
from jairouter.reloading.stored_now import Newest, look

if TYPE_CHECKING:
    from jairouter.config.files import Sources
    from jairouter.config.loader import Loaded
    from jairouter.control import Version
    from jairouter.reloading.beginning import Beginning
    from jairouter.reloading.means import Means, Swap
    from jairouter.reloading.turns import Turn

GATEWAY: Final = "jairouter"
"""Who makes a version that nobody has asked for."""

SIGHUP: Final = "SIGHUP"
"""The cause of a reload that somebody asks for, by a signal; see `_is_wanted`."""

STORE_CHANGED: Final = "store changed"
FILES_CHANGED: Final = "files changed"
CERTIFICATES_CHANGED: Final = "certificates changed"


class InForce:
    """The configuration in force.

    Args:
        means: What it works with.
        beginning: What is in force from the start.

    Attributes:
        loaded: The configuration.
        current: The version whose changes are in it.
        newest: The newest intact version, as it was when the store was last looked at. It is `current`, if it
            fits the files.
        said: Says what comes of it all.
        making: Makes configurations.
        on_change: Called, in this order, whenever another configuration is in force.
    """

    _log = Logger()

    def __init__(self, means: Means, beginning: Beginning) -> None:
        self.loaded = beginning.loaded
        number = beginning.mark.number
        self.current = self.newest = Newest(beginning.mark, beginning.changes, number, beginning.reason)
        self.making = Making(means, beginning.loaded.settings)
        self.said = Said(means.today)
        self.on_change: list[Callable[[], None]] = []
        self._means = means
        self.said.good("start", number)
        if beginning.reason:
            self.said.wrong(STORE, "start", beginning.reason, beginning.faults)

    @property
    def sources(self) -> Sources:
        """The files in force."""
        return self.loaded.sources

    async def catch_up(self) -> None:
        """Before a change: bring in what other processes have stored, as far as that is any good.

        Raises:
            StoreUnavailable: It cannot be read.
        """
        newest = await look(self._means.store, self.current)
        try:
            swapped = await self._take_in(self.sources, newest, STORE_CHANGED)
        except InvalidConfiguration as refusal:
            self._leave_out(newest, STORE_CHANGED, refusal)
            return
        if swapped:
            self.said.good(STORE_CHANGED, newest.number, f"{newest} is in force")

    async def bring_in(self, sources: Sources, cause: str) -> Changed:
        """Bring into force what files and store say now.

        Raises:
            InvalidConfiguration: It cannot be.
            StoreUnavailable: The store cannot be read.
        """
        before, was_good = self.loaded, self.said.standing.good
        other = sources.digest != self.sources.digest
        left_out: tuple[Notice, ...] = ()
        try:
            if cause == FILES_CHANGED:
                refuse(_emptied(self.sources, sources))
            newest = await look(self._means.store, self.current, as_it_is=_is_wanted(cause))
            try:
                swapped = await self._take_in(sources, newest, cause)
            except InvalidConfiguration as refusal:
                if newest.stays:
                    raise
                left_out = (self._leave_out(newest, cause, refusal),)
                if not other and not _is_wanted(cause):
                    raise
                newest = await self._without(newest, sources)
                swapped = True
        except InvalidConfiguration as refusal:
            if not left_out or other:
                reason = f"{reason_of(refusal)}; the one before stays in force"
                kind = CERTIFICATES if cause == CERTIFICATES_CHANGED else STORE
                self.said.wrong(FILES if other else kind, cause, reason, refusal.faults)
            raise
        except Refusal as refusal:
            self.said.wrong(STORE, cause, refusal.message)
            raise
        finally:
            if cause not in {STORE_CHANGED, CERTIFICATES_CHANGED} and sources.digest == self.sources.digest:
                self.said.right(FILES)
        news = swapped or (self.said.standing.good and not was_good)
        if news or _is_wanted(cause):
            text = f"the configuration is in force as it is now ({cause}; {newest})"
            self.said.good(cause, newest.number, text if news else "")
        changed = other or not newest.stays
        notices = self._notices(before) if swapped else ()
        return Changed(newest.number, self.loaded, changed, (*left_out, *notices))

    def _notices(self, before: Loaded) -> tuple[Notice, ...]:
        """What is to be known of what has come into force by itself, told to the log: nobody has asked."""
        notices = self.making.notices(before, self.loaded)
        for notice in notices:
            self._log.warn("{notice}", notice=notice)
        return notices

    async def make(self, turn: Turn, draft: Draft) -> Changed:
        """Make a version of a draft, and bring it into force.

        Args:
            turn: Is not looked at any more once it is being stored: whoever leaves, it comes into force.
            draft: What follows `newest`.

        Raises:
            Refusal: See `IConfiguration.change`.
        """
        before, stored = self.loaded, Stored(draft.parent + 1, draft.changes)
        loaded, swap = await self.making.made(self.sources, stored)
        turn.check()
        version = await self._means.store.add(draft)
        try:
            await self._swap(swap)
        except Refusal:
            await self._take_back(version)
            raise
        self._enforce(Newest.of(version), loaded)
        self.said.right(STORE, CERTIFICATES, UNDO)
        return Changed(version.number, loaded, True, self.making.notices(before, loaded))

    async def _take_in(self, sources: Sources, newest: Newest, cause: str) -> bool:
        """Bring files and a version into force, unless they are. Returns whether anything was swapped."""
        self.newest = newest
        if newest.reason:
            self.said.wrong(STORE, cause, newest.reason)
        swapped = not newest.stays or sources.digest != self.sources.digest or _is_wanted(cause)
        swapped = swapped or cause == CERTIFICATES_CHANGED
        if swapped:
            loaded, swap = await self.making.made(sources, newest.stored)
            await self._swap(swap)
            self._enforce(newest, loaded)
            self.said.right(CERTIFICATES)
        if not newest.reason:
            self.said.right(STORE)
        return swapped

    def _leave_out(self, newest: Newest, cause: str, refusal: InvalidConfiguration) -> Notice:
        """A version does not fit the files: say so."""
        reason = misfit(newest.number, self.current.number, refusal.faults)
        self.said.wrong(STORE, cause, reason, refusal.faults)
        return Notice(reason)

    async def _without(self, newest: Newest, sources: Sources) -> Newest:
        """Bring files into force that a new version does not fit, under the version in force, which it does.

        They are what a gateway that starts now would have, and may be what puts the new version right.

        Raises:
            InvalidConfiguration: They do not fit that either.
        """
        current = self.current
        loaded, swap = await self.making.made(sources, current.stored)
        await self._swap(swap)
        self._enforce(current, loaded)
        self.newest = newest  # of which the next change is made
        return current

    async def _swap(self, swap: Swap) -> None:
        """Bring what was prepared into force.

        Raises:
            Refusal: It failed, and what was in force before is again.
        """
        try:
            swap()
        except Exception:
            self._log.failure("a configuration could not be brought into force")
            try:
                (await self._means.prepare(self.loaded))()
            except Exception:
                self._log.failure("nor could the one before be brought back")
            raise Refusal("a fault in the gateway kept it from coming into force") from None

    def _enforce(self, newest: Newest, loaded: Loaded) -> None:
        """From now on this is in force."""
        self.loaded = loaded
        self.current = self.newest = replace(newest, stays=True)
        self.said.counts.version = newest.number
        for told in tuple(self.on_change):
            try:
                told()
            except Exception:
                self._log.failure("telling of another configuration failed")

    async def _take_back(self, version: Version) -> None:
        """A version that was stored could not be brought into force: store one like the one before."""
        what = f"version {version.number}"
        text = f"undone {what}: it could not be brought into force"
        draft = Draft(version.number, self.current.changes, Told(GATEWAY, "undo", text))
        try:
            undone = await self._means.store.add(draft)
        except Refusal as refusal:
            reason = f"it is stored, but could not be brought into force: {reason_of(refusal)}"
            self.said.wrong(STORE, what, reason)
            return
        self._log.error("{text}", text=text)
        self.said.counts.failed += 1
        self._enforce(Newest.of(undone), self.loaded)


def _emptied(before: Sources, now: Sources) -> list[Fault]:
    """Files that hold nothing any more: most likely somebody is writing them, and has only begun."""
    if now.faults:
        return []  # which are told when something is made of them
    full = {each.name for each in before.files if each.documents}
    told = "the file is empty, and was not before; SIGHUP brings that into force if it is meant"
    return [Fault(told, Origin(each.name)) for each in now.files if each.name in full and not each.documents]


def _is_wanted(cause: str) -> bool:
    """Whether somebody asks for it, and not the files or the store by having changed: then nothing is spared.

    Certificates are read again although no file of the configuration has changed, and what the store has
    counts even where that is less than is in force.
    """
    return cause == SIGHUP or cause.startswith(ASKED_FOR)
