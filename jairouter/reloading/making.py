"""Makes configurations that are not in force: of other versions, and of changes that nobody has made yet."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from jairouter.config.faults import ConfigurationFaults, Notice
from jairouter.config.loader import Stored
from jairouter.control import Plan
from jairouter.refusals import InvalidConfiguration
from jairouter.reloading.at_start import waiting
from jairouter.reloading.said import invalid

if TYPE_CHECKING:
    from jairouter.config.files import Sources
    from jairouter.config.loader import Loaded
    from jairouter.config.settings.root import Settings
    from jairouter.control import Changes
    from jairouter.reloading.means import Means, Swap

REMEMBERED: Final = 4
"""Configurations of other versions that are kept."""


class Making:
    """Makes configurations, and brings none of them into force.

    Args:
        means: What it works with.
        start: The settings that the gateway has started with.
    """

    def __init__(self, means: Means, start: Settings) -> None:
        self._means = means
        self._start = start
        self._known: OrderedDict[tuple[int, str, str], Loaded] = OrderedDict()

    async def built(self, sources: Sources, stored: Stored | None) -> Loaded:
        """Make a configuration.

        Raises:
            InvalidConfiguration: It has faults.
        """
        try:
            loaded: Loaded = await self._means.run_in_thread(self._means.build, sources, stored)
        except ConfigurationFaults as wrong:
            raise invalid(wrong) from None
        return loaded

    async def made(self, sources: Sources, stored: Stored | None) -> tuple[Loaded, Swap]:
        """Make a configuration and all that it needs.

        Returns:
            It, and what brings it into force.

        Raises:
            InvalidConfiguration: It has faults.
        """
        loaded = await self.built(sources, stored)
        try:
            return loaded, await self._means.prepare(loaded)
        except ConfigurationFaults as wrong:
            raise invalid(wrong) from None

    async def changes_of(self, number: int) -> Changes:
        """The changes of a version; of 0, none. Raises what `IConfigStore.read` fails with."""
        return (await self._means.store.read(number)).changes if number else {}

    async def at(self, number: int, sources: Sources) -> Loaded:
        """What a version amounts to over these files. Raises what `IConfiguration.at` fails with."""
        changes: Changes = {}
        digest = ""
        if number:
            version = await self._means.store.read(number)
            changes, digest = version.changes, version.entry.digest
        # Of a version without a digest nothing says that it is the one that it was
        key = (number, digest, sources.digest) if digest or not number else None
        known = self._known.pop(key, None) if key else None
        loaded = known or await self.built(sources, Stored(number, changes) if number else None)
        if key:
            self._known[key] = loaded
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return loaded

    async def planned(self, before: Loaded, sources: Sources, stored: Stored | None, base: int) -> Plan:
        """Find out what would be different if this were in force.

        Args:
            before: What is in force.
            sources: The files.
            stored: The changes.
            base: Number of the version in force.
        """
        try:
            after, _ = await self.made(sources, stored)
        except InvalidConfiguration as refusal:
            return Plan(base, faults=refusal.faults)
        differences = await self._means.run_in_thread(self._means.compare, before, after)
        rerouted = await self._means.replay(before, after)
        return Plan(base, tuple(differences), (), self.notices(before, after), tuple(rerouted))

    def notices(self, before: Loaded, after: Loaded) -> tuple[Notice, ...]:
        """What is to be known about a configuration that takes the place of another one."""
        new = [each for each in after.notices if each not in before.notices]
        return (*new, *waiting(self._start, after))
