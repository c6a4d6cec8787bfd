"""Tests for `jairouter.reloading.configuration`: changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from zope.interface.verify import verifyObject

from jairouter.config.faults import Fault
from jairouter.config.loader import Loaded
from jairouter.control import Changed, Changes, IConfiguration
from jairouter.refusals import (
    InvalidConfiguration,
    NotFound,
    Refusal,
    StoreUnavailable,
    VersionConflict,
    VersionNotFound,
)
from jairouter.reloading.configuration import TRIES
from tests.reloading.workbench import TOLD, Workbench, capacity, capacity_of, to

BAD: Changes = {"model": {"services": {"chat": {"rate-limit": {"capacity": -1}}}}}


class ChangeTests(Workbench):
    """One change."""

    def test_interface(self) -> None:
        verifyObject(IConfiguration, self.configuration)

    def test_in_force(self) -> None:
        changed = self.change(capacity(5))
        self.assertEqual((changed.version, changed.changed), (1, True))
        self.assertIs(changed.loaded, self.configuration.loaded)
        self.assertEqual(self.in_force(), (1, 5))
        self.assertEqual(self.configuration.changes, capacity(5))

    def test_stored(self) -> None:
        self.change(capacity(5))
        self.change(capacity(6))
        versions = self.stored()
        self.assertEqual([each.changes for each in versions], [capacity(5), capacity(6)])
        self.assertEqual([each.entry.parent for each in versions], [0, 1])
        self.assertEqual(versions[1].entry.told, TOLD)

    def test_where_values_come_from(self) -> None:
        """They name the version that they are stored in."""
        self.change(capacity(5))
        self.change(capacity(6))
        origin = self.configuration.loaded.origins["model.services.chat.rate-limit.capacity"]
        self.assertEqual(origin.source, "version 2")

    def test_secret_of_another_product(self) -> None:
        """What such a version says in the clear is not said again, whatever is made of it."""
        instances = {"m@http://10.0.0.1:9000": {"api-key": "s3cret"}}
        secret: Changes = {"model": {"services": {"chat": {"instances": instances}}}}
        number = self.add_elsewhere(secret)
        self.add_elsewhere(capacity(5))
        for made in (
            self.configuration.change(to({**secret, "config": {"undo": {"within": "0s"}}}), TOLD),
            self.configuration.apply(number, TOLD),
        ):
            refusal = self.failureResultOf(made, InvalidConfiguration).value
            self.assertIn("api-key", refusal.message)
            self.assertNotIn("s3cret", refusal.message + str(refusal.faults))
        self.assertEqual(len(self.stored()), 2)

    def test_edits_what_is_in_force(self) -> None:
        self.change(capacity(5))
        seen: list[tuple[int, Changes]] = []

        def edit(loaded: Loaded, changes: Changes) -> Changes:
            seen.append((loaded.stored, changes))
            return capacity(6)

        self.successResultOf(self.configuration.change(edit, TOLD))
        self.assertEqual(seen, [(1, capacity(5))])

    def test_no_change(self) -> None:
        """It makes no version."""
        self.change(capacity(5))
        changed = self.change(capacity(5))
        self.assertEqual((changed.version, changed.changed), (1, False))
        self.assertEqual((len(self.stored()), len(self.swapped)), (1, 1))

    def test_one_is_not_true(self) -> None:
        """To a header they are different."""
        self.change(
            {"model": {"services": {"chat": {"instances": {"m@http://10.0.0.1:9000": {"weight": 1}}}}}}
        )
        name: Changes = {"name": 1}
        other: Changes = {"name": True}
        for patch in (name, other):
            instances: Changes = {"m@http://10.0.0.1:9000": patch}
            changed = self.change({"model": {"services": {"chat": {"instances": instances}}}})
            self.assertTrue(changed.changed)

    def test_invalid(self) -> None:
        self.change(capacity(5))
        refusal = self.failureResultOf(self.configuration.change(to(BAD), TOLD), InvalidConfiguration)
        path = "model.services.chat.rate-limit.capacity"
        self.assertEqual([fault.path for fault in refusal.value.faults], [path])
        self.assertEqual((self.in_force(), len(self.stored())), ((1, 5), 1))

    def test_a_refused_change_says_nothing_of_what_is_in_force(self) -> None:
        """Who made it knows; health and metrics are for those who have to do something."""
        self.failureResultOf(self.configuration.change(to(BAD), TOLD), InvalidConfiguration)
        self.assertTrue(self.configuration.standing.good)
        self.assertEqual(self.configuration.counts.failed, 0)

    def test_cannot_be_prepared(self) -> None:
        """As when a certificate file is missing."""
        self.faults = (Fault("no such file"),)
        refusal = self.failureResultOf(self.configuration.change(to(capacity(5)), TOLD), InvalidConfiguration)
        self.assertEqual(refusal.value.faults, self.faults)
        self.assertEqual((self.in_force(), self.stored()), ((0, None), []))

    def test_cannot_be_stored(self) -> None:
        self.store.refusal["add"] = StoreUnavailable("disk full")
        self.failureResultOf(self.configuration.change(to(capacity(5)), TOLD), StoreUnavailable)
        self.assertEqual((self.in_force(), self.swapped), ((0, None), []))

    def test_store_cannot_be_read(self) -> None:
        """Nobody knows what others have made."""
        self.store.refusal["history"] = StoreUnavailable("no such disk")
        self.failureResultOf(self.configuration.change(to(capacity(5)), TOLD), StoreUnavailable)
        self.assertEqual(self.in_force(), (0, None))

    def test_edits_in_a_thread(self) -> None:
        """An import of a thousand instances takes a while, during which everybody else would wait."""
        edited = []

        def edit(loaded: Loaded, changes: Changes) -> Changes:
            edited.append(changes)
            return changes

        asking: tuple[Callable[[], Deferred[Any]], ...] = (
            lambda: self.configuration.change(edit, TOLD),
            lambda: self.configuration.plan(edit),
        )
        for ask in asking:
            edited.clear()
            self.threads = []
            waiting = ask()
            self.assertEqual(edited, [])
            while self.threads:
                self.threads.pop(0)()
            self.assertEqual(len(edited), 1)
            self.successResultOf(waiting)

    def test_edit_refuses(self) -> None:
        def edit(loaded: Loaded, changes: Changes) -> Changes:
            raise NotFound("no such thing")

        self.failureResultOf(self.configuration.change(edit, TOLD), NotFound)
        self.assertTrue(self.configuration.idle)

    def test_half_edited_files_do_not_count(self) -> None:
        """A change is laid over the files in force."""
        self.text = "model: {services: {chat: {instanc"
        self.change(capacity(5))
        self.assertEqual(self.in_force(), (1, 5))

    def test_notices(self) -> None:
        """What waits for the next start is said each time until then."""
        port: Changes = {"server": {"port": 8081}}
        for changes in (port, {**port, **capacity(5)}):
            said = [str(each) for each in self.change(changes).notices]
            self.assertIn("server.port: 8081 takes effect at the next start", " ".join(said))

    def test_back_to_what_it_was_started_with(self) -> None:
        self.change({"server": {"port": 8081}})
        self.assertEqual(self.change({}).notices, ())

    def test_told_of(self) -> None:
        told: list[int] = []
        self.configuration.call_on_change(lambda: told.append(self.configuration.version))
        self.change(capacity(5))
        self.change(capacity(5))
        self.assertEqual(told, [1])


class TurnTests(Workbench):
    """Several changes, and clients that leave."""

    def test_one_after_the_other(self) -> None:
        """Each edits what the one before has made."""
        self.threads = []
        add: list[Deferred[Changed]] = []

        def more(loaded: Loaded, changes: Changes) -> Changes:
            return capacity((capacity_of(loaded) or 0) + 1)

        add = [self.configuration.change(more, TOLD) for _ in range(3)]
        while self.threads:
            self.threads.pop(0)()
        self.assertEqual([self.successResultOf(each).version for each in add], [1, 2, 3])
        self.assertEqual(self.in_force(), (3, 3))

    def test_a_fault_holds_up_nobody(self) -> None:
        def edit(loaded: Loaded, changes: Changes) -> Changes:
            raise ZeroDivisionError

        self.failureResultOf(self.configuration.change(edit, TOLD), ZeroDivisionError)
        self.change(capacity(5))

    def test_client_leaves_while_building(self) -> None:
        self.threads = []
        leaving = self.configuration.change(to(capacity(5)), TOLD)
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        self.threads.pop(0)()
        self.assertTrue(self.configuration.idle)
        self.assertEqual((self.in_force(), self.stored(), self.swapped), ((0, None), [], []))

    def test_client_leaves_in_the_queue(self) -> None:
        self.threads = []
        first = self.configuration.change(to(capacity(5)), TOLD)
        second = self.configuration.change(to(capacity(6)), TOLD)
        second.cancel()
        self.failureResultOf(second, CancelledError)
        while self.threads:
            self.threads.pop(0)()
        self.successResultOf(first)
        self.assertEqual((self.in_force(), len(self.stored())), ((1, 5), 1))
        self.assertTrue(self.configuration.idle)

    def test_nothing_is_done_for_who_left_the_queue(self) -> None:
        self.threads = []
        first, second = (self.configuration.reload("SIGHUP") for _ in range(2))
        second.cancel()
        self.failureResultOf(second, CancelledError)
        calls = 0
        while self.threads:
            self.threads.pop(0)()
            calls += 1
        self.successResultOf(first)
        self.assertEqual(calls, 2, "one reading and one building")

    def test_client_leaves_while_storing(self) -> None:
        """What is stored comes into force."""
        self.store.held = []
        leaving = self.configuration.change(to(capacity(5)), TOLD)
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        self.store.held.pop()()
        self.assertEqual((self.in_force(), len(self.stored())), ((1, 5), 1))
        self.assertTrue(self.configuration.idle)

    def test_client_leaves_and_storing_fails(self) -> None:
        self.store.held = []
        leaving = self.configuration.change(to(capacity(5)), TOLD)
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        self.add_elsewhere(capacity(6))
        self.store.held.pop()()
        self.assertEqual(self.store.held, [], "nobody waits for another try")
        self.assertTrue(self.configuration.idle)
        self.assertEqual(self.in_force(), (1, 6))


class ParentTests(Workbench):
    """Editors that cannot overwrite each other."""

    def test_seen(self) -> None:
        self.change(capacity(5))
        self.assertEqual(self.change(capacity(6), parent=1).version, 2)

    def test_not_seen(self) -> None:
        for number in (5, 6):
            self.change(capacity(number))
        for parent in (0, 1, 3):
            refused = self.configuration.change(to(capacity(7)), TOLD, parent)
            self.failureResultOf(refused, VersionConflict)
        self.assertEqual(self.in_force(), (2, 6))

    def test_another_process_was_faster(self) -> None:
        """Its version is in force then, and the editor has not seen it."""
        self.add_elsewhere(capacity(6))
        self.failureResultOf(self.configuration.change(to(capacity(7)), TOLD, 0), VersionConflict)
        self.assertEqual(self.in_force(), (1, 6))

    def test_another_process_was_faster_at_the_last_moment(self) -> None:
        self.store.race = [lambda: self.add_elsewhere(capacity(6))]
        self.failureResultOf(self.configuration.change(to(capacity(7)), TOLD, 0), VersionConflict)
        self.assertEqual((self.in_force(), len(self.stored())), ((0, None), 1))

    def test_made_again(self) -> None:
        """An editor that does not say what it has seen edits what is there."""
        self.store.race = [lambda: self.add_elsewhere({"server": {"port": 8081}})]
        changed = self.configuration.change(lambda _, changes: {**changes, **capacity(7)}, TOLD)
        self.assertEqual(self.successResultOf(changed).version, 2)
        self.assertEqual(self.configuration.changes, {"server": {"port": 8081}, **capacity(7)})
        self.assertEqual(self.in_force(), (2, 7))

    def test_not_for_ever(self) -> None:
        """Somebody is always faster."""

        def faster(number: int) -> None:
            self.add_elsewhere(capacity(100 + number))
            self.store.race.append(lambda: faster(number + 1))

        self.store.race = [lambda: faster(1)]
        self.failureResultOf(self.configuration.change(to(capacity(7)), TOLD), VersionConflict)
        self.assertEqual(len(self.stored()), TRIES)


class ApplyTests(Workbench):
    """Going back."""

    def test_like_an_old_one(self) -> None:
        for number in (5, 6):
            self.change(capacity(number))
        self.assertEqual(self.successResultOf(self.configuration.apply(1, TOLD)).version, 3)
        self.assertEqual(self.in_force(), (3, 5))

    def test_files_alone(self) -> None:
        self.change(capacity(5))
        self.successResultOf(self.configuration.apply(0, TOLD))
        self.assertEqual((self.in_force(), self.configuration.changes), ((2, None), {}))

    def test_the_one_in_force(self) -> None:
        self.change(capacity(5))
        self.assertFalse(self.successResultOf(self.configuration.apply(1, TOLD)).changed)

    def test_no_such(self) -> None:
        self.failureResultOf(self.configuration.apply(7, TOLD), VersionNotFound)
        self.assertTrue(self.configuration.idle)

    def test_parent(self) -> None:
        self.change(capacity(5))
        self.failureResultOf(self.configuration.apply(0, TOLD, 7), VersionConflict)


class TakingBackTests(Workbench):
    """A swap that fails, which it must not."""

    def setUp(self) -> None:
        super().setUp()
        self.change(capacity(5))
        self.broken = 1

    def flush(self) -> None:
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_nothing_half(self) -> None:
        """What was in force is again, and the newest version says so."""
        before = self.configuration.loaded
        refusal = self.failureResultOf(self.configuration.change(to(capacity(6)), TOLD), Refusal)
        self.assertEqual(refusal.value.status, 500)
        self.assertEqual(len(self.swapped), 2)
        self.assertIs(self.swapped[-1], before)
        self.assertEqual([each.changes for each in self.stored()], [capacity(5), capacity(6), capacity(5)])
        self.assertEqual(self.in_force(), (3, 5))
        self.assertFalse(self.change(capacity(5)).changed)
        self.flush()

    def test_the_disk_is_full_just_then(self) -> None:
        """The version is stored and not in force; that is said."""
        self.store.full_after = 1
        self.failureResultOf(self.configuration.change(to(capacity(6)), TOLD), Refusal)
        self.assertEqual(self.in_force(), (1, 5))
        self.assertIn("disk full", self.configuration.standing.reason)
        self.flush()

    def test_on_reload(self) -> None:
        self.text = self.text.replace("debounce: 1s", "debounce: 2s")
        before = self.configuration.loaded
        self.failureResultOf(self.configuration.reload("SIGHUP"), Refusal)
        self.assertIs(self.configuration.loaded, before)
        self.assertFalse(self.configuration.standing.good)
        self.flush()
