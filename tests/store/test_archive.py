"""Archives: made, verified, unpacked; and everything that may be wrong with them."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable
from stat import S_IMODE
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jairouter.store import archive, manifest
from jairouter.store.archive import make_archive, read_manifest, unpack, verify_archive
from jairouter.store.manifest import ArchiveFault, Source, check_name, files_below
from tests.fuzz.examples import examples
from tests.store.rig import NOW, StoreTestCase


class ArchiveTestCase(StoreTestCase):
    """A folder with two files, and a place for an archive of them."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = self.path.parent
        (self.folder / "a.txt").write_bytes(b"alpha" * 1000)
        (self.folder / "b.txt").write_bytes(b"")
        (self.folder / "b.txt").chmod(0o640)
        self.members: dict[str, Source] = {
            "store/a.txt": self.folder / "a.txt",
            "config/etc/b.txt": self.folder / "b.txt",
            "note": b"from nowhere",
        }
        self.archive = self.folder / "backups" / "x.tar.gz"
        self.into = self.folder / "into"

    def make(self, compress: bool = True) -> manifest.Manifest:
        return make_archive(self.archive, self.members, compress, NOW)

    def fault(self, call: Callable[[], Any]) -> str:
        return str(self.assertRaises(ArchiveFault, call))

    def unpacked(self) -> dict[str, bytes]:
        return {name: path.read_bytes() for name, path in files_below(self.into).items()}


class MakeTests(ArchiveTestCase):
    """What is written."""

    def test_there_and_back(self) -> None:
        for compress in (True, False):
            self.archive = self.archive.with_suffix(f".{compress}")
            made = self.make(compress)
            self.assertEqual([verify_archive(self.archive), read_manifest(self.archive)], [made, made])
            self.assertEqual(unpack(self.archive, self.into), made)
            self.assertEqual(
                self.unpacked(),
                {"store/a.txt": b"alpha" * 1000, "config/etc/b.txt": b"", "note": b"from nowhere"},
            )
            self.assertEqual(S_IMODE((self.into / "config/etc/b.txt").stat().st_mode), 0o640)

    def test_compressed(self) -> None:
        self.make()
        self.assertLess(self.archive.stat().st_size, 1000)
        self.assertEqual(self.archive.read_bytes()[:2], b"\x1f\x8b")

    def test_any_tar_reads_it(self) -> None:
        self.make()
        with tarfile.open(self.archive) as tar:
            self.assertEqual(tar.getnames(), ["MANIFEST.json", "config/etc/b.txt", "note", "store/a.txt"])
            self.assertEqual({(each.uid, each.gid, each.uname) for each in tar}, {(0, 0, "")})

    def test_mode(self) -> None:
        """It may hold keys."""
        self.make()
        self.assertEqual(S_IMODE(self.archive.stat().st_mode), 0o600)
        self.assertEqual(os.listdir(self.archive.parent), ["x.tar.gz"])

    def test_nothing_is_overwritten(self) -> None:
        self.make()
        before = self.archive.read_bytes()
        self.members = {}
        self.assertRaises(FileExistsError, self.make)
        self.assertEqual((self.archive.read_bytes(), os.listdir(self.archive.parent)), (before, ["x.tar.gz"]))

    def test_disk_full(self) -> None:
        for call in ("fsync", "link"):
            self.spoil(os, call, 28)
            self.assertRaises(OSError, self.make)
            self.assertEqual(os.listdir(self.archive.parent), [])

    def test_digest(self) -> None:
        """The same content has the same, whenever it is archived; another mode is another content."""
        first = self.make()
        self.archive = self.archive.with_name("y.tar")
        self.assertEqual(make_archive(self.archive, self.members, False, NOW + 1).digest, first.digest)
        (self.folder / "b.txt").chmod(0o600)
        self.assertNotEqual(manifest.survey(self.members, NOW).digest, first.digest)

    def test_no_files(self) -> None:
        self.members = {}
        self.make()
        self.assertEqual(dict(verify_archive(self.archive).members), {})

    def test_things_that_are_no_files(self) -> None:
        os.mkfifo(self.folder / "pipe")
        for name in ("pipe", "backups"):
            (self.folder / "backups").mkdir(exist_ok=True)
            self.members = {"x": self.folder / name}
            self.assertIn("is not a file", self.fault(self.make))

    def changing(self, change: Callable[[], object]) -> str:
        """Change something between the two times that files are read."""
        real = archive.survey  # type: ignore[attr-defined] # where it is used

        def survey(members: Any, now: float) -> Any:
            found = real(members, now)
            change()
            return found

        self.patch(archive, "survey", survey)
        told = self.fault(self.make)
        self.assertEqual(os.listdir(self.archive.parent), [])
        return told

    def test_file_that_is_cut_meanwhile(self) -> None:
        told = self.changing(lambda: (self.folder / "a.txt").write_text("short"))
        self.assertEqual(told, "store/a.txt changed while it was read")

    def test_file_that_changes_meanwhile(self) -> None:
        told = self.changing(lambda: (self.folder / "a.txt").write_bytes(b"omega" * 1000))
        self.assertEqual(told, "store/a.txt changed while it was read")

    def test_file_that_grows(self) -> None:
        """A log goes on being written; what there was when it was looked at is kept."""
        real = archive.survey  # type: ignore[attr-defined] # where it is used

        def survey(members: Any, now: float) -> Any:
            found = real(members, now)
            with (self.folder / "a.txt").open("ab") as file:
                file.write(b"more")
            return found

        self.patch(archive, "survey", survey)
        self.make()
        self.assertEqual(verify_archive(self.archive).members["store/a.txt"].size, 5000)


