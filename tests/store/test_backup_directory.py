"""What backups hold, and which ones are kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jairouter.store import archive, backup_directory
from jairouter.store.archive import verify_archive
from jairouter.store.backup_directory import name_at
from jairouter.store.lock import locked
from jairouter.store.manifest import ArchiveFault
from tests.store.backups_rig import BackupTestCase
from tests.store.rig import NOW, draft


class DirectoryTests(BackupTestCase):
    """One archive after the other."""

    def test_nothing_is_stored(self) -> None:
        self.assertIsNone(self.make())
        self.path.mkdir()
        (self.path / "something").write_text("else")
        self.assertIsNone(self.make())
        self.assertFalse(self.where.exists())

    def test_made(self) -> None:
        self.fill(2)
        made = self.make()
        assert made is not None
        self.assertEqual(made, self.where / "jairouter-20250115T100002Z.tar.gz")
        self.assertEqual(
            list(verify_archive(made).members),
            [
                f"config{self.configuration.resolve()}",
                "store/model-router-config@1.json",
                "store/model-router-config@2.json",
            ],
        )

    def test_not_compressed(self) -> None:
        self.fill(1)
        self.directory = self.make_directory(compress=False)
        made = self.make()
        assert made is not None
        self.assertEqual(made.suffix, ".tar")
        verify_archive(made)

    def test_not_the_same_again(self) -> None:
        """Nor by another process, nor after a restart."""
        self.fill(1)
        self.make()
        self.assertIsNone(self.make())
        self.directory = self.make_directory()
        self.assertIsNone(self.make())
        self.assertEqual(len(self.archives), 1)

    def test_again_when_something_changed(self) -> None:
        self.fill(1)
        self.make()
        self.configuration.write_text("server: {port: 2}")
        self.assertIsNotNone(self.make())
        self.files.add(draft(1))
        self.assertIsNotNone(self.make())
        self.assertEqual(len(self.archives), 3)

    def test_again_when_the_last_one_is_gone_or_damaged(self) -> None:
        self.fill(1)
        for spoil in (os.unlink, lambda made: Path(made).write_text("x")):
            self.directory = self.make_directory()
            made = self.make()
            assert made is not None
            spoil(made)
            self.directory = self.make_directory()
            self.assertIsNotNone(self.make())
            os.unlink(self.where / self.archives[-1])

    def test_again_when_the_last_one_was_deleted(self) -> None:
        self.fill(1)
        made = self.make()
        assert made is not None
        made.unlink()
        self.assertIsNotNone(self.make())

    def test_two_that_alternate(self) -> None:
        """Gateways with one store but other files do not take each other's backup for a change."""
        self.fill(1)
        other, theirs = self.make_directory(), self.path.parent / "other.yml"
        theirs.write_text("x: 1")
        self.assertIsNotNone(self.make())
        self.assertIsNotNone(other.make([theirs]))
        self.assertIsNone(self.make())
        self.assertIsNone(other.make([theirs]))

    def test_oldest_go(self) -> None:
        """Only archives of ours."""
        self.fill(1)
        self.where.mkdir()
        for name in ("jairouter-by-hand.tar.gz", "a.tar", ".jairouter-2025.x.tmp", ".a.tmp"):
            (self.where / name).write_text(name)
        for parent in range(1, 6):
            self.make()
            self.files.add(draft(parent))
        stays = [".a.tmp", "a.tar", "jairouter-by-hand.tar.gz"]
        times = [name for name in self.archives if name not in stays]
        self.assertEqual(
            times,
            [name_at(NOW + second, True) for second in (5, 7, 9)],
            "each add and each copy takes a second",
        )
        self.assertEqual(sorted(set(self.archives) - set(times)), stays)

    def test_all_are_kept(self) -> None:
        self.fill(1)
        self.directory = self.make_directory(max_backups=0)
        for parent in range(1, 6):
            self.make()
            self.files.add(draft(parent))
        self.assertEqual(len(self.archives), 5)

    def test_clock_that_goes_back(self) -> None:
        """The newest is not taken for the oldest."""
        self.fill(1)
        self.directory = self.make_directory(max_backups=1)
        self.make()
        self.files.add(draft(1))
        self.today.now = 0
        made = self.make()
        assert made is not None
        self.assertEqual(self.archives, [made.name])

    def test_within_a_second(self) -> None:
        self.fill(1)
        self.make()
        self.files.add(draft(1))
        self.today.now = NOW + 1
        made = self.make()
        assert made is not None
        self.assertEqual((made.name, len(self.archives)), ("jairouter-20250115T100002Z.tar.gz", 2))

    def test_beside_the_versions(self) -> None:
        """Backups hold no backups, wherever they are."""
        self.fill(1)
        for where in (self.path, self.path / "mine", self.path / "backups"):
            self.where = where
            self.directory = self.make_directory(max_backups=0)
            if where != self.path:
                where.mkdir(exist_ok=True)
                (where / "jairouter-by-hand.tar.gz").write_text("")
            for _ in range(2):
                self.files.add(draft(self.files.history()[-1].number))
                made = self.make()
            assert made is not None
            names = list(verify_archive(made).members)
            self.assertFalse([name for name in names if "jairouter-" in name and ".tar" in name], names)
            for each in where.glob("*.tar.gz"):
                each.unlink()
            self.assertTrue(names)

    def test_of_an_original(self) -> None:
        """All that lies in the directory is kept."""
        self.path.mkdir()
        (self.path / "model-router-config.json").write_text("{}")
        (self.path / "security.api-keys.json").write_text("{}")
        made = self.make()
        assert made is not None
        self.assertIn("store/security.api-keys.json", verify_archive(made).members)

    def test_file_that_is_gone(self) -> None:
        self.fill(1)
        self.configuration.unlink()
        made = self.make()
        assert made is not None
        self.assertEqual(list(verify_archive(made).members), ["store/model-router-config@1.json"])

    def test_another_process_makes_one(self) -> None:
        self.fill(1)
        self.where.mkdir()
        with locked(self.where / ".lock", 0, self.sleep):
            self.assertIsNone(self.make())
        self.assertIsNotNone(self.make())

    def changing(self, times: int) -> None:
        real, left = archive.make_archive, [times]

        def make_archive(*arguments: Any) -> Any:
            if left[0]:
                left[0] -= 1
                raise ArchiveFault("it changed while it was read")
            return real(*arguments)

        self.patch(backup_directory, "make_archive", make_archive)

    def test_changed_meanwhile(self) -> None:
        """A version may be deleted, or a file edited, at any time: it is tried again."""
        self.fill(1)
        self.changing(2)
        self.assertIsNotNone(self.make())

    def test_changes_all_the_time(self) -> None:
        self.fill(1)
        self.changing(3)
        self.assertRaises(ArchiveFault, self.make)

    def test_not_as_it_was_written(self) -> None:
        """It is read back; a bad one is not kept, nor are others deleted for it."""
        self.fill(1)

        def verify(archive: Path) -> None:
            raise ArchiveFault("its checksum is wrong")

        self.patch(backup_directory, "verify_archive", verify)
        self.assertRaises(ArchiveFault, self.make)
        self.assertEqual(self.archives, [])
