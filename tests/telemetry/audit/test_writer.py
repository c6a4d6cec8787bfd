"""Tests for `jairouter.telemetry.audit.writer`, `current`, `tail` and `head`."""

from __future__ import annotations

import errno
import gzip
import os
from typing import Any
from unittest import mock

from jairouter.auditing import Event
from jairouter.dates import DAY
from jairouter.telemetry.audit.chain import Chain, Link
from jairouter.telemetry.audit.files import Files
from jairouter.telemetry.audit.line import Form
from jairouter.telemetry.audit.place import Place
from jairouter.telemetry.audit.writer import ALWAYS, NEVER, AuditUnusable, Rules, Writer
from tests.telemetry.audit.recording import KEY, LOGIN, NOW, RecordTestCase

SMALL = Rules(max_size=1200)
"""Three lines or so."""


def full(*_: Any) -> Any:
    """What the system says when the disk is full."""
    raise OSError(errno.ENOSPC, "No space left on device")


class BeginningTests(RecordTestCase):
    """A record that begins, and one that goes on."""

    def test_the_file_is_there_at_once(self) -> None:
        """Backup scripts count on it."""
        self.writer()
        self.assertEqual(self.names(), ["audit.log", "audit.log.head"])
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.place.files.head.stat().st_mode & 0o777, 0o600)
        self.assert_intact(0)

    def test_the_group_may_read(self) -> None:
        self.wrote(20, SMALL._replace(mode=0o640))
        self.place.files.compress()
        self.assertEqual({each.stat().st_mode & 0o777 for each in self.folder.iterdir()}, {0o640})

    def test_a_file_that_others_can_read_is_closed_to_them(self) -> None:
        self.wrote(1)
        self.path.chmod(0o644)
        self.writer()
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_directories_are_made(self) -> None:
        place = Place(Files(self.folder / "a" / "b" / "audit.log"), Form(), Chain())
        self.writer(place=place)
        self.assertTrue(place.files.path.exists())

    def test_the_chain_goes_on(self) -> None:
        for number in (3, 2, 1):
            self.wrote(number)
        self.assertEqual([each["seq"] for each in self.lines()], [1, 2, 3, 4, 5, 6])
        self.assert_intact(6)

    def test_it_goes_on_when_the_file_has_just_been_put_aside(self) -> None:
        self.wrote(3)
        self.place.files.put_aside(3, NOW)
        self.wrote(1)
        self.assert_intact(4)

    def assert_unusable(self, part: str, place: Place | None = None) -> None:
        with self.assertRaises(AuditUnusable) as caught:
            self.writer(place=place)
        self.assertIn(part, str(caught.exception))

    def test_a_directory_of_that_name(self) -> None:
        self.path.mkdir(parents=True)
        self.assert_unusable("cannot be written: is a directory")

    def test_a_pipe_of_that_name(self) -> None:
        self.folder.mkdir()
        os.mkfifo(self.path)
        self.assert_unusable("which is not a file")

    def test_a_file_in_place_of_the_directory(self) -> None:
        self.folder.write_text("")
        self.assert_unusable("cannot be written: file exists")

    def test_a_pipe_in_place_of_the_note_of_the_end(self) -> None:
        """It would wait for somebody to write into it."""
        self.wrote(1)
        self.place.files.head.unlink()
        os.mkfifo(self.place.files.head)
        self.assertEqual([each.kind for each in self.writer().write(()).notes], ["AUDIT_HEAD_MISSING"])

    def test_the_file_before_is_damaged(self) -> None:
        """A gateway that does not start for that would be worse than a record that says so."""
        self.wrote(2)
        self.place.files.put_aside(2, NOW)
        self.place.files.compress()
        old = self.place.files.old()[0].path
        old.write_bytes(old.read_bytes()[:-20])
        notes = self.writer().write(()).notes
        self.assertEqual([each.kind for each in notes], ["AUDIT_FILE_CHANGED", "AUDIT_TRUNCATED"])
        self.assertEqual(self.lines()[0]["seq"], 3)

    def test_another_gateway_writes_to_it(self) -> None:
        """Two chains in one file would be none."""
        self.writer()
        self.assert_unusable("to which another gateway writes")

    def test_after_a_refusal_nothing_is_held(self) -> None:
        with mock.patch("jairouter.telemetry.audit.head.os.rename", full), self.assertRaises(AuditUnusable):
            self.writer()
        self.writer()


