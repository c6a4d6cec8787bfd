"""A configuration in memory that keeps its versions, and endpoints over it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from zope.interface import implementer

from jairouter.config.faults import ConfigurationFaults
from jairouter.config.loader import Loaded, Stored, build
from jairouter.control import Changed, Draft, Edit, IConfiguration, Plan, Told, UndoRule, Version
from jairouter.refusals import InvalidConfiguration, Refusal, StoreUnavailable
from jairouter.reloading.difference import differences
from jairouter.store.memory import MemoryStore
from jairouter.web.management.endpoint import Reply
from tests.web.management.in_memory import TODAY, YAML, Asking, InMemory


class BreakableStore(MemoryStore):
    """A store that can be out of order.

    Attributes:
        broken: Whether it is.
    """

    broken = False

    def history(self) -> Any:
        if self.broken:
            raise StoreUnavailable("the disk is gone")
        return super().history()


@implementer(IConfiguration)
class Versioned(InMemory):
    """Keeps what it makes, and can say what it would make.

    Attributes:
        planned: What was asked of `plan`.
        answer: What `plan` answers in place of the truth, if anything.
    """

    def __init__(self, text: str = YAML) -> None:
        super().__init__(text)
        self.store: BreakableStore = BreakableStore(lambda: TODAY)
        self.planned: list[tuple[Edit | None, int | None]] = []
        self.answer: Plan | None = None

    def change(
        self, edit: Edit, told: Told, parent: int | None = None, undo: UndoRule | None = None
    ) -> Deferred[Changed]:
        before = self.version

        def store(outcome: Changed) -> Deferred[Changed]:
            if not outcome.changed:
                return succeed(outcome)
            return self.store.add(Draft(before, self.changes, told)).addCallback(lambda _: outcome)

        return super().change(edit, told, parent, undo).addCallback(store)

    def apply(
        self, number: int, told: Told, parent: int | None = None, undo: UndoRule | None = None
    ) -> Deferred[Changed]:
        async def applied() -> Changed:
            version = await self._read(number)
            changes = version.changes if version is not None else {}
            return await self.change(lambda loaded, before: changes, told, parent, undo)

        return ensureDeferred(applied())

    def at(self, number: int) -> Deferred[Loaded]:
        async def made() -> Loaded:
            version = await self._read(number)
            return self._built(Stored(number, version.changes) if version is not None else None)

        return ensureDeferred(made())

    def plan(self, edit: Edit | None, number: int | None = None) -> Deferred[Plan]:
        self.planned.append((edit, number))
        if self.answer is not None:
            return succeed(self.answer)

        async def made() -> Plan:
            changes = self.changes
            if number is not None:
                version = await self._read(number)
                changes = version.changes if version is not None else {}
            if edit is not None:
                changes = edit(self.loaded, changes)
            after = self._built(Stored(self.version + 1, changes))
            return Plan(self.version, differences(self.loaded, after), notices=after.notices)

        return ensureDeferred(made())

    async def _read(self, number: int) -> Version | None:
        return await self.store.read(number) if number else None

    def _built(self, stored: Stored | None) -> Loaded:
        try:
            return build(self._sources, self._environ, stored)
        except ConfigurationFaults as faults:
            raise InvalidConfiguration("it has faults", faults.faults) from None


class AskingVersions(Asking):
    """Asks endpoints over a configuration that keeps its versions."""

    configuration: Versioned

    def make_parts(self) -> Any:
        self.configuration = Versioned(self.text)
        return super().make_parts()

    def ask(self, name: str, *path: Any, body: Any = None, parent: int | None = None, **query: Any) -> Reply:
        """See `Asking.ask`; numbers of versions are numbers."""
        return super().ask(name, *path, body=body, parent=parent, **query)

    def refusal(
        self, name: str, *path: Any, body: Any = None, parent: int | None = None, **query: Any
    ) -> Refusal:
        """See `Asking.refusal`; likewise."""
        return super().refusal(name, *path, body=body, parent=parent, **query)

    def weigh(self, weight: int) -> int:
        """Make a version in which the first instance has this weight. Returns its number."""
        return self.change(
            self.of_instance("gpt-4@https://api.openai.com/v1/chat/completions", weight=weight)
        )

    def of_instance(self, key: str, **members: Any) -> dict[str, Any]:
        """Changes of one instance."""
        return {"model": {"services": {"chat": {"instances": {key: members}}}}}

    def change(self, changes: Any) -> int:
        """Make a version with these changes. Returns its number."""
        told = Told("tester", "test", "a test")
        outcome = self.successResultOf(self.configuration.change(lambda loaded, before: changes, told))
        return outcome.version

    def first_weight(self) -> int:
        """The weight of the first instance, as it is in force."""
        return self.configuration.loaded.settings.model.services["chat"].instances[0].weight
