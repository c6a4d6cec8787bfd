"""Tests for `jairouter.reloading.configuration`: reloads, and what other processes store."""

from __future__ import annotations

from twisted.logger import LogLevel, capturedLogs, formatEvent

from jairouter.config.faults import Fault
from jairouter.control import ASKED_FOR, Changes
from jairouter.refusals import InvalidConfiguration, StoreUnavailable, VersionDamaged
from jairouter.reloading.in_force import SIGHUP
from tests.reloading.workbench import EPOCH, FILES, TOLD, Workbench, capacity, to

ASKED = f"{ASKED_FOR} 127.0.0.1"
BROKEN = "model: {services: {chat: {instanc"
UNFIT: Changes = {"server": {"proxy-protocol": "required"}}
"""Changes that the files are not fit for: they trust no proxy."""


class Reloading(Workbench):
    """What all tests of this module need."""

    def other_files(self, debounce: int = 2) -> None:
        """Somebody writes the file."""
        self.text = self.text.replace("debounce: 1s", f"debounce: {debounce}s")

    @property
    def debounce(self) -> float:
        """What the files say that is in force."""
        return self.configuration.loaded.settings.config.reload.debounce


class ReloadTests(Reloading):
    """Files that have changed."""

    def test_in_force(self) -> None:
        self.change(capacity(5))
        self.other_files()
        changed = self.successResultOf(self.configuration.reload("files changed"))
        self.assertEqual((changed.version, changed.changed), (1, True))
        self.assertEqual((self.in_force(), self.debounce), ((1, 5), 2.0))
        self.assertEqual(len(self.stored()), 1)

    def test_nothing_has_changed(self) -> None:
        changed = self.successResultOf(self.configuration.reload("files changed"))
        self.assertEqual((changed.changed, self.swapped, len(self.built)), (False, [], 1))

    def test_sighup(self) -> None:
        """Certificates are read again, which nothing else shows."""
        changed = self.successResultOf(self.configuration.reload(SIGHUP))
        self.assertEqual((changed.changed, len(self.swapped)), (False, 1))

    def test_asked_for(self) -> None:
        """The management API does the same: it can be asked by who cannot send signals."""
        changed = self.successResultOf(self.configuration.reload(ASKED))
        self.assertEqual((changed.changed, len(self.swapped)), (False, 1))

    def test_refused(self) -> None:
        self.change(capacity(5))
        self.text = BROKEN
        self.failureResultOf(self.configuration.reload("files changed"), InvalidConfiguration)
        standing = self.configuration.standing
        self.assertEqual((self.in_force(), len(self.swapped)), ((1, 5), 1))
        self.assertEqual((standing.cause, standing.at), ("files changed", EPOCH + 1000.0))
        self.assertNotIn("\n", standing.reason)
        self.assertIn("a.yml:1", str(standing.faults[0]))

    def logged(self, text: str) -> list[str]:
        """What a reload with this file, which must be refused, writes to the log."""
        self.text = text
        with capturedLogs() as events:
            self.failureResultOf(self.configuration.reload("files changed"), InvalidConfiguration)
        return [formatEvent(event) for event in events if event["log_level"] is LogLevel.warn]

    def test_emptied(self) -> None:
        """An editor that truncates a file, and writes later, takes no service away in between."""
        for emptied in ("", "# to be written"):
            self.text = emptied
            refusal = self.failureResultOf(self.configuration.reload("files changed")).value
            self.assertIsInstance(refusal, InvalidConfiguration)
            self.assertIn("the file is empty, and was not before", str(refusal))
            self.assertFalse(self.configuration.standing.good)
            self.assertTrue(self.configuration.loaded.settings.model.services)
        self.successResultOf(self.configuration.reload("SIGHUP"))
        self.assertFalse(self.configuration.loaded.settings.model.services, "it was meant")

    def test_refused_in_the_log(self) -> None:
        """One line says it."""
        (line,) = self.logged(BROKEN)
        self.assertTrue(line.startswith("files changed: the configuration has 1 fault: a.yml:1: "), line)
        self.assertTrue(line.endswith("; the one before stays in force"), line)

    def test_several_faults_in_the_log(self) -> None:
        """Then one line for each."""
        lines = self.logged("server: {port: -1, colour: red}")
        self.assertIn("2 faults", lines[0])
        self.assertEqual([line.split(":")[0] for line in lines], ["files changed", "a.yml", "a.yml"])

    def test_success_in_the_log(self) -> None:
        with capturedLogs() as events:
            self.change(capacity(5))
        self.assertEqual(
            [formatEvent(each) for each in events], ["version 1 (a test, by 127.0.0.1) is in force"]
        )

    def test_said_once(self) -> None:
        self.text = BROKEN
        self.failureResultOf(self.configuration.reload("files changed"), InvalidConfiguration)
        self.assertEqual(self.configuration.counts.failed, 1)
        self.failureResultOf(self.configuration.reload("files changed"), InvalidConfiguration)
        self.assertEqual(self.configuration.counts.failed, 1, "nothing new")

    def test_as_it_was(self) -> None:
        """The fault was taken back: what is in force needs no swap, but it is said."""
        text = self.text
        self.text = BROKEN
        self.failureResultOf(self.configuration.reload("files changed"), InvalidConfiguration)
        self.text = text
        self.assertFalse(self.successResultOf(self.configuration.reload("files changed")).changed)
        self.assertTrue(self.configuration.standing.good)

    def test_a_change_does_not_put_files_right(self) -> None:
        self.text = BROKEN
        self.failureResultOf(self.configuration.reload("files changed"), InvalidConfiguration)
        self.change(capacity(5))
        self.assertEqual(self.in_force(), (1, 5))
        self.assertEqual(self.configuration.standing.cause, "files changed")
        self.assertFalse(self.configuration.counts.good)

    def test_certificates(self) -> None:
        self.faults = (Fault("no such file"),)
        self.failureResultOf(self.configuration.reload(SIGHUP), InvalidConfiguration)
        self.assertEqual(self.configuration.standing.faults, self.faults)
        self.faults = ()
        self.successResultOf(self.configuration.reload(SIGHUP))
        self.assertTrue(self.configuration.standing.good)

    def test_store_cannot_be_read(self) -> None:
        self.store.refusal["history"] = StoreUnavailable("no such disk")
        self.other_files()
        self.failureResultOf(self.configuration.reload("files changed"), StoreUnavailable)
        self.assertEqual(self.debounce, 1.0)
        self.assertEqual(self.configuration.standing.reason, "no such disk")
        self.store.refusal.clear()
        self.successResultOf(self.configuration.reload("files changed"))
        self.assertEqual((self.debounce, self.configuration.standing.reason), (2.0, ""))

    def test_what_was_read_last(self) -> None:
        """What has to be watched, also where it is not in force."""
        self.text = BROKEN
        self.failureResultOf(self.configuration.reload("files changed"), InvalidConfiguration)
        self.assertNotEqual(self.configuration.read.digest, self.configuration.loaded.sources.digest)

    def test_counted(self) -> None:
        self.assertEqual(self.configuration.counts.succeeded, 1)
        self.clock.advance(5)
        self.successResultOf(self.configuration.reload(SIGHUP))
        self.assertEqual(self.configuration.counts.succeeded, 2)
        self.assertEqual(self.configuration.counts.last_success, EPOCH + 1005.0)