class CrashTests(RecordTestCase):
    """A record that goes on after a crash."""

    def begun_again(self) -> Writer:
        writer = self.writer()
        self.assertEqual(writer.write(()).why, "")
        return writer

    def test_a_torn_line_is_cut_off_and_noted(self) -> None:
        self.wrote(2)
        with self.path.open("ab") as file:
            file.write(b'{"@timestamp":"2026')
        notes = self.writer().write(()).notes
        self.assertEqual([each.kind for each in notes], ["AUDIT_LINE_TORN"])
        self.assertEqual(self.lines()[-1]["details"]["bytes"], 19)
        self.assert_intact(3)

    def test_lines_behind_the_noted_end_count(self) -> None:
        """Killed after lines were written, and before their end was noted."""
        writer = self.writer()
        writer.write([self.entry(LOGIN)])
        writer.close()
        self.begun_again()
        self.assert_intact(1)

    def test_missing_lines_at_the_end_stay_missing(self) -> None:
        self.wrote(3)
        lines = self.path.read_bytes().splitlines(keepends=True)
        self.path.write_bytes(lines[0])
        self.assert_fault("2 lines are missing at the end")
        self.begun_again()
        self.assertEqual(self.kinds()[1:], ["AUDIT_TRUNCATED"])
        self.assert_fault("has number 4 and comes after number 1")

    def test_a_missing_note_of_the_end_is_noted(self) -> None:
        self.wrote(1)
        self.place.files.head.unlink()
        self.assert_fault("cannot be known")
        self.begun_again()
        self.assertEqual(self.kinds()[1:], ["AUDIT_HEAD_MISSING"])
        self.assert_intact(2)

    def test_a_damaged_note_of_the_end(self) -> None:
        for damage in (b"", b"[]", b"{}", b'{"seq":"x","hash":1}', b"\xff"):
            self.wrote(1)
            self.place.files.head.write_bytes(damage)
            self.begun_again().close()
            self.assertEqual(self.kinds()[-1], "AUDIT_HEAD_MISSING")

    def test_a_changed_last_line_is_noted(self) -> None:
        self.wrote(2)
        self.path.write_bytes(self.path.read_bytes().replace(b'"resource":"/1"', b'"resource":"/2"'))
        self.begun_again()
        self.assertEqual(self.kinds()[-1], "AUDIT_FILE_CHANGED")
        self.assert_fault("line 2: is not as it was written")

    def test_what_the_end_of_a_full_window_says(self) -> None:
        """The file is longer than what is looked at."""
        with mock.patch("jairouter.telemetry.audit.tail.WINDOW", 700):
            self.wrote(10)
            with self.path.open("ab") as file:
                file.write(b"x" * 5000)
            self.begun_again()
        self.assertEqual(self.kinds()[-1], "AUDIT_LINE_TORN")
        self.assert_intact(11)


class RunningTests(RecordTestCase):
    """What happens to the file while it is written."""

    def setUp(self) -> None:
        super().setUp()
        self.running = self.writer()
        self.running.write([self.entry(LOGIN)])

    def write(self) -> list[str]:
        wrote = self.running.write([self.entry(LOGIN)])
        self.assertEqual((wrote.number, wrote.why), (1, ""))
        self.assertEqual(self.running.sync(), "")
        return [each.kind for each in wrote.notes]

    def test_another_tool_puts_it_aside(self) -> None:
        """As logrotate does: a new file is begun, which says why it does not begin with 1."""
        os.rename(self.path, self.folder / "aside")
        self.assertEqual(self.write(), ["AUDIT_FILE_MOVED"])
        self.assertEqual(self.kinds(), ["AUDIT_FILE_MOVED", LOGIN.kind])
        self.assertEqual([each["seq"] for each in self.lines()], [2, 3])
        self.assert_fault("the lines before number 2 are missing")

    def test_it_is_deleted(self) -> None:
        self.path.unlink()
        self.assertEqual(self.write(), ["AUDIT_FILE_MOVED"])

    def test_a_link_is_put_in_its_place(self) -> None:
        """Nothing is written to what it leads to, and nothing is lost."""
        other = self.folder / "other"
        other.write_text("not ours")
        other.chmod(0o644)
        self.path.unlink()
        self.path.symlink_to(other)
        wrote = self.running.write([self.entry(LOGIN)])
        self.assertEqual((wrote.number, wrote.why), (0, f"{self.path}: too many levels of symbolic links"))
        self.assertEqual((other.read_text(), other.stat().st_mode & 0o777), ("not ours", 0o644))
        self.path.unlink()
        self.assertEqual(self.write(), ["AUDIT_FILE_MOVED"])

    def test_it_is_emptied(self) -> None:
        self.path.write_bytes(b"")
        self.assertEqual(self.write(), ["AUDIT_FILE_CHANGED"])
        self.assert_fault("lines before number 2 are missing")

    def test_somebody_else_writes_a_line(self) -> None:
        with self.path.open("ab") as file:
            file.write(b'{"event":"FORGED"}\n')
        self.assertEqual(self.write(), ["AUDIT_FILE_CHANGED"])
        self.assert_fault("line 2: is no line of the record")

    def test_somebody_else_writes_half_a_line(self) -> None:
        with self.path.open("ab") as file:
            file.write(b'{"event":')
        self.assertEqual(self.write(), ["AUDIT_FILE_CHANGED", "AUDIT_LINE_TORN"])
        self.assert_intact(4)