class NameTests(ArchiveTestCase):
    """Names of members."""

    def test_refused(self) -> None:
        for name in (
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/./b",
            "a//b",
            "a/",
            "",
            ".",
            "a\0b",
            "MANIFEST.json",
        ):
            self.assertIn("no archive can hold", self.fault(lambda name=name: check_name(name)))  # type: ignore[misc] # bound now
            self.members = {name: b""}
            self.fault(self.make)

    def test_odd_but_good(self) -> None:
        self.members = {
            name: name.encode("utf-8", "surrogateescape")
            for name in ("..a", "a..", "ü", "a b", "a\nb", "\udcff", "x" * 90 + "/" + "y" * 250)
        }
        self.make()
        unpack(self.archive, self.into)
        self.assertEqual(self.unpacked(), self.members)

    def test_files_below(self) -> None:
        for name in (
            "a",
            ".lock",
            ".x.1.tmp",
            "backups/old",
            "sub/backups/b",
            "sub/.lock",
            "skipped/c",
            "sub/d",
        ):
            (self.into / name).parent.mkdir(parents=True, exist_ok=True)
            (self.into / name).write_text(name)
        (self.into / "link").symlink_to("a")
        (self.into / "loop").symlink_to(".")
        (self.into / "broken").symlink_to("nothing")
        os.mkfifo(self.into / "pipe")
        found = files_below(self.into, lambda path: path.name == "skipped")
        self.assertEqual(list(found), ["a", "link", "sub/backups/b", "sub/d"])
        self.assertEqual(files_below(self.folder / "nowhere"), {})