class CatchingUpTests(Reloading):
    """Versions of other processes."""

    def test_in_force(self) -> None:
        self.add_elsewhere(capacity(5))
        changed = self.successResultOf(self.configuration.catch_up())
        self.assertEqual((changed.version, changed.changed, self.in_force()), (1, True, (1, 5)))

    def test_files_are_not_read(self) -> None:
        self.other_files()
        self.add_elsewhere(capacity(5))
        self.successResultOf(self.configuration.catch_up())
        self.assertEqual(self.debounce, 1.0)

    def test_nothing_new(self) -> None:
        """As after a change of our own, of which the system tells as of any other."""
        self.change(capacity(5))
        before = (self.configuration.standing, self.configuration.counts.succeeded)
        self.assertFalse(self.successResultOf(self.configuration.catch_up()).changed)
        self.assertEqual((self.configuration.standing, self.configuration.counts.succeeded), before)

    def test_before_a_change(self) -> None:
        self.add_elsewhere({"server": {"port": 8081}})
        changed = self.configuration.change(lambda _, changes: {**changes, **capacity(7)}, TOLD)
        self.assertEqual(self.successResultOf(changed).version, 2)
        self.assertEqual(self.stored()[-1].changes, {"server": {"port": 8081}, **capacity(7)})

    def test_does_not_fit(self) -> None:
        """As when the other process has other files."""
        self.change(capacity(5))
        self.add_elsewhere(UNFIT)
        self.failureResultOf(self.configuration.catch_up(), InvalidConfiguration)
        self.assertEqual(self.in_force(), (1, 5))
        self.assertTrue(self.configuration.standing.faults)

    def test_change_on_top_of_what_does_not_fit(self) -> None:
        """It begins with all that is stored, or somebody's work would be lost without a word."""
        self.add_elsewhere(UNFIT)
        refused = self.configuration.change(lambda _, changes: {**changes, **capacity(5)}, TOLD)
        self.failureResultOf(refused, InvalidConfiguration)
        self.assertEqual((self.in_force(), len(self.stored())), ((0, None), 1))

    def test_put_right_by_a_change(self) -> None:
        self.add_elsewhere(UNFIT)
        self.failureResultOf(self.configuration.catch_up(), InvalidConfiguration)
        self.successResultOf(self.configuration.apply(0, TOLD))
        self.assertEqual((self.in_force(), self.configuration.standing.good), ((2, None), True))

    def test_put_right_by_files(self) -> None:
        self.add_elsewhere(UNFIT)
        self.failureResultOf(self.configuration.catch_up(), InvalidConfiguration)
        self.text += "server: {forward-headers: {trusted-proxies: 10.0.0.1}}"
        self.successResultOf(self.configuration.reload("files changed"))
        self.assertEqual(self.configuration.version, 1)
        self.assertTrue(self.configuration.standing.good)

    def test_same_number(self) -> None:
        """Somebody has put another directory in the place of this one."""
        self.change(capacity(5))
        self.store.inner = type(self.store.inner)(self.today)
        self.add_elsewhere(capacity(9))
        self.successResultOf(self.configuration.catch_up())
        self.assertEqual(self.in_force(), (1, 9))


