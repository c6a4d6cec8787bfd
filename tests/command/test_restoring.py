"""Tests of `jairouter restore`."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from pathlib import Path

from jairouter.control import Draft, Told
from jairouter.store.archive import make_archive
from jairouter.store.files import VersionFiles
from jairouter.store.lock import locked
from tests.command.running import NOW, STAMP, CommandTestCase, FakeGateway, Ran, refusal

ASIDE = f"before-restore-{STAMP}"


class RestoreTestCase(CommandTestCase):
    """A configuration with a store, a backup of both, and nobody who listens."""

    def setUp(self) -> None:
        super().setUp()
        self.fake = FakeGateway(self)
        self.fake.answers["GET /api/config/status"] = ConnectionRefusedError()
        self.config, self.store = self.folder / "config", self.folder / "store"
        self.write("config/application.yml", f"server.port: 81\nstore.path: {self.store}\n")
        (self.config / "application.yml").chmod(0o640)
        self.change(82)
        self.archive = self.folder / "b.tar.gz"
        self.good("backup", "--config", self.config, "-o", self.archive)
        self.change(83)
        self.write("config/application.yml", f"server.port: 99\nstore.path: {self.store}\n")

    def change(self, port: int) -> None:
        files = VersionFiles(self.store, 0, 0, lambda: NOW)
        parent = max((each.number for each in files.history()), default=0)
        files.add(Draft(parent, {"server": {"port": port}}, Told("me", "test")))

    def good(self, *arguments: str | Path) -> Ran:
        ran = self.run_command(*arguments)
        self.assertEqual(ran.status, 0, ran.err)
        return ran

    def restore(self, *more: str | Path) -> Ran:
        return self.run_command("restore", self.archive, "--config", self.config, *more)

    def there(self) -> list[str]:
        return sorted(os.listdir(self.folder))

    def assert_untouched(self, ran: Ran, told: str, status: int = 1) -> None:
        self.assertEqual((ran.status, ran.out), (status, ""), ran.err)
        self.assertIn(told, ran.err)
        self.assertIn("99", (self.config / "application.yml").read_text())
        self.assertEqual([name for name in self.there() if "restore" in name], [])


class RestoreTests(RestoreTestCase):
    """`jairouter restore` of what `jairouter backup` has written."""

    def test_configuration_and_store_are_as_they_were(self) -> None:
        ran = self.restore()
        self.assertEqual((ran.status, ran.err), (0, ""))
        self.assertIn("server.port: 81", (self.config / "application.yml").read_text())
        versions = self.good("versions", "--offline", "-c", self.config, "--json").json
        self.assertEqual([each["version"] for each in versions], [1])
        self.assertEqual((self.config / "application.yml").stat().st_mode & 0o777, 0o640)
        self.assertEqual(self.store.stat().st_mode & 0o777, 0o700)

    def test_what_was_there_is_put_aside(self) -> None:
        ran = self.restore()
        self.assertIn("99", (self.folder / f"config.{ASIDE}" / "application.yml").read_text())
        self.assertTrue((self.folder / f"store.{ASIDE}" / "model-router-config@2.json").exists())
        self.assertIn(f"what was there is in {self.folder}/store.{ASIDE}\n", ran.out)

    def test_numbers_go_on_from_the_restored_ones(self) -> None:
        self.restore()
        patch = b"server.port: 84"
        ran = self.run_command("apply", "-", "-y", "--offline", "-c", self.config, stdin=patch)
        self.assertEqual(ran.status, 0, ran.err)
        versions = self.good("versions", "--offline", "-c", self.config, "--json").json
        self.assertEqual([each["version"] for each in versions], [2, 1])

    def test_a_dry_run_changes_nothing(self) -> None:
        before = self.there()
        ran = self.restore("--dry-run")
        self.assertEqual((ran.status, self.there()), (0, before))
        self.assertIn(f"{self.config} would be restored\n", ran.out)
        self.assertIn("99", (self.config / "application.yml").read_text())

    def test_one_of_them(self) -> None:
        ran = self.restore("--only", "store", "--json")
        self.assertEqual([each["directory"] for each in ran.json["restored"]], [str(self.store)])
        self.assertIn("99", (self.config / "application.yml").read_text())

    def test_where_nothing_was_before(self) -> None:
        new = self.folder / "new"
        ran = self.run_command("restore", self.archive, "--config", new / "config", "--store", new / "store")
        self.assertEqual(ran.status, 0, ran.err)
        self.assertEqual(sorted(os.listdir(new)), ["config", "store"])

    def test_on_a_new_disk_the_owner_is_told(self) -> None:
        """Else all would be root's, and the gateway could not read what was restored."""
        given: list[tuple[str, int, int]] = []
        self.patch(os, "geteuid", lambda: 0)
        self.patch(os, "chown", lambda path, *owner: given.append((os.path.basename(path), *owner)))
        new = ("--config", self.folder / "new" / "config", "--store", self.folder / "new" / "store")
        ran = self.run_command("restore", self.archive, *new, "--owner", "12:34")
        self.assertEqual((ran.status, ran.err), (0, ""))
        self.assertEqual({each[1:] for each in given}, {(12, 34)})
        self.assertIn("model-router-config@1.json", [name for name, *_ in given])
        shutil.rmtree(self.folder / "new")
        ran = self.run_command("restore", self.archive, *new)
        self.assertIn("new/store was not there before, and belongs to root: give it to the user", ran.err)

    def test_a_link_to_the_directory_stays_one(self) -> None:
        os.rename(self.config, self.folder / "real")
        self.config.symlink_to("real")
        self.assertEqual(self.restore("--only", "config").status, 0)
        self.assertTrue(self.config.is_symlink())
        self.assertIn("81", (self.folder / "real" / "application.yml").read_text())

    def test_a_store_inside_of_the_configuration_stays_when_that_is_restored(self) -> None:
        inner = self.config / "kept" / "store"
        self.write(
            "config/kept/store/model-router-config@1.json",
            (self.store / "model-router-config@1.json").read_text(),
        )
        self.assertEqual(self.restore("--only", "config", "--store", inner).status, 0)
        self.assertEqual(os.listdir(inner), ["model-router-config@1.json"])

    def test_an_automatic_backup(self) -> None:
        """It has the whole path of each configuration file."""
        archive = self.folder / "auto.tar"
        make_archive(archive, {"config/etc/jairouter/application.yml": b"server.port: 85\n"}, False, NOW)
        self.assertEqual(self.run_command("restore", archive, "--config", self.config).status, 0)
        self.assertEqual((self.config / "application.yml").read_text(), "server.port: 85\n")