class FailureTests(RecordTestCase):
    """The system refuses: what is in the file is whole lines, and those that were told of."""

    def test_the_disk_is_full(self) -> None:
        writer = self.writer()
        with mock.patch("jairouter.telemetry.audit.current.os.write", full):
            wrote = writer.write([self.entry(LOGIN)])
        self.assertEqual(wrote.number, 0)
        self.assertEqual(wrote.why, f"{self.path}: no space left on device")
        self.assertEqual(writer.write([self.entry(LOGIN)]).number, 1)
        writer.sync()
        self.assert_intact(1)

    def assert_half_is_taken_back(self, **more: Any) -> None:
        real, writes = os.write, []

        def half(number: int, data: Any) -> int:
            writes.append(data)
            return real(number, data[: len(data) // 2]) if len(writes) == 1 else full()

        writer = self.writer()
        writer.write([self.entry(LOGIN)])
        with mock.patch.multiple("jairouter.telemetry.audit.current.os", write=half, **more):
            self.assertEqual(writer.write([self.entry(LOGIN), self.entry(LOGIN)]).number, 0)
        self.assertEqual(writer.write([self.entry(LOGIN)]), (1, "", (), False))
        writer.sync()
        self.assert_intact(2)

    def test_a_part_is_written(self) -> None:
        self.assert_half_is_taken_back()

    def test_a_part_is_written_and_cannot_be_taken_back_at_once(self) -> None:
        self.assert_half_is_taken_back(ftruncate=full)

    def test_syncing_fails(self) -> None:
        """What is written is not written again."""
        writer = self.writer(Rules(fsync=ALWAYS))
        with mock.patch("jairouter.telemetry.audit.current.os.fsync", full):
            wrote = writer.write([self.entry(LOGIN)])
        self.assertEqual((wrote.number, wrote.why), (1, f"{self.path}: no space left on device"))
        self.assertEqual(writer.sync(), "")
        self.assert_intact(1)

    def test_the_file_cannot_be_put_aside(self) -> None:
        """Then it grows, and that is noted."""
        writer = self.writer(SMALL)
        with mock.patch.object(Files, "put_aside", full):
            wrote = writer.write([self.entry(LOGIN) for _ in range(5)])
        self.assertEqual((wrote.number, wrote.why), (5, ""))
        self.assertIn("AUDIT_ROTATION_FAILED", [each.kind for each in wrote.notes])
        writer.write([self.entry(LOGIN) for _ in range(5)])
        writer.sync()
        self.assertTrue(self.place.files.old())
        self.assert_intact(10 + len(wrote.notes))


class RotationTests(RecordTestCase):
    """Files that are full are put aside, and deleted when there are too many, or when they are too old."""

    def test_files_of_a_size(self) -> None:
        self.wrote(20, SMALL)
        self.place.files.compress()
        old = self.place.files.old()
        self.assertGreater(len(old), 3)
        self.assertTrue(all(each.path.name.endswith(".gz") for each in old))
        for each in old:
            self.assertLessEqual(len(gzip.decompress(each.path.read_bytes())), SMALL.max_size)
        self.assert_intact(20)

    def test_a_line_that_is_larger_than_a_file(self) -> None:
        self.wrote(3, Rules(max_size=1))
        self.assertEqual(len(self.place.files.old()), 2)
        self.assert_intact(3)

    def test_their_number(self) -> None:
        self.wrote(30, SMALL._replace(max_files=2))
        self.assertEqual(len(self.place.files.old()), 2)
        verified = self.verified()
        self.assertEqual(verified.fault, "")
        self.assertGreater(verified.first, 1)

    def test_their_age(self) -> None:
        self.wrote(9, SMALL)
        self.clock.advance(91 * DAY)
        self.writer(SMALL).write(())
        self.assertEqual(self.place.files.old(), [])
        self.assertEqual(self.kinds()[-1], "AUDIT_FILES_DELETED")
        self.assertEqual(self.verified().fault, "")

    def test_for_ever(self) -> None:
        self.wrote(9, SMALL)
        number = len(self.place.files.old())
        self.clock.advance(10_000 * DAY)
        self.writer(SMALL._replace(retention=0)).write(())
        self.assertEqual(len(self.place.files.old()), number)

    def test_their_age_is_looked_at_every_day(self) -> None:
        self.wrote(9, SMALL)
        writer = self.writer()
        writer.write(())
        self.clock.advance(91 * DAY)
        writer.write([self.entry(LOGIN)])
        self.assertEqual(self.place.files.old(), [])

    def test_deleted_on_demand(self) -> None:
        self.wrote(9, SMALL)
        writer = self.writer(SMALL)
        old = self.place.files.old()
        self.assertEqual(writer.delete_older(DAY), (0, 0))
        self.clock.advance(2 * DAY)
        who = Event("AUDIT_FILES_DELETED", user="ann", ip="10.0.0.9", action="DELETE")
        self.assertEqual(writer.delete_older(DAY, who), (len(old), old[-1].seq))
        last = self.lines()[-1]
        self.assertEqual((last["user"], last["details"]["through"]), ("ann", old[-1].seq))
        writer.sync()
        self.assertEqual(self.verified().fault, "")

    def test_none_is_deleted_before_that_is_noted_for_good(self) -> None:
        """Else after a power cut there would be neither the files nor the note."""
        self.wrote(9, SMALL)
        writer = self.writer(SMALL)
        self.clock.advance(2 * DAY)
        old = self.place.files.old()
        with mock.patch("jairouter.telemetry.audit.current.os.fsync", full):
            self.assertRaises(OSError, writer.delete_older, DAY)
        self.assertEqual(self.place.files.old(), old)

    def test_files_that_go_without_a_note_are_missed(self) -> None:
        self.wrote(9, SMALL)
        self.place.files.old()[0].path.unlink()
        self.assert_fault("no line says that they were deleted")

    def test_two_in_one_second_after_the_chain_began_anew(self) -> None:
        """A name that is taken is not taken again, whatever number it has."""
        self.folder.mkdir()
        for text in ("a", "b"):
            self.path.write_text(text)
            self.place.files.put_aside(1, NOW)
        self.place.files.compress()
        texts = {gzip.decompress(each.path.read_bytes()) for each in self.place.files.old()}
        self.assertEqual(texts, {b"a", b"b"})


class NeverSyncedTests(RecordTestCase):
    """Where nothing is forced to disk, the end is noted all the same."""

    rules = Rules(fsync=NEVER)

    def test_it_is(self) -> None:
        with mock.patch("jairouter.telemetry.audit.current.os.fsync", full):
            self.writer().write([self.entry(LOGIN)])
        self.assert_intact(1)


class KeyTests(RecordTestCase):
    """With a key, nobody else can go on, or begin anew."""

    key = KEY

    def test_it_goes_on(self) -> None:
        self.wrote(2)
        self.wrote(2)
        self.assert_intact(4)

    def test_a_line_without_the_key_behind_those_with_it(self) -> None:
        """Whoever has not got the key has written it while the gateway was down."""
        self.wrote(2)
        last = self.lines()[-1]
        line, _ = Chain().sealed('{"event":"FORGED"', Link(last["seq"], last["hash"]), json=True)
        with self.path.open("ab") as file:
            file.write(line)
        self.assertEqual([each.kind for each in self.writer().write(()).notes], ["AUDIT_FILE_CHANGED"])

    def test_another_key(self) -> None:
        self.wrote(1)
        writer = self.writer(place=self.place._replace(chain=Chain(b"another key of the same kind")))
        kinds = {each.kind for each in writer.write(()).notes}
        self.assertEqual(kinds, {"AUDIT_HEAD_MISSING", "AUDIT_FILE_CHANGED"})

    def test_a_key_that_is_new(self) -> None:
        with mock.patch.object(self, "place", self.place._replace(chain=Chain())):
            self.wrote(2)
        writer = self.writer()
        self.assertEqual([each.kind for each in writer.write(()).notes], ["AUDIT_HEAD_MISSING"])
        self.assertEqual(writer.sync(), "")
        self.assert_intact(3)