class VerifyTests(ArchiveTestCase):
    """Archives that are not good. Nothing of them is unpacked."""

    def refused(self, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], object]) -> str:
        """Change the members of an archive, and try to unpack it."""
        self.make()
        with tarfile.open(self.archive) as tar:
            members = [(info, (tar.extractfile(info) or io.BytesIO()).read()) for info in tar]
        change(members)
        with tarfile.open(self.archive, "w:gz") as tar:
            for info, content in members:
                info.size = len(content) if info.isreg() else 0
                tar.addfile(info, io.BytesIO(content))
        told = self.fault(lambda: verify_archive(self.archive))
        self.assertEqual(self.fault(lambda: unpack(self.archive, self.into)), told)
        self.assertFalse(self.into.exists())
        return told

    def other(
        self, name: str, kind: bytes = tarfile.REGTYPE, link: str = ""
    ) -> tuple[tarfile.TarInfo, bytes]:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        return info, b""

    def test_member_is_missing(self) -> None:
        self.assertEqual(self.refused(list.pop), "'store/a.txt' is missing, and 0 more")

    def test_member_too_many(self) -> None:
        told = self.refused(lambda members: members.append(self.other("new")))
        self.assertIn("'new' is in it, but not in its MANIFEST.json", told)

    def test_member_twice(self) -> None:
        self.assertIn("or twice", self.refused(lambda members: members.append(members[-1])))

    def test_content(self) -> None:
        def change(members: list[Any]) -> None:
            members[-1] = (members[-1][0], b"omega" * 1000)

        self.assertEqual(self.refused(change), "'store/a.txt' is damaged: its checksum is wrong")

    def test_size(self) -> None:
        def change(members: list[Any]) -> None:
            members[-1] = (members[-1][0], b"alpha")

        self.assertEqual(self.refused(change), "'store/a.txt' has 5 bytes, not 5000")

    def test_link_in_place_of_a_file(self) -> None:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            link = self.other("config/etc/b.txt", kind, "note")

            def change(members: list[Any], link: Any = link) -> None:
                members[1] = link

            self.assertEqual(self.refused(change), "'config/etc/b.txt' is not a plain file")
            self.archive.unlink()

    def test_no_manifest(self) -> None:
        self.assertEqual(
            self.refused(lambda members: members.pop(0)), "it does not begin with a MANIFEST.json"
        )

    def manifest_with(self, **members: Any) -> str:
        def change(found: list[Any]) -> None:
            text = {**json.loads(found[0][1]), **members}
            found[0] = (found[0][0], json.dumps(text).encode())

        told = self.refused(change)
        self.archive.unlink()
        return told

    def test_bad_manifests(self) -> None:
        good = {"sha256": "0" * 64, "size": 0, "mode": "0600"}
        bad: Any
        for bad in (
            {**good, "size": -1},
            {**good, "size": "0"},
            {**good, "mode": "4755"},
            {**good, "mode": 384},
            {**good, "sha256": "0"},
            {"size": 0},
            [],
        ):
            self.assertEqual(self.manifest_with(members={"x": bad}), "its MANIFEST.json cannot be read")
        whole: Any
        for whole in ([], None, 3):
            self.assertEqual(self.manifest_with(members=whole), "its MANIFEST.json cannot be read")
        self.assertIn("its format is not 1", self.manifest_with(format=2))
        self.assertIn("leads out of the place", self.manifest_with(members={"../x": good}))

    def test_no_archive(self) -> None:
        self.archive.parent.mkdir()
        for content in (b"", b"x", b"x" * 2000, b"\x1f\x8b", b"\x1f\x8b" + b"x" * 2000, b"\0" * 20480):
            self.archive.write_bytes(content)
            self.fault(lambda: verify_archive(self.archive))
            self.fault(lambda: read_manifest(self.archive))
        self.assertRaises(FileNotFoundError, verify_archive, self.folder / "nothing")

    def test_end_of_the_compression(self) -> None:
        """Its last bytes are a checksum of all that was packed, which is behind the last of the members."""
        self.make()
        content = self.archive.read_bytes()
        for damaged in (content[:-1], content[:-20], content[:-8] + bytes(8)):
            self.archive.write_bytes(damaged)
            self.assertIn("cannot be read as an archive", self.fault(lambda: verify_archive(self.archive)))

    def test_more_behind_its_end(self) -> None:
        """Other programs might unpack it as well."""
        for compress in (True, False):
            self.archive.unlink(missing_ok=True)
            self.make(compress)
            with gzip.open(self.archive, "ab") if compress else open(self.archive, "ab") as file:
                file.write(b"more")
            self.assertIn("behind its end", self.fault(lambda: verify_archive(self.archive)))

    @examples(60)
    @given(st.booleans(), st.floats(0, 1, exclude_max=True), st.integers(1, 255), st.booleans())
    def test_any_damage(self, compress: bool, place: float, flip: int, cut: bool) -> None:
        """Whatever happens to its bytes, an archive is good and holds what it held, or it is refused."""
        self.archive.unlink(missing_ok=True)
        made = self.make(compress)
        content = bytearray(self.archive.read_bytes())
        where = int(place * len(content))
        if cut:
            del content[where:]
        else:
            content[where] ^= flip
        self.archive.write_bytes(content)
        try:
            self.assertEqual(verify_archive(self.archive).digest, made.digest)
        except ArchiveFault:
            self.assertRaises(ArchiveFault, unpack, self.archive, self.into)


class UnpackTests(ArchiveTestCase):
    """Where the files go."""

    def test_below(self) -> None:
        self.make()
        unpack(self.archive, self.into, "store")
        self.assertEqual(self.unpacked(), {"a.txt": b"alpha" * 1000})
        unpack(self.archive, self.into, "config/etc/")
        self.assertEqual(list(self.unpacked()), ["a.txt", "b.txt"])

    def test_replaced(self) -> None:
        """What else is there stays; a link is replaced, not followed."""
        self.make()
        self.into.mkdir()
        (self.into / "other").write_text("stays")
        (self.into / "victim").write_text("stays")
        (self.into / "note").symlink_to("victim")
        unpack(self.archive, self.into)
        found = self.unpacked()
        self.assertEqual(
            (found["other"], found["victim"], found["note"]), (b"stays", b"stays", b"from nowhere")
        )
        self.assertFalse((self.into / "note").is_symlink())

    def test_link_that_leads_out(self) -> None:
        self.make()
        outside = self.folder.resolve() / "outside"
        outside.mkdir()
        self.into.mkdir()
        (self.into / "store").symlink_to(outside)
        self.assertIn("leads out of", self.fault(lambda: unpack(self.archive, self.into)))
        self.assertEqual(os.listdir(outside), [])

    def test_disk_full(self) -> None:
        """The file that is there stays as it is."""
        self.make()
        self.into.mkdir()
        (self.into / "a.txt").write_text("before")
        self.spoil(os, "write", 28)
        self.assertRaises(OSError, unpack, self.archive, self.into, "store")
        self.assertEqual(self.unpacked(), {"a.txt": b"before"})
        self.assertEqual(os.listdir(self.into), ["a.txt"])