class RefusedTests(RestoreTestCase):
    """Everything is checked before anything is touched."""

    def test_a_running_gateway(self) -> None:
        running = ({"version": 1}, refusal(403, "FORBIDDEN", "no"), (200, b"<html>"), TimeoutError())
        for answer in running:
            self.fake.answers["GET /api/config/status"] = answer
            self.assert_untouched(self.restore(), "something answers at http://127.0.0.1:99: stop it first")
        self.assertEqual(self.restore("--force").status, 0)

    def test_the_url_that_is_asked(self) -> None:
        self.restore("--url", "http://gw:7")
        self.assertEqual(self.fake.addresses[-1], ("gw", 7))

    def test_a_store_that_is_being_written(self) -> None:
        with locked(self.store / ".lock", 0, self.clock.sleep):
            self.assert_untouched(self.restore(), "another process is writing to the store")

    def test_a_damaged_archive(self) -> None:
        content = bytearray(self.archive.read_bytes())
        for damaged in (
            content[: len(content) // 2],
            content[:40],
            b"",
            b"PK",
            content[:100] + b"\0\0\0" + content[103:],
        ):
            self.archive.write_bytes(damaged)
            self.assert_untouched(self.restore(), str(self.archive))

    def test_no_archive(self) -> None:
        self.archive.unlink()
        self.assert_untouched(self.restore(), "No such file or directory")

    def test_a_configuration_with_faults(self) -> None:
        archive = self.folder / "bad.tar"
        make_archive(archive, {"config/application.yml": b"server.prot: 85\nmodel.x: ${NO}\n"}, False, NOW)
        ran = self.run_command("restore", archive, "--config", self.config)
        self.assert_untouched(ran, f"{self.config}/application.yml:1: server.prot: unknown key")
        ran = self.run_command("restore", archive, "--config", self.config, "--unchecked")
        self.assertEqual(ran.status, 0)
        self.assertIn("server.prot: unknown key", ran.err)

    def test_a_store_with_faults(self) -> None:
        archive = self.folder / "bad.tar"
        make_archive(archive, {"store/model-router-config@9.json": b"{"}, False, NOW)
        ran = self.run_command("restore", archive, "--config", self.config)
        self.assert_untouched(ran, "the restored store: version 9 is damaged")

    def test_a_store_whose_place_depends_on_where_the_gateway_is_started(self) -> None:
        archive = self.folder / "bad.tar"
        members = {"config/application.yml": b"", "store/model-router-config@9.json": b"{"}
        make_archive(archive, members, False, NOW)
        ran = self.run_command("restore", archive, "--config", self.config)
        self.assert_untouched(ran, "say with --store where the store goes", status=2)

    def test_a_store_that_only_the_file_of_a_profile_names(self) -> None:
        archive = self.folder / "profile.tar"
        members = {"config/application-prod.yml": b"", "store/model-router-config@9.json": b"{"}
        make_archive(archive, members, False, NOW)
        ran = self.run_command("restore", archive, "--config", self.config)
        told = f"({self.config}/application-prod.yml is not read unless --profile prod or"
        self.assert_untouched(ran, told, status=2)

    def test_what_is_not_in_it(self) -> None:
        archive = self.folder / "logs.tar"
        make_archive(archive, {"logs/a.log": b""}, False, NOW)
        ran = self.run_command("restore", archive, "--config", self.config)
        self.assert_untouched(ran, "there is neither configuration nor store in it")
        ran = self.run_command("restore", archive, "--config", self.config, "--only", "store")
        self.assert_untouched(ran, "there is no store in it")

    def test_configuration_of_several_directories(self) -> None:
        archive = self.folder / "auto.tar"
        members = {"config/etc/a.yml": b"", "config/srv/b.yml": b""}
        make_archive(archive, members, False, NOW)
        ran = self.run_command("restore", archive, "--config", self.config)
        self.assert_untouched(ran, "use tar")

    def test_no_place_for_the_configuration(self) -> None:
        self.assert_untouched(self.run_command("restore", self.archive), "say with --config", status=2)

    def test_a_disk_that_is_mounted_there(self) -> None:
        self.patch(os.path, "ismount", lambda path: Path(path) == self.store)
        self.assert_untouched(self.restore(), "a disk is mounted there")

    def test_half_way_it_goes_back(self) -> None:
        """The second directory cannot be put in place; the first one has been."""
        real = os.rename

        def rename(one: Path, other: Path) -> None:
            if Path(other) == self.store and ".restore-" in str(one):
                raise OSError(28, "No space left on device")
            real(one, other)

        self.patch(os, "rename", rename)
        self.assert_untouched(self.restore(), "No space left on device")
        self.assertTrue((self.store / "model-router-config@2.json").exists())


class PlainTests(RestoreTestCase):
    """Tar archives of other scripts, such as the guide's: `tar -czf config-DATE.tar.gz -C DIR .`."""

    def plain(self, *members: tarfile.TarInfo | str, text: bytes = b"server.port: 86\n") -> Ran:
        self.archive = self.folder / "config-20240115_100000.tar.gz"
        with tarfile.open(self.archive, "w:gz") as tar:
            for each in members:
                member = tarfile.TarInfo(each) if isinstance(each, str) else each
                if member.isreg():
                    member.size = len(text)
                tar.addfile(member, io.BytesIO(text))
        return self.restore()

    def member(self, name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.mode = kind, link, 0o755
        return member

    def test_the_guides_backup(self) -> None:
        secret = tarfile.TarInfo("./tls/key.pem")
        secret.mode = 0o4600
        inner = self.member("./tls", tarfile.DIRTYPE)
        ran = self.plain(self.member("./", tarfile.DIRTYPE), "./application.yml", inner, secret)
        self.assertEqual(ran.status, 0, ran.err)
        self.assertIn("86", (self.config / "application.yml").read_text())
        self.assertEqual((self.config / "tls" / "key.pem").stat().st_mode & 0o7777, 0o600)

    def test_one_that_is_damaged(self) -> None:
        """There are no other checksums in it than that of the compression, which is at its end."""
        self.plain("application.yml", text=b"#" * 5000)
        content = self.archive.read_bytes()
        self.write("config/application.yml", f"server.port: 99\nstore.path: {self.store}\n")
        for damaged in (content[:-6], content[:-12], content[:-8] + b"\0\0\0\0" + content[-4:], content[:50]):
            self.archive.write_bytes(damaged)
            ran = self.restore()
            self.assertEqual((ran.status, ran.out), (1, ""))
            self.assertIn("it is no tar archive, or it is damaged", ran.err)

    def test_names_that_lead_elsewhere(self) -> None:
        for name in ("../application.yml", "/application.yml", "a/../../application.yml", "./a/.."):
            self.assert_untouched(self.plain("application.yml", name), "config-20240115_100000.tar.gz: ")

    def test_what_is_neither_file_nor_directory(self) -> None:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            ran = self.plain("application.yml", self.member("x", kind, "application.yml"))
            self.assert_untouched(ran, "'x' is neither a file nor a directory")

    def test_a_file_twice(self) -> None:
        self.assert_untouched(self.plain("application.yml", "./application.yml"), "is in it twice")

    def test_nothing_in_it(self) -> None:
        self.assert_untouched(self.plain(), "there is nothing in it")

    def test_no_configuration_in_it(self) -> None:
        """As in the guide's archive of logs."""
        self.assert_untouched(self.plain("app/logs/security-audit.log"), "has no configuration file")
