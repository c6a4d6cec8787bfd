"""A configuration with all that it needs: files that tests write, a store in memory, swaps that they see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from jairouter.config.faults import ConfigurationFaults, Fault
from jairouter.config.files import Sources, Text
from jairouter.config.loader import Loaded, Stored, build, read
from jairouter.control import (
    Changed,
    Changes,
    Difference,
    Draft,
    Edit,
    Entry,
    IConfigStore,
    Rerouted,
    Told,
    Version,
)
from jairouter.refusals import Refusal, StoreUnavailable, VersionDamaged
from jairouter.reloading.beginning import begin
from jairouter.reloading.configuration import Configuration
from jairouter.reloading.error_rate import ErrorRate
from jairouter.reloading.means import Means, Swap
from jairouter.store.memory import MemoryStore

FILES = """
config: {reload: {debounce: 1s}}
model: {services: {chat: {instances: [{name: m, base-url: "http://10.0.0.1:9000"}]}}}
"""
TOLD = Told("127.0.0.1", "test", "a test")
EPOCH = 1_700_000_000.0


def capacity(number: int) -> Changes:
    """Changes that are told apart by a number."""
    return {"model": {"services": {"chat": {"rate-limit": {"capacity": number}}}}}


def to(changes: Changes) -> Edit:
    """The edit that leaves nothing but these changes."""
    return lambda _loaded, _now: changes


def capacity_of(loaded: Loaded) -> int | None:
    """The number that a configuration was given."""
    limit = loaded.settings.model.services["chat"].rate_limit
    return limit.capacity if limit is not None else None


@implementer(IConfigStore)
class Store:
    """A store in memory with faults.

    Attributes:
        inner: The store itself; who uses it is another process.
        refusal: What is refused now, by name of the method, and how.
        damaged: Why versions cannot be read.
        held: If there is a list, calls of `add` wait in it.
        full_after: So many versions can still be added; None for any number.
        gone: Versions that somebody has deleted.
        race: Each is called once, before something is added.
    """

    def __init__(self, inner: MemoryStore) -> None:
        self.inner = inner
        self.refusal: dict[str, Refusal] = {}
        self.damaged: dict[int, str] = {}
        self.gone: set[int] = set()
        self.held: list[Callable[[], None]] | None = None
        self.full_after: int | None = None
        self.race: list[Callable[[], Any]] = []

    def history(self) -> Deferred[tuple[Entry, ...]]:
        def damage(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
            return tuple(
                Entry(
                    each.number,
                    each.created_at,
                    each.parent,
                    each.told,
                    each.digest,
                    self.damaged.get(each.number, ""),
                )
                for each in entries
                if each.number not in self.gone
            )

        return self._asked("history").addCallback(lambda _: self.inner.history()).addCallback(damage)

    def read(self, number: int) -> Deferred[Version]:
        if number in self.damaged:
            self.refusal["read"] = VersionDamaged(self.damaged[number])
        asked = self._asked("read")
        self.refusal.pop("read", None)
        return asked.addCallback(lambda _: self.inner.read(number))

    def add(self, draft: Draft) -> Deferred[Version]:
        race, self.race = self.race, []
        for call in race:
            call()
        if self.full_after == 0:
            self.refusal["add"] = StoreUnavailable("disk full")
        elif self.full_after is not None:
            self.full_after -= 1
        asked = self._asked("add")
        if self.held is not None:
            waiting: Deferred[None] = Deferred()
            self.held.append(lambda: waiting.callback(None))
            asked.addCallback(lambda _: waiting)
        return asked.addCallback(lambda _: self.inner.add(draft))

    def delete(self, number: int) -> Deferred[None]:
        return self.inner.delete(number)

    def _asked(self, name: str) -> Deferred[Any]:
        def ask() -> None:
            if name in self.refusal:
                raise self.refusal[name]

        return maybeDeferred(ask)


class Workbench(SynchronousTestCase):
    """A configuration, version 0 of `FILES` in force.

    Attributes:
        text: What is in the file.
        swapped: What was brought into force, in order.
        faults: If there are some, `prepare` fails with them.
        named: What was read then, besides the files.
        broken: How many swaps are going to fail.
        built: What was built, in order.
        threads: If there is a list, calls in threads wait in it.
    """

    def setUp(self) -> None:
        self.text = FILES
        self.swapped: list[Loaded] = []
        self.built: list[Stored | None] = []
        self.faults: tuple[Fault, ...] = ()
        self.named: tuple[str, ...] = ()
        self.broken = 0
        self.threads: list[Callable[[], Any]] | None = None
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.rate = ErrorRate(self.clock.seconds)
        self.store = Store(MemoryStore(self.today))
        self.configuration = self.start()
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self._close)

    def start(self) -> Configuration:
        """Start a gateway with what files and store say now."""
        beginning = begin(self.read(), self.build, _Synchronous(self.store))
        means = Means(
            self.store,
            self.read,
            self.build,
            self.prepare,
            _compare,
            _replay,
            self.run_in_thread,
            self.today,
            self.clock,
            self.rate,
        )
        return Configuration(means, beginning)

    def _close(self) -> None:
        self.configuration.close()

    def today(self) -> float:
        """Seconds since the epoch."""
        return EPOCH + self.clock.seconds()

    def read(self) -> Sources:
        """Read the file."""
        return read([Text("a.yml", self.text.encode())])

    def build(self, sources: Sources, stored: Stored | None) -> Loaded:
        """Build a configuration."""
        self.built.append(stored)
        return build(sources, {}, stored)

    def prepare(self, loaded: Loaded) -> Deferred[Swap]:
        """Make it ready."""
        if self.faults:
            return maybeDeferred(self._refuse)

        def swap() -> None:
            if self.broken:
                self.broken -= 1
                raise ZeroDivisionError("a fault of ours")
            self.swapped.append(loaded)

        return succeed(swap)

    def _refuse(self) -> Swap:
        raise ConfigurationFaults(self.faults, self.named)

    def run_in_thread(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """What would run in a thread runs at once, or when the test says so."""
        if self.threads is None:
            return maybeDeferred(function, *arguments)
        done: Deferred[Any] = Deferred()
        self.threads.append(lambda: maybeDeferred(function, *arguments).chainDeferred(done))
        return done

    def change(self, changes: Changes, **more: Any) -> Changed:
        """Change it, which must succeed."""
        changed: Changed = self.successResultOf(self.configuration.change(to(changes), TOLD, **more))
        return changed

    def add_elsewhere(self, changes: Mapping[str, Any]) -> int:
        """Another process makes a version."""
        highest = [entry.number for entry in self.successResultOf(self.store.inner.history())]
        draft = Draft(max(highest, default=0), changes, Told("10.0.0.9", "elsewhere", "somebody else"))
        return self.successResultOf(self.store.inner.add(draft)).number

    def stored(self) -> list[Version]:
        """All versions."""
        history = self.successResultOf(self.store.inner.history())
        return [self.successResultOf(self.store.inner.read(entry.number)) for entry in history]

    def in_force(self) -> tuple[int, int | None]:
        """Version and number of what is in force, which all agree on."""
        loaded = self.configuration.loaded
        if self.swapped:
            self.assertIs(self.swapped[-1], loaded)
        self.assertEqual(self.configuration.counts.version, self.configuration.version)
        return self.configuration.version, capacity_of(loaded)


class _Synchronous:
    """A store that is asked before anything runs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def history(self) -> tuple[Entry, ...]:
        history: tuple[Entry, ...] = _result(self._store.history())
        return history

    def read(self, number: int) -> Version:
        version: Version = _result(self._store.read(number))
        return version


def _compare(before: Loaded, after: Loaded) -> tuple[Difference, ...]:
    return (Difference("changed", "x", before.stored, after.stored, "x"),)


def _replay(before: Loaded, after: Loaded) -> Deferred[Sequence[Rerouted]]:
    return succeed((Rerouted("chat", "m", 1, 0, 0, {}),))


def _result(fired: Deferred[Any]) -> Any:
    results: list[Any] = []
    fired.addBoth(results.append)
    if hasattr(results[0], "raiseException"):
        results[0].raiseException()
    return results[0]
