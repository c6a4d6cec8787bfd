"""When backups are made, and what is said when that fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent

from jairouter.config.settings.store import FileStoreSettings, StoreSettings
from jairouter.store.backups import SOON, Backups, backup_directory
from tests.store.backups_rig import BackupTestCase
from tests.store.rig import draft, run_at_once


class ScheduleTests(BackupTestCase):
    """When copies are made."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.threads: list[Deferred[Any]] = []
        self.at_once = True
        self.backups = self.make_backups()
        self.addCleanup(self.at_rest)
        self.events = self.enter_log()

    def enter_log(self) -> Sequence[LogEvent]:
        capturing = capturedLogs()
        self.addCleanup(capturing.__exit__, None, None, None)
        return capturing.__enter__()

    def make_backups(self) -> Backups:
        return Backups(self.clock, self.run_in_thread, self.directory, 3600, lambda: [self.configuration])

    def run_in_thread(self, function: Any, *arguments: Any) -> Deferred[Any]:
        if self.at_once:
            return run_at_once(function, *arguments)
        self.threads.append(Deferred())
        return self.threads[-1]

    def at_rest(self) -> None:
        self.successResultOf(self.backups.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def texts(self, level: Any) -> list[str]:
        return [formatEvent(each) for each in self.events if each["log_level"] == level]

    def test_soon_after_the_start(self) -> None:
        self.fill(1)
        self.backups.start()
        self.backups.start()
        self.assertEqual(self.archives, [])
        self.clock.advance(SOON)
        self.assertEqual(len(self.archives), 1)
        self.assertEqual(self.texts(LogLevel.info), [f"backup {self.where / self.archives[0]} is made"])

    def test_every_interval(self) -> None:
        self.fill(1)
        self.backups.start()
        self.clock.advance(SOON)
        for parent in (1, 2):
            self.files.add(draft(parent))
            self.clock.advance(3599)
            self.assertEqual(len(self.archives), parent)
            self.clock.advance(1)
            self.assertEqual(len(self.archives), parent + 1)
        self.clock.advance(3600)
        self.assertEqual(len(self.archives), 3)

    def test_soon_after_the_first_change(self) -> None:
        self.backups.start()
        self.clock.advance(1000)
        self.fill(1)
        self.backups.changed()
        self.clock.advance(SOON)
        self.assertEqual(len(self.archives), 1)

    def test_changes_soon_after_a_copy(self) -> None:
        """They share the next one, at the end of the interval."""
        self.fill(1)
        self.backups.start()
        self.clock.advance(SOON)
        for parent in (1, 2, 3):
            self.clock.advance(60)
            self.files.add(draft(parent))
            self.backups.changed()
        self.clock.advance(3600 - 180 - 1)
        self.assertEqual(len(self.archives), 1)
        self.clock.advance(1)
        self.assertEqual(len(self.archives), 2)

    def test_change_long_after_a_copy(self) -> None:
        self.fill(1)
        self.backups.start()
        self.clock.advance(SOON)
        self.clock.advance(3600)
        self.clock.advance(100)
        self.files.add(draft(1))
        self.backups.changed()
        self.clock.advance(SOON)
        self.assertEqual(len(self.archives), 2)

    def test_change_while_a_copy_is_made(self) -> None:
        """It may not be in it."""
        self.at_once = False
        self.backups.start()
        self.clock.advance(SOON)
        self.backups.changed()
        self.threads.pop().callback(None)
        self.clock.advance(SOON)
        self.assertEqual(len(self.threads), 1)
        self.threads.pop().callback(None)
        self.clock.advance(SOON)
        self.assertEqual(self.threads, [])

    def test_changes_do_not_put_it_off(self) -> None:
        self.backups.start()
        self.fill(1)
        for _ in range(5):
            self.clock.advance(SOON / 5)
            self.backups.changed()
        self.assertEqual(len(self.archives), 1)

    def test_stopped(self) -> None:
        self.fill(1)
        self.backups.start()
        self.successResultOf(self.backups.stop())
        self.backups.changed()
        self.clock.advance(10_000)
        self.assertEqual(self.archives, [])

    def test_stopped_while_a_copy_is_made(self) -> None:
        """Whoever stops it, however often, waits for its end."""
        self.at_once = False
        self.backups.start()
        self.clock.advance(SOON)
        stopped = [self.backups.stop(), self.backups.stop()]
        for each in stopped:
            self.assertNoResult(each)
        self.threads.pop().errback(OSError(errno.ENOSPC, "No space left on device"))
        for each in stopped:
            self.successResultOf(each)

    def test_started_again_while_a_copy_is_made(self) -> None:
        self.at_once = False
        self.backups.start()
        self.clock.advance(SOON)
        stopped = self.backups.stop()
        self.backups.start()
        self.threads.pop().callback(None)
        self.successResultOf(stopped)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_failures_are_told_once(self) -> None:
        """A full disk is no news every hour; another reason is, and so is the end of it."""
        self.fill(1)
        self.backups.start()
        link = self.patch(os, "link", os.link)
        self.spoil(os, "link", errno.ENOSPC)
        self.clock.advance(SOON)
        self.clock.advance(3600)
        link.restore()
        fsync = self.patch(os, "fsync", os.fsync)
        self.spoil(os, "fsync", errno.EROFS)
        self.clock.advance(3600)
        fsync.restore()
        self.assertEqual(
            self.texts(LogLevel.error),
            [
                "no backup was made: no space left on device",
                "no backup was made: read-only file system",
            ],
        )
        self.clock.advance(3600)
        self.assertEqual(len(self.texts(LogLevel.info)), 1)

    def test_again_although_nothing_changed(self) -> None:
        self.backups.start()
        mkdir = self.patch(os, "listdir", os.listdir)
        self.spoil(os, "listdir", errno.EIO)
        self.clock.advance(SOON)
        mkdir.restore()
        self.clock.advance(3600)
        self.assertEqual(self.texts(LogLevel.info), ["backups can be made again"])

    def test_bug(self) -> None:
        """Nothing goes on to the reactor; the next one is made."""
        self.fill(1)
        files = [ZeroDivisionError()]
        self.backups._files = lambda: [self.configuration] if not files else self.explode(files)
        self.backups.start()
        self.clock.advance(SOON)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.clock.advance(3600)
        self.assertEqual(len(self.archives), 1)

    def explode(self, errors: list[Any]) -> Any:
        raise errors.pop()

    def test_newest(self) -> None:
        """For who asks where it is."""
        settings = StoreSettings(path=str(self.path))
        self.assertIsNone(backup_directory(settings, self.today).newest)
        self.fill(1)
        self.backups.start()
        self.clock.advance(SOON)
        self.assertEqual(backup_directory(settings, self.today).newest, self.where / self.archives[-1])


class SettingsTests(BackupTestCase):
    """What is configured."""

    def test_places(self) -> None:
        for given, expected in ((None, self.where), ("/elsewhere", Path("/elsewhere"))):
            settings = StoreSettings(path=str(self.path), file=FileStoreSettings(backup_path=given))
            self.assertEqual(backup_directory(settings, self.today).directory, expected)