class DamageTests(Reloading):
    """Stores that have lost something."""

    def setUp(self) -> None:
        super().setUp()
        for number in (5, 6):
            self.change(capacity(number))

    def test_in_force_and_damaged(self) -> None:
        """It was intact when it was read, and stays."""
        self.store.damaged[2] = "the checksum is wrong"
        self.successResultOf(self.configuration.reload("files changed"))
        self.assertEqual(self.in_force(), (2, 6))
        self.assertIn("version 2 is damaged: the checksum is wrong", self.configuration.standing.reason)

    def test_repaired_by_a_change_that_changes_nothing(self) -> None:
        self.store.damaged[2] = "the checksum is wrong"
        self.assertEqual(self.change(capacity(6)).version, 3)
        self.assertTrue(self.configuration.standing.good)
        self.assertEqual(self.in_force(), (3, 6))

    def test_newer_and_damaged(self) -> None:
        self.add_elsewhere(capacity(7))
        self.store.damaged[3] = "it is empty"
        self.successResultOf(self.configuration.catch_up())
        self.assertEqual(self.in_force(), (2, 6))
        self.assertFalse(self.configuration.standing.good)
        self.assertEqual(self.change(capacity(8)).version, 4)
        self.assertTrue(self.configuration.standing.good)

    def test_found_damaged_when_it_is_read(self) -> None:
        """The history has not noticed yet."""
        self.add_elsewhere(capacity(7))
        self.store.refusal["read"] = VersionDamaged("it is empty")
        self.successResultOf(self.configuration.catch_up())
        self.assertEqual(self.in_force(), (2, 6))
        self.assertFalse(self.configuration.standing.good)

    def test_lost(self) -> None:
        """What is in force is not dropped because a disk is."""
        self.store.gone = {2}
        for asked in (self.configuration.catch_up(), self.configuration.reload("files changed")):
            self.successResultOf(asked)
            self.assertEqual(self.in_force(), (2, 6))
            self.assertIn("not in the store any more", self.configuration.standing.reason)

    def test_an_old_state_was_restored(self) -> None:
        """Whoever asks for it gets it."""
        self.store.gone = {2}
        self.assertTrue(self.successResultOf(self.configuration.reload(SIGHUP)).changed)
        self.assertEqual((self.in_force(), self.configuration.standing.good), ((1, 5), True))

    def test_an_old_state_was_restored_and_the_management_api_is_told(self) -> None:
        self.store.gone = {2}
        self.assertTrue(self.successResultOf(self.configuration.reload(ASKED)).changed)
        self.assertEqual((self.in_force(), self.configuration.standing.good), ((1, 5), True))

    def test_an_empty_store_was_restored(self) -> None:
        self.store.gone = {1, 2}
        self.successResultOf(self.configuration.reload(SIGHUP))
        self.assertEqual((self.in_force(), self.configuration.changes), ((0, None), {}))


