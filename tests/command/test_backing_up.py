"""Tests of `jairouter backup`."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from jairouter.command import backing_up
from jairouter.store.lock import locked
from jairouter.store.manifest import ArchiveFault
from tests.command.running import STAMP, CommandTestCase, Ran

NAME = f"jairouter-{STAMP}.tar.gz"


class BackupTests(CommandTestCase):
    """`jairouter backup`."""

    def setUp(self) -> None:
        super().setUp()
        self.store = self.folder / "store"
        self.text = (
            f"store.path: {self.store}\nlogging.audit: {{enabled: true, file: {self.folder}/audit.log}}\n"
        )
        self.write("config/application.yml", self.text)
        self.write("config/tls/ca.pem", "PEM")
        self.write("store/model-router-config@1.json", "{}")
        self.write("audit.log", "{}\n")
        self.out = self.folder / "out"
        self.out.mkdir()

    def backup(self, *more: str | Path) -> Ran:
        return self.run_command("backup", "--config", self.folder / "config", "-o", self.out, *more)

    def members(self, archive: Path | None = None) -> list[str]:
        with tarfile.open(archive or self.out / NAME) as tar:
            return tar.getnames()

    def test_configuration_store_and_audit_log_are_in_it(self) -> None:
        ran = self.backup()
        self.assertEqual((ran.status, ran.err), (0, ""))
        names = [
            "config/application.yml",
            "config/tls/ca.pem",
            "logs/audit.log",
            "store/model-router-config@1.json",
        ]
        self.assertEqual(self.members(), ["MANIFEST.json", *names])
        for name in names:
            self.assertIn(f"  {name}\n", ran.out)
        self.assertIn("4 files", ran.out)

    def test_only_its_owner_can_read_it(self) -> None:
        self.backup()
        self.assertEqual((self.out / NAME).stat().st_mode & 0o777, 0o600)

    def test_a_name_of_its_own(self) -> None:
        ran = self.run_command("backup", "-c", self.folder / "config", "-o", self.out / "b.tar.gz", "--json")
        self.assertEqual(ran.json["archive"], str(self.out / "b.tar.gz"))
        self.assertEqual(len(ran.json["members"]), 4)

    def test_a_directory_that_is_not_there_yet(self) -> None:
        self.run_command("backup", "-c", self.folder / "config", "-o", f"{self.out}/new/")
        self.assertTrue((self.out / "new" / NAME).is_file())

    def test_nothing_is_overwritten(self) -> None:
        self.backup()
        ran = self.backup()
        self.assertEqual((ran.status, ran.err), (1, f"jairouter: {self.out / NAME} is there already\n"))

    def test_a_store_inside_of_the_configuration_is_there_once(self) -> None:
        os.rename(self.store, self.folder / "config" / "store")
        self.write("config/application.yml", f"store.path: {self.folder}/config/store")
        self.write("config/store/backups/old.tar.gz", "x")
        self.backup()
        names = ["config/application.yml", "config/tls/ca.pem", "store/model-router-config@1.json"]
        self.assertEqual(self.members(), ["MANIFEST.json", *names])

    def test_what_is_no_configuration_stays_out(self) -> None:
        """Earlier backups, and the double of each file that a mounted ConfigMap has."""
        self.write(f"config/{NAME}", "x")
        self.write("config/..2025_06/application.yml", "x")
        self.write("config/sub.before-restore-20250101T000000Z/application.yml", "x")
        (self.folder / "config" / "link.yml").symlink_to("application.yml")
        os.mkfifo(self.folder / "config" / "pipe")
        self.backup()
        self.assertEqual(
            [name for name in self.members() if name.startswith("config")],
            ["config/application.yml", "config/link.yml", "config/tls/ca.pem"],
        )

    def test_a_store_that_is_not_there_yet_is_told(self) -> None:
        """It is made at the first change."""
        self.write("config/application.yml", f"store.path: {self.folder}/none")
        ran = self.backup()
        self.assertEqual(ran.status, 0)
        self.assertIn(f"there is no store in {self.folder}/none: no versions are in the backup", ran.err)
        self.assertEqual(self.backup("--store", self.folder / "none").status, 1)

    def test_a_store_that_may_be_elsewhere(self) -> None:
        """Else a backup that cron makes in its own directory lacks all changes, and nobody knows."""
        self.write("config/application.yml", "store.path: ./not-here-at-all")
        ran = self.backup()
        self.assertEqual((ran.status, os.listdir(self.out)), (1, []))
        self.assertIn("not-here-at-all, which depends on where the gateway is started: name it", ran.err)
        self.assertEqual(self.backup("--only", "config").status, 0)
        self.assertEqual(self.members(), ["MANIFEST.json", "config/application.yml", "config/tls/ca.pem"])

    def test_a_store_that_only_the_file_of_a_profile_names(self) -> None:
        """As in the guide; cron does not know which profile the gateway has."""
        self.write("config/application.yml", f"store.path: {self.folder}/none")
        self.write("config/application-prod.yml", self.text)
        ran = self.backup()
        self.assertEqual((ran.status, os.listdir(self.out)), (1, []))
        self.assertIn("application-prod.yml is not read unless --profile prod or", ran.err)
        self.assertEqual(self.backup("--profile", "prod").status, 0)
        self.assertIn("store/model-router-config@1.json", self.members())

    def test_a_missing_configuration(self) -> None:
        ran = self.run_command("backup", "--config", self.folder / "none", "-o", self.out)
        self.assertEqual((ran.status, os.listdir(self.out)), (1, []))
        self.assertEqual(self.run_command("backup", "-o", self.out).status, 2)

    def test_two_files_of_one_name(self) -> None:
        ran = self.backup("--config", self.write("other/application.yml", ""))
        self.assertEqual(ran.status, 1)
        self.assertIn("would have the same name in the archive", ran.err)

    def test_somebody_is_writing_to_the_store(self) -> None:
        with locked(self.store / ".lock", 0, self.clock.sleep):
            ran = self.backup()
        self.assertEqual((ran.status, os.listdir(self.out)), (1, []))
        self.assertIn("another process has been writing to it", ran.err)

    def test_one_that_is_not_good_does_not_stay(self) -> None:
        def bad(_: Path) -> None:
            raise ArchiveFault("its disk is bad")

        self.patch(backing_up, "verify_archive", bad)
        ran = self.backup("--keep-days", "1")
        self.assertEqual((ran.status, os.listdir(self.out)), (1, []))
        self.assertEqual(ran.err, "jairouter: no good backup could be made: its disk is bad\n")

    def test_old_ones_are_deleted_and_nothing_else(self) -> None:
        for name in (
            "jairouter-20250515T150639Z.tar.gz",
            "jairouter-20250516T150640Z.tar.gz",
            "jairouter-20250101T000000Z.tar.gz.keep",
            "jairouter-20259901T000000Z.tar.gz",
            "config-20240115_100000.tar.gz",
        ):
            (self.out / name).touch()
        ran = self.backup("--keep-days", "30")
        self.assertIn("deleted jairouter-20250515T150639Z.tar.gz, which is older than 30 days\n", ran.out)
        self.assertEqual(len(os.listdir(self.out)), 5)
