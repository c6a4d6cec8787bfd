"""The directory of versions: what is found there, and what is left there."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path
from stat import S_IMODE
from typing import Any

from jairouter.refusals import NotPossible, StoreUnavailable, VersionConflict, VersionDamaged, VersionNotFound
from jairouter.store import reading, version_file
from jairouter.store.files import LARGEST
from tests.store.rig import StoreTestCase, draft


class LayoutTests(StoreTestCase):
    """Names, modes, and what does not count."""

    def test_reading_makes_nothing(self) -> None:
        """A gateway that starts leaves nothing behind."""
        self.assertEqual((self.files.history(), self.files.newest()), ((), None))
        self.assertRaises(VersionNotFound, self.files.read, 1)
        self.assertRaises(VersionNotFound, self.files.delete, 1)
        self.assertRaises(VersionConflict, self.files.add, draft(1))
        self.assertFalse(self.path.exists())

    def test_names_and_modes(self) -> None:
        self.fill(2)
        self.assertEqual(self.names, {"model-router-config@1.json", "model-router-config@2.json"})
        self.assertEqual(S_IMODE(self.path.stat().st_mode), 0o700)
        for each in self.path.iterdir():
            self.assertEqual(S_IMODE(each.stat().st_mode), 0o600, each)

    def test_parents_are_made(self) -> None:
        self.path = self.path / "a" / "b"
        self.files = self.open()
        self.fill(1)
        self.assertEqual(S_IMODE(self.path.stat().st_mode), 0o700)

    def test_mode_of_a_directory_that_is_there(self) -> None:
        self.path.mkdir(0o755)
        self.fill(1)
        self.assertEqual(S_IMODE(self.path.stat().st_mode), 0o755)

    def test_text(self) -> None:
        """People can read it."""
        self.files.add(draft(0, {"model": {"adapter": "größer"}}))
        text = self.file(1).read_text()
        self.assertIn('\n      "adapter": "größer"\n', text)
        found = json.loads(text)
        self.assertEqual((found["version"], found["created-at"]), (1, "2025-01-15T10:00:00.123Z"))

    def test_laid_out_anew(self) -> None:
        """Blanks and the order of members are no damage."""
        (version,) = self.fill(1)
        found = json.loads(self.file(1).read_text())
        self.file(1).write_text(json.dumps(dict(reversed(found.items()))))
        self.assertEqual(self.files.read(1), version)

    def test_foreign_files(self) -> None:
        self.fill(2)
        for name in (
            "model-router-config@0.json",
            "model-router-config@07.json",
            "model-router-config@x.json",
        ):
            (self.path / name).write_text("{}")
        (self.path / f"model-router-config@{10**15}.json").write_text("{}")
        (self.path / "model-router-config@٣.json").write_text("{}")
        (self.path / "model-router-config@9.json.bak").write_text("{}")
        (self.path / "security.api-keys@9.json").write_text("{}")
        (self.path / "backups").mkdir()
        self.assertEqual([each.number for each in self.files.history()], [1, 2])
        self.assertEqual(self.files.add(draft(2)).number, 3)

    def test_last_number(self) -> None:
        self.path.mkdir()
        self.file(LARGEST).write_text("{}")
        self.assertEqual([each.number for each in self.files.history()], [LARGEST])
        self.assertRaises(NotPossible, self.files.add, draft(LARGEST))

    def test_two_processes(self) -> None:
        """Each sees what the other has added."""
        other = self.open()
        self.files.add(draft(0))
        self.assertEqual(other.add(draft(1)).number, 2)
        self.assertRaises(VersionConflict, self.files.add, draft(1))
        self.assertEqual(self.files.newest(), other.read(2))

    def test_somebody_without_the_lock(self) -> None:
        """On a file system whose locks do not work between machines, a number is given out once at most."""
        self.fill(1)
        theirs = b"theirs"
        real = os.link

        def link(path: str, final: str) -> None:
            self.file(2).write_bytes(theirs)
            real(path, final)

        self.patch(os, "link", link)
        self.assertRaises(VersionConflict, self.files.add, draft(1))
        self.assertEqual(self.file(2).read_bytes(), theirs)
        self.assertEqual(self.names, {"model-router-config@1.json", "model-router-config@2.json"})

    def test_what_a_killed_writer_left(self) -> None:
        self.fill(1)
        (self.path / ".model-router-config@2.json.abc.tmp").write_text("{")
        (self.path / ".mine.tmp").write_text("of somebody else")
        self.assertEqual(len(self.files.history()), 1)
        self.files.add(draft(1))
        self.assertNotIn(".model-router-config@2.json.abc.tmp", self.names)
        self.assertIn(".mine.tmp", self.names)

    def test_made_by_root(self) -> None:
        """It belongs to whom the directory belongs to, who has to read it."""
        given: list[tuple[str, int, int]] = []

        def chown(made: int | Path, uid: int, gid: int, *, follow_symlinks: bool) -> None:
            self.assertEqual(follow_symlinks, isinstance(made, int))
            name = os.readlink(f"/proc/self/fd/{made}") if isinstance(made, int) else str(made)
            given.append((Path(name).name.partition("@")[0], uid, gid))
            raise OSError(errno.EPERM, "not permitted")

        self.patch(os, "chown", chown)
        self.patch(os, "geteuid", lambda: 1000)
        self.files.add(draft(0))
        self.assertEqual(given, [])
        self.patch(os, "geteuid", lambda: 0)
        self.path = self.path.parent / "other"
        self.open().add(draft(0))
        whose = self.path.stat().st_uid, self.path.stat().st_gid
        self.assertEqual(given, [(name, *whose) for name in ("other", ".lock", ".model-router-config")])

    def test_oldest_that_cannot_be_deleted(self) -> None:
        """The new version is stored all the same, and the others are deleted."""
        self.fill(3)
        self.file(1).unlink()
        self.file(1).mkdir()
        self.files = self.open(max_versions=2)
        self.assertEqual(self.files.add(draft(3)).number, 4)
        self.assertEqual([each.number for each in self.files.history()], [1, 3, 4])

    def test_oldest_that_cannot_be_looked_for(self) -> None:
        """What is stored is not called refused: others have seen it."""
        self.files = self.open(max_versions=1)
        self.files.add(draft(0))
        self.spoil(os, "listdir", errno.EMFILE, lambda *_: self.file(2).exists())
        self.assertEqual(self.files.add(draft(1)).number, 2)


class DamageTests(StoreTestCase):
    """Files that do not say what was stored."""

    def damage(self, number: int, text: str | bytes) -> str:
        self.file(number).write_bytes(text.encode() if isinstance(text, str) else text)
        return str(self.assertRaises(VersionDamaged, self.files.read, number))

    def test_way_back(self) -> None:
        self.fill(3)
        told = self.damage(3, '{"format": 1')
        self.assertEqual(
            told,
            "version 3 is damaged: it is not JSON: line 1, column 13; "
            "version 2 is intact: jairouter rollback 2, or restore a backup",
        )
        self.assertEqual(str(self.assertRaises(VersionDamaged, self.files.newest)), told)

    def test_way_back_past_other_damage(self) -> None:
        self.fill(3)
        self.damage(2, "")
        self.assertIn("version 1 is intact: jairouter rollback 1,", self.damage(3, ""))

    def test_way_forward(self) -> None:
        self.fill(2)
        self.assertIn("version 2 is intact: jairouter rollback 2,", self.damage(1, ""))

    def test_no_way_back(self) -> None:
        self.fill(1)
        self.assertIn("none is intact: restore a backup, or go back to the files alone", self.damage(1, "[]"))

    def test_going_back(self) -> None:
        """A new version follows the damaged one."""
        self.fill(2)
        self.damage(2, "x")
        told = str(self.assertRaises(VersionConflict, self.files.add, draft(1)))
        self.assertIn("that is version 2, which is damaged (it is not JSON: line 1, column 1)", told)
        version = self.files.add(draft(2, self.files.read(1).changes))
        self.assertEqual((version.number, version.entry.parent), (3, 2))

    def test_in_the_history(self) -> None:
        self.fill(3)
        self.damage(2, b"\0" * 300)
        found = self.files.history()
        self.assertEqual([each.damage for each in found], ["", "it is empty", ""])
        self.assertEqual((found[1].number, found[1].parent, found[1].digest), (2, 1, ""))
        self.assertEqual(found[1].created_at, self.file(2).stat().st_mtime_ns / 1e9)

    def test_deleted(self) -> None:
        self.fill(2)
        self.damage(1, "")
        self.files.delete(1)
        self.assertEqual([each.number for each in self.files.history()], [2])

    def test_reasons(self) -> None:
        self.fill(7)
        whole = self.file(7).read_text()
        for text, reason in (
            (whole.replace("alice", "malice"), "its checksum is wrong"),
            (whole.replace("after-6", "after-7"), "its checksum is wrong"),
            (whole.replace('"format": 1', '"format": 2'), "its format is not 1"),
            (whole.replace('"format": 1', '"format": true'), "its format is not 1"),
            (whole.replace('"format": 1,', ""), "its format is not given"),
            (whole.replace('"parent"', '"parent": 1, "parent"'), "a name is given twice in one object"),
            (whole.replace('"parent": 6', '"parent": NaN'), "NaN is no JSON"),
            (whole.replace('"parent": 6', '"parent": 1e999'), "Out of range float values"),
            (whole.replace('"parent": 6', f'"parent": {"9" * 5000}'), "Exceeds the limit"),
            (self.file(6).read_text(), "it says that it is version 6"),
            (b"\xff" + whole.encode(), "it is not UTF-8"),
            ("[" * 100_000, "it is nested more than 64 levels deep"),
            ('{"a":' * 67 + "1" + "}" * 67, "it is nested more than 64 levels deep"),
            (whole + " " * 4 * 1024 * 1024, "it is larger than 4194304 bytes"),
            ("\n", "it is empty"),
        ):
            self.assertIn(f"version 7 is damaged: {reason}", self.damage(7, text))
            self.assertIn(reason, self.files.history()[-1].damage)

    def test_good_checksum_of_something_else(self) -> None:
        """Somebody made it with care, but it is no version."""
        self.fill(1)
        whole = json.loads(self.file(1).read_text())
        change: Any
        for change in (
            {"parent": "0"},
            {"parent": None},
            {"changes": []},
            {"created-by": None},
            {"description": 5},
            {"created-at": "2025-01-15"},
            {"created-at": "2025-13-15T10:00:00.000Z"},
            {"created-at": 0},
            {"more": 1},
        ):
            rest = {name: value for name, value in {**whole, **change}.items() if name != "sha256"}
            digest = hashlib.sha256(version_file.canonical(rest)).hexdigest()
            self.assertIn("version 1 is damaged", self.damage(1, json.dumps({**rest, "sha256": digest})))

    def test_secrets_are_not_told(self) -> None:
        self.fill(1)
        self.assertNotIn("hunter2", self.damage(1, '{"password": "hunter2" oops}'))

    def test_things_that_are_no_files(self) -> None:
        """Nothing waits for the other end of a pipe."""
        self.fill(1)
        self.file(2).mkdir()
        os.mkfifo(self.file(3))
        self.file(4).symlink_to("nothing")
        self.file(5).symlink_to(self.file(1).resolve())
        damages = [each.damage for each in self.files.history()]
        self.assertEqual(damages[1:3], ["it is not a file"] * 2)
        self.assertEqual(damages[3], "it cannot be read: no such file or directory")
        self.assertEqual(damages[4], "it says that it is version 1")
        told = str(self.assertRaises(VersionDamaged, self.files.read, 4))
        self.assertIn("it is a link to nothing", told)
        self.assertEqual(self.files.add(draft(5)).number, 6)


class HistoryTests(StoreTestCase):
    """It is asked for again and again."""

    def setUp(self) -> None:
        super().setUp()
        self.parsed: list[object] = []
        real = version_file.load

        def load(content: bytes) -> dict[str, object]:
            self.parsed.append(content)
            return real(content)

        self.patch(reading, "load", load)

    def test_read_once(self) -> None:
        self.fill(3)
        before = self.files.history()
        self.assertEqual(len(self.parsed), 3)
        self.assertEqual(self.files.history(), before)
        self.assertEqual(len(self.parsed), 3)
        self.files.add(draft(3))
        self.assertEqual(self.files.history()[:3], before)
        self.assertEqual(len(self.parsed), 4)

    def test_damaged_since(self) -> None:
        """The same size at the same time, but it was written."""
        self.fill(1)
        self.files.history()
        status, content = self.file(1).stat(), self.file(1).read_bytes()
        self.file(1).write_bytes(content.replace(b"alice", b"mali!"))
        os.utime(self.file(1), ns=(status.st_atime_ns, status.st_mtime_ns))
        self.assertEqual(self.files.history()[0].damage, "its checksum is wrong")

    def test_error_that_has_an_end(self) -> None:
        """A version is not damaged for ever because there were no descriptors left once."""
        self.fill(1)
        real, errors = reading.content_of, [OSError(24, "Too many open files")]

        def content_of(path: object) -> object:
            if errors:
                raise errors.pop()
            return real(path)  # type: ignore[arg-type] # as it is called

        self.patch(reading, "content_of", content_of)
        self.assertIn("too many open files", self.files.history()[0].damage)
        self.assertEqual(self.files.history()[0].damage, "")

    def test_deleted_meanwhile(self) -> None:
        self.fill(3)
        numbers = self.files._reading.numbers()
        self.file(2).unlink()
        self.assertEqual([each.number for each in self.files._reading.history(numbers)], [1, 3])

    def test_all_gone(self) -> None:
        """An unmounted disk is not the same as nobody having changed anything."""
        self.fill(2)
        shutil.rmtree(self.path)
        for call in (self.files.history, self.files.newest, lambda: self.files.add(draft(0))):
            told = str(self.assertRaises(StoreUnavailable, call))
            self.assertIn("all versions are gone; is its disk mounted?", told)
        self.assertFalse(self.path.exists())

    def test_back_again(self) -> None:
        self.fill(2)
        moved = self.path.rename(self.path.with_name("moved"))
        self.assertRaises(StoreUnavailable, self.files.history)
        moved.rename(self.path)
        self.assertEqual(len(self.files.history()), 2)
