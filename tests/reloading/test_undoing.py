"""Tests for `jairouter.reloading.configuration`: changes that are taken back by themselves."""

from __future__ import annotations

from jairouter.control import Changes, UndoRule
from jairouter.refusals import StoreUnavailable
from jairouter.reloading.configuration import RETRY_UNDO
from tests.filters.inner import exchange
from tests.reloading.workbench import TOLD, Workbench, capacity

RULE = UndoRule(within=30.0, margin=0.05, min_requests=20)


class UndoingTests(Workbench):
    """Under a change, more requests fail."""

    def setUp(self) -> None:
        super().setUp()
        self.change(capacity(5))
        self.requests(98)
        self.requests(2, 500)
        self.clock.advance(1)

    def requests(self, number: int, status: int = 200, started: float | None = None) -> None:
        """So many requests are over."""
        for _ in range(number):
            what = exchange()
            what.started = self.clock.seconds() if started is None else started
            self.rate.record(what, status, 0, None)

    def pass_seconds(self, number: int) -> None:
        self.clock.pump([1.0] * number)

    def test_undone(self) -> None:
        self.change(capacity(6), undo=RULE)
        self.requests(66)
        self.requests(34, 503)
        self.pass_seconds(1)
        self.assertEqual(self.in_force(), (3, 5))
        told = self.stored()[-1].entry.told
        text = "undone version 2: 34 % of 100 requests failed, 2 % before"
        self.assertEqual((told.who, told.change_type, told.description), ("jairouter", "undo", text))
        self.assertEqual((self.configuration.standing.cause, self.configuration.standing.good), (text, True))
        self.assertEqual(self.configuration.counts.undone, 1)

    def test_again(self) -> None:
        """What was as bad a moment ago is taken back again: it is compared with what was good."""
        for number in (3, 5):
            self.change(capacity(6), undo=RULE)
            self.pass_seconds(1)
            self.requests(66)
            self.requests(34, 503)
            self.pass_seconds(2)
            self.assertEqual(self.in_force(), (number, 5))
        self.assertIn("2 % before", self.stored()[-1].entry.told.description)

    def test_good(self) -> None:
        self.change(capacity(6), undo=RULE)
        self.requests(100)
        self.pass_seconds(31)
        self.assertEqual(self.in_force(), (2, 6))
        self.requests(100, 500)
        self.pass_seconds(5)
        self.assertEqual(self.in_force(), (2, 6), "it is not watched any more")
        self.assertEqual(self.rate.watched, (0, 0))

    def test_requests_of_the_version_before(self) -> None:
        """They ended on what they began with."""
        began = self.clock.seconds() - 0.5
        self.change(capacity(6), undo=RULE)
        self.requests(100, 500, started=began)
        self.pass_seconds(2)
        self.assertEqual(self.in_force(), (2, 6))

    def test_not_asked_for(self) -> None:
        self.change(capacity(6))
        self.requests(100, 500)
        self.pass_seconds(2)
        self.assertEqual(self.in_force(), (2, 6))

    def test_configured(self) -> None:
        undo: Changes = {"config": {"undo": {"within": "30s"}}}
        self.change({**undo, **capacity(6)})
        self.requests(100, 500)
        self.pass_seconds(1)
        self.assertEqual(self.in_force(), (3, 5))

    def test_what_was_undone_is_not_watched(self) -> None:
        """Or two bad versions would take turns."""
        undo: Changes = {"config": {"undo": {"within": "30s"}}}
        self.change({**undo, **capacity(6)})
        self.change({**undo, **capacity(7)})
        self.requests(100, 500)
        self.pass_seconds(1)
        self.assertEqual(self.in_force(), (4, 5))
        self.requests(900, 500)
        self.pass_seconds(3)
        self.assertEqual(self.in_force(), (4, 5))

    def test_later_change(self) -> None:
        """Nobody can tell which of the two it is, so both are taken back."""
        self.change(capacity(6), undo=RULE)
        self.requests(10, 500)
        self.change(capacity(7))
        self.requests(100, 500)
        self.pass_seconds(2)
        self.assertEqual(self.in_force(), (4, 5))
        self.assertIn("undone versions 2 to 3: 100 % of", self.stored()[-1].entry.told.description)
        self.assertIn("2 % before", self.stored()[-1].entry.told.description)

    def test_later_change_that_mends_it(self) -> None:
        self.change(capacity(6), undo=RULE)
        self.requests(10, 500)
        self.change(capacity(5))
        self.requests(100)
        self.pass_seconds(31)
        self.assertEqual(self.in_force(), (3, 5))

    def test_later_change_of_one_that_was_judged(self) -> None:
        """That one is good, and what comes after it is not watched for its sake."""
        self.change(capacity(6), undo=RULE)
        self.requests(100)
        self.pass_seconds(31)
        self.change(capacity(7))
        self.requests(100, 500)
        self.pass_seconds(2)
        self.assertEqual(self.in_force(), (3, 7))

    def test_a_reload_of_files_keeps_watching(self) -> None:
        self.change(capacity(6), undo=RULE)
        self.text = self.text.replace("debounce: 1s", "debounce: 2s")
        self.successResultOf(self.configuration.reload("files changed"))
        self.requests(100, 500)
        self.pass_seconds(1)
        self.assertEqual(self.in_force(), (3, 5))
        self.assertEqual(self.configuration.loaded.settings.config.reload.debounce, 2.0)

    def test_another_process_was_faster(self) -> None:
        """What it has made is not ours to take back."""
        self.change(capacity(6), undo=RULE)
        self.add_elsewhere(capacity(8))
        self.requests(100, 500)
        self.pass_seconds(1)
        self.assertEqual((self.in_force(), len(self.stored())), ((3, 8), 3))
        self.assertTrue(self.configuration.standing.good)

    def test_cannot_be_undone(self) -> None:
        """It is tried again, and until then known."""
        self.change(capacity(6), undo=RULE)
        self.store.refusal["add"] = StoreUnavailable("disk full")
        self.requests(100, 500)
        self.pass_seconds(1)
        self.assertEqual(self.in_force(), (2, 6))
        self.assertIn("it is to be undone", self.configuration.standing.reason)
        self.assertIn("disk full", self.configuration.standing.reason)
        self.store.refusal.clear()
        self.pass_seconds(int(RETRY_UNDO))
        self.assertEqual((self.in_force(), self.configuration.standing.good), ((3, 5), True))

    def test_somebody_else_undoes_it_meanwhile(self) -> None:
        self.change(capacity(6), undo=RULE)
        self.store.refusal["add"] = StoreUnavailable("disk full")
        self.requests(100, 500)
        self.pass_seconds(1)
        self.store.refusal.clear()
        self.successResultOf(self.configuration.apply(1, TOLD))
        self.assertTrue(self.configuration.standing.good)
        self.pass_seconds(int(RETRY_UNDO))
        self.assertEqual((self.in_force(), len(self.stored())), ((3, 5), 3))

    def test_closed(self) -> None:
        """Nothing is left behind; the workbench looks."""
        self.change(capacity(6), undo=RULE)
        self.configuration.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_closed_while_it_cannot_be_undone(self) -> None:
        self.change(capacity(6), undo=RULE)
        self.store.refusal["add"] = StoreUnavailable("disk full")
        self.requests(100, 500)
        self.pass_seconds(1)
        self.configuration.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])
