"""Tests for `jairouter.reloading.configuration`: what would be."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from jairouter.config.faults import Fault
from jairouter.config.loader import Loaded
from jairouter.control import Changes
from jairouter.refusals import InvalidConfiguration, NotFound, VersionNotFound
from jairouter.reloading.making import REMEMBERED
from tests.reloading.workbench import TOLD, Workbench, capacity, capacity_of, to

BAD: Changes = {"model": {"services": {"chat": {"rate-limit": {"capacity": -1}}}}}


class PlanTests(Workbench):
    """What a change would do; nothing is changed."""

    def setUp(self) -> None:
        super().setUp()
        for number in (5, 6):
            self.change(capacity(number))
        self.addCleanup(self.unchanged)

    def unchanged(self) -> None:
        self.assertEqual((self.in_force(), len(self.stored()), len(self.swapped)), ((2, 6), 2, 2))
        self.assertTrue(self.configuration.standing.good)

    def test_edit(self) -> None:
        seen: list[tuple[int, Changes]] = []

        def edit(loaded: Loaded, changes: Changes) -> Changes:
            seen.append((loaded.stored, changes))
            return {**capacity(7), "server": {"port": 8081}}

        plan = self.successResultOf(self.configuration.plan(edit))
        self.assertEqual(seen, [(2, capacity(6))])
        self.assertEqual((plan.base, plan.faults, plan.differences[0].after), (2, (), 3))
        self.assertEqual(plan.rerouted[0].requests, 1)
        self.assertIn("server.port: 8081 takes effect at the next start", str(plan.notices[-1]))

    def test_faults(self) -> None:
        """They are what was asked for, not a failure."""
        plan = self.successResultOf(self.configuration.plan(to(BAD)))
        self.assertEqual([each.path for each in plan.faults], ["model.services.chat.rate-limit.capacity"])
        self.assertEqual((plan.base, plan.differences), (2, ()))

    def test_one_after_the_other(self) -> None:
        """Each takes a tenth of a second of computing; two hundred at once would stop the gateway."""
        self.threads = []
        looks: list[Deferred[Any]] = [self.configuration.plan(to(capacity(7))), self.configuration.at(1)]
        while self.threads:
            self.assertEqual(len(self.threads), 1)
            self.threads.pop()()
        for each in looks:
            self.successResultOf(each)

    def test_refused_when_nobody_waits_any_more(self) -> None:
        """That is an answer, not a fault of ours to be logged."""

        def edit(_loaded: Loaded, _changes: Changes) -> Changes:
            raise InvalidConfiguration("wrong")

        self.threads = []
        plan = self.configuration.plan(edit)
        plan.cancel()
        self.failureResultOf(plan, CancelledError)
        while self.threads:
            self.threads.pop()()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_changes_do_not_wait_for_it(self) -> None:
        self.threads = []
        plan = self.configuration.plan(to(capacity(7)))
        change = self.configuration.change(to(capacity(6)), TOLD)
        self.assertEqual(len(self.threads), 2)
        while self.threads:
            self.threads.pop()()
        self.successResultOf(plan)
        self.assertFalse(self.successResultOf(change).changed)

    def test_certificates(self) -> None:
        self.faults = (Fault("no such file"),)
        self.assertEqual(self.successResultOf(self.configuration.plan(to(capacity(7)))).faults, self.faults)

    def test_old_version(self) -> None:
        plan = self.successResultOf(self.configuration.plan(None, 1))
        self.assertEqual((plan.differences[0].before, plan.differences[0].after), (2, 1))
        self.assertEqual(self.built[-1] and self.built[-1].changes, capacity(5))

    def test_files_alone(self) -> None:
        self.successResultOf(self.configuration.plan(None, 0))
        self.assertIsNone(self.built[-1])

    def test_edit_of_an_old_version(self) -> None:
        seen: list[tuple[int, Changes]] = []

        def edit(loaded: Loaded, changes: Changes) -> Changes:
            seen.append((loaded.stored, changes))
            return capacity(7)

        self.successResultOf(self.configuration.plan(edit, 1))
        self.assertEqual(seen, [(1, capacity(5))])

    def test_what_files_and_store_say_now(self) -> None:
        self.text = "model: {services: {chat: {instanc"
        self.assertTrue(self.successResultOf(self.configuration.plan(None)).faults)

    def test_no_such_version(self) -> None:
        self.failureResultOf(self.configuration.plan(None, 7), VersionNotFound)

    def test_edit_refuses(self) -> None:
        def edit(loaded: Loaded, changes: Changes) -> Changes:
            raise NotFound("no such thing")

        self.failureResultOf(self.configuration.plan(edit), NotFound)


class AtTests(Workbench):
    """What a version amounts to."""

    def setUp(self) -> None:
        super().setUp()
        for number in (5, 6):
            self.change(capacity(number))

    def test_in_force(self) -> None:
        self.assertIs(self.successResultOf(self.configuration.at(2)), self.configuration.loaded)

    def test_old_one(self) -> None:
        loaded = self.successResultOf(self.configuration.at(1))
        self.assertEqual((capacity_of(loaded), loaded.stored), (5, 1))

    def test_files_alone(self) -> None:
        self.assertEqual(capacity_of(self.successResultOf(self.configuration.at(0))), None)

    def test_no_such(self) -> None:
        self.failureResultOf(self.configuration.at(7), VersionNotFound)

    def test_does_not_fit(self) -> None:
        self.failureResultOf(self.configuration.at(self.add_elsewhere(BAD)), InvalidConfiguration)

    def test_remembered(self) -> None:
        built = len(self.built)
        one, other = (self.successResultOf(self.configuration.at(1)) for _ in range(2))
        self.assertIs(one, other)
        self.assertEqual(len(self.built), built + 1)

    def test_other_files(self) -> None:
        one = self.successResultOf(self.configuration.at(1))
        self.text = self.text.replace("debounce: 1s", "debounce: 2s")
        self.successResultOf(self.configuration.reload("files changed"))
        self.assertIsNot(self.successResultOf(self.configuration.at(1)), one)

    def test_not_all_are_remembered(self) -> None:
        for number in range(REMEMBERED + 1):
            self.change(capacity(10 + number))
        one = self.successResultOf(self.configuration.at(1))
        for number in range(2, 2 + REMEMBERED):
            self.successResultOf(self.configuration.at(number))
        self.assertIsNot(self.successResultOf(self.configuration.at(1)), one)