class StartTests(Reloading):
    """What a gateway starts with."""

    def restart(self) -> None:
        """Start another one with the same store."""
        self.configuration.close()
        self.swapped = []
        self.configuration = self.start()

    def test_newest(self) -> None:
        for number in (5, 6):
            self.change(capacity(number))
        self.restart()
        self.assertEqual((self.in_force(), self.configuration.changes), ((2, 6), capacity(6)))
        self.assertTrue(self.configuration.standing.good)

    def test_three_restarts_add_no_version(self) -> None:
        self.change(capacity(5))
        for _ in range(3):
            self.restart()
            self.successResultOf(self.configuration.reload("files changed"))
        self.assertEqual((self.in_force(), len(self.stored())), ((1, 5), 1))

    def test_damaged(self) -> None:
        for number in (5, 6):
            self.change(capacity(number))
        self.store.damaged[2] = "it is empty"
        self.restart()
        self.assertEqual(self.in_force(), (1, 5))
        self.assertIn("version 2 is damaged", self.configuration.standing.reason)
        self.assertEqual(self.change(capacity(5)).version, 3)
        self.assertTrue(self.configuration.standing.good)

    def test_damaged_when_it_is_read(self) -> None:
        for number in (5, 6):
            self.change(capacity(number))
        self.store.refusal["read"] = VersionDamaged("it is empty")
        self.restart()
        self.assertEqual(self.in_force(), (1, 5))

    def test_none_is_intact(self) -> None:
        self.change(capacity(5))
        self.store.damaged[1] = "it is empty"
        self.restart()
        self.assertEqual(self.in_force(), (0, None))
        self.assertIn("the files alone", self.configuration.standing.reason)

    def test_does_not_fit(self) -> None:
        """The files have changed since: the gateway starts, and says what it leaves out."""
        self.add_elsewhere(UNFIT)
        self.restart()
        standing = self.configuration.standing
        self.assertEqual(self.in_force(), (0, None))
        for told in ("version 1 does not fit", "the files alone are in force", "proxy", "rollback 0"):
            self.assertIn(told, standing.reason)
        self.assertEqual(standing.faults[0].origin and standing.faults[0].origin.source, "version 1")

    def test_says_who_may_call(self) -> None:
        """It was stored when versions could: the gateway starts with what the files say."""
        for unfit in (
            {"security": {"outbound": {"deny": ["10.0.0.9"]}}},
            {"management": {"api": {"enabled": False}}},
        ):
            self.add_elsewhere({**capacity(5), **unfit})
            self.restart()
            self.assertEqual(self.in_force(), (0, None))
            self.assertIn("it belongs into the files", self.configuration.standing.reason)
            refused = self.configuration.change(lambda _, changes: {**changes, **capacity(6)}, TOLD)
            self.failureResultOf(refused, InvalidConfiguration)
            self.successResultOf(self.configuration.apply(0, TOLD))
            self.assertTrue(self.configuration.standing.good)

    def test_files_while_it_does_not_fit(self) -> None:
        """They come into force as they would at a start; what is left out stays said, once, and stored."""
        self.add_elsewhere(UNFIT)
        self.restart()
        before = self.configuration.standing.reason
        self.text = FILES.replace("debounce: 1s", "debounce: 7s")
        changed = self.successResultOf(self.configuration.reload("files changed"))
        self.assertEqual((changed.version, changed.changed), (0, True))
        self.assertIn("version 1 does not fit", str(changed.notices[0]))
        self.assertEqual(self.configuration.loaded.settings.config.reload.debounce, 7.0)
        self.assertEqual((self.configuration.standing.reason, self.configuration.counts.failed), (before, 1))
        self.assertEqual(self.change(capacity(5)).version, 2)
        self.assertTrue(self.configuration.standing.good)

    def test_bad_files_while_it_does_not_fit(self) -> None:
        """Then it is the files that are to be put right first."""
        self.add_elsewhere(UNFIT)
        self.restart()
        self.text = "nonsense: 1"
        self.failureResultOf(self.configuration.reload("files changed"), InvalidConfiguration)
        self.assertIn("nonsense", str(self.configuration.standing.faults))
        self.assertEqual(self.in_force(), (0, None))
        self.text = FILES.replace("debounce: 1s", "debounce: 7s")
        self.successResultOf(self.configuration.reload("files changed"))
        self.assertIn("version 1 does not fit", self.configuration.standing.reason)

    def test_until_it_is_put_right(self) -> None:
        """A change that does not put it right is refused, and nothing that is stored is lost."""
        self.add_elsewhere(UNFIT)
        self.restart()
        refused = self.configuration.change(lambda _, changes: {**changes, **capacity(5)}, TOLD)
        self.failureResultOf(refused, InvalidConfiguration)
        self.assertFalse(self.configuration.standing.good)
        self.successResultOf(self.configuration.change(to(capacity(5)), TOLD))
        self.assertEqual((self.configuration.version, self.configuration.standing.good), (2, True))

    def test_store_cannot_be_read(self) -> None:
        self.change(capacity(5))
        self.store.refusal["history"] = StoreUnavailable("no such disk")
        self.restart()
        self.assertEqual(self.in_force(), (0, None))
        self.assertIn("no such disk", self.configuration.standing.reason)
        self.store.refusal.clear()
        self.successResultOf(self.configuration.catch_up())
        self.assertEqual((self.in_force(), self.configuration.standing.good), ((1, 5), True))

    def test_put_right_by_what_is_stored(self) -> None:
        """Files that need what is stored over them are no reason not to start."""
        self.text = "model: {services: {chat: {rate-limit: {capacity: -1}}}}"
        self.add_elsewhere(capacity(5))
        self.restart()
        self.assertEqual(self.in_force(), (1, 5))
