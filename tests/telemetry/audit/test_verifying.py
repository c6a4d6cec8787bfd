"""Tests for `jairouter.telemetry.audit.verifying`: what somebody does to the files is found out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from jairouter.auditing import Event
from jairouter.telemetry.audit import verifying
from jairouter.telemetry.audit.chain import Chain, Link
from jairouter.telemetry.audit.files import Files, lines_of
from jairouter.telemetry.audit.head import write_head
from jairouter.telemetry.audit.line import FIELDS, Form
from jairouter.telemetry.audit.verifying import verify, verify_files
from jairouter.telemetry.audit.writer import Rules
from tests.telemetry.audit.recording import KEY, LOGIN, RecordTestCase


class TamperTests(RecordTestCase):
    """One change, anywhere, is found."""

    form = Form()

    def setUp(self) -> None:
        super().setUp()
        self.wrote(6)

    def tamper(self, change: Callable[[list[bytes]], object]) -> None:
        """Change the lines of the file."""
        lines = self.path.read_bytes().splitlines(keepends=True)
        change(lines)
        self.path.write_bytes(b"".join(lines))

    def test_nothing(self) -> None:
        verified = self.verified()
        self.assertEqual(verified, (6, 1, 6, 1, "", ()))

    def test_every_single_byte(self) -> None:
        """Whatever is changed, in whichever place; a case of a hexadecimal digit, too."""
        whole = self.path.read_bytes()
        for at in range(0, len(whole), 29):
            self.path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1 :])
            self.assertNotEqual(self.verified().fault, "", whole[at - 5 : at + 5])

    def test_a_line_is_changed(self) -> None:
        self.tamper(lambda lines: lines.__setitem__(2, lines[2].replace(b"alice", b"mallo")))
        verified = self.verified()
        self.assertEqual(
            (verified.fault, verified.lines), (f"{self.path}, line 3: is not as it was written", 2)
        )

    def test_a_line_is_changed_with_its_digest(self) -> None:
        """Without a key anybody can do that; the next line gives it away."""

        def change(lines: list[bytes]) -> None:
            body = lines[2][: lines[2].index(b',"hash":')].replace(b"alice", b"mallo")
            lines[2] = body + b',"hash":"' + Chain().digest(body).encode() + b'"}\n'

        self.tamper(change)
        self.assert_fault("line 4: does not follow the line before")

    def test_a_line_is_taken_out(self) -> None:
        self.tamper(lambda lines: lines.pop(2))
        self.assert_fault("line 3: has number 4 and comes after number 2")

    def test_a_line_is_there_twice(self) -> None:
        self.tamper(lambda lines: lines.insert(2, lines[2]))
        self.assert_fault("line 4: has number 3 and comes after number 3")

    def test_lines_change_places(self) -> None:
        self.tamper(lambda lines: lines.__setitem__(slice(2, 4), [lines[3], lines[2]]))
        self.assert_fault("line 3")

    def test_lines_are_cut_off_at_the_end(self) -> None:
        self.tamper(lambda lines: lines.__delitem__(slice(4, None)))
        self.assert_fault("2 lines are missing at the end")

    def test_lines_are_cut_off_at_the_beginning(self) -> None:
        self.tamper(lambda lines: lines.__delitem__(slice(2)))
        self.assert_fault("the lines before number 3 are missing")

    def test_all_lines_are_gone(self) -> None:
        self.tamper(list.clear)
        self.assert_fault("6 lines are missing")
        self.path.unlink()
        self.assert_fault("6 lines are missing")

    def test_a_line_that_pretends_files_were_deleted(self) -> None:
        """Only one that is an event of that kind counts, not a text in one."""
        self.tamper(lambda lines: lines.__delitem__(slice(None)))
        said = {"user": "AUDIT_FILES_DELETED", "details": {"through": 99}}
        body = json.dumps({"event": "X", "resource": "AUDIT_FILES_DELETED", **said}, separators=(",", ":"))
        line, link = Chain().sealed(body[:-1], Link(9, "0" * 64), json=True)
        self.path.write_bytes(line)
        write_head(self.place.files.head, link, Chain(), 0o600, False)
        self.assert_fault("no line says that they were deleted")

    def test_another_record_in_its_place(self) -> None:
        """One that is right in itself; the note of the end knows another one."""
        head = self.place.files.head.read_bytes()
        self.path.unlink()
        self.place.files.head.unlink()
        self.wrote(7)
        self.place.files.head.write_bytes(head)
        self.assert_fault("line number 6 is another one than was written")

    def test_a_line_that_is_being_written(self) -> None:
        with self.path.open("ab") as file:
            file.write(b'{"half')
        verified = self.verified()
        self.assertEqual((verified.fault, verified.lines, len(verified.notes)), ("", 6, 1))

    def test_what_the_record_says_about_itself(self) -> None:
        """Who takes away the note of the end, and then lines, leaves a record that is intact in itself."""
        self.tamper(lambda lines: lines.__delitem__(slice(4, None)))
        self.place.files.head.unlink()
        writer = self.writer()
        writer.write([self.entry(Event("X", user="AUDIT_HEAD_MISSING"))])
        writer.sync()
        verified = self.verified()
        self.assertEqual((verified.fault, verified.lines, len(verified.notes)), ("", 6, 1))
        self.assertIn("line number 5 says AUDIT_HEAD_MISSING", verified.notes[0])

    def test_it_cannot_be_read(self) -> None:
        self.path.unlink()
        self.path.mkdir()
        self.assert_fault("it is not a file")


class TextTamperTests(TamperTests):
    """The same where lines are texts."""

    form = Form(json=False)

    def test_a_line_is_changed_with_its_digest(self) -> None:
        def change(lines: list[bytes]) -> None:
            body = lines[2][: lines[2].index(b" hash=")].replace(b"alice", b"mallo")
            lines[2] = body + b" hash=" + Chain().digest(body).encode() + b"\n"

        self.tamper(change)
        self.assert_fault("line 4: does not follow the line before")


class KeyedTests(RecordTestCase):
    """With a key, whoever can write to the files cannot make them anew."""

    key = KEY

    def forge(self, chain: Chain) -> None:
        """Write another record in place of this one, with its note of the end."""
        link, lines = Link(), []
        for each in range(3):
            line, link = chain.sealed(f'{{"event":"FORGED {each}"', link, json=True)
            lines.append(line)
        self.path.write_bytes(b"".join(lines))
        write_head(self.place.files.head, link, chain, 0o600, False)

    def test_a_record_without_the_key(self) -> None:
        self.wrote(3)
        head = self.place.files.head.read_bytes()
        self.forge(Chain())
        self.assert_fault("was not written with this chain-key")
        self.place.files.head.write_bytes(head)
        self.assert_fault("no line was written with the chain-key")

    def test_the_note_of_the_end_cannot_be_put_back(self) -> None:
        self.wrote(3)
        lines = self.path.read_bytes().splitlines(keepends=True)
        self.path.write_bytes(b"".join(lines[:2]))
        said = json.loads(lines[1])
        head = {"seq": 2, "hash": said["hash"], "mark": said["hash"].removeprefix("hmac:")}
        self.place.files.head.write_text(json.dumps(head))
        self.assert_fault("was not written with this chain-key")

    def test_what_was_before_the_key_is_vouched_for(self) -> None:
        plain = self.place._replace(chain=Chain())
        writer = self.writer(place=plain)
        writer.write([self.entry(Event("a")), self.entry(Event("b"))])
        writer.close()
        self.wrote(2)
        verified = self.verified()
        self.assertEqual(verified.fault, "")
        self.assertIn("the first 2 lines were written without the chain-key", verified.notes[-1])
        self.path.write_bytes(self.path.read_bytes().replace(b'"event":"a"', b'"event":"c"'))
        self.assert_fault("line 1: is not as it was written")

    def test_nothing_goes_without_the_key_once_there_is_one(self) -> None:
        self.wrote(2)
        last = json.loads(self.path.read_bytes().splitlines()[-1])
        line, _ = Chain().sealed('{"event":"FORGED"', Link(2, last["hash"]), json=True)
        with self.path.open("ab") as file:
            file.write(line)
        self.assert_fault("line 3: is not as it was written")

    def test_checked_without_the_key(self) -> None:
        self.wrote(1)
        self.assertIn("a chain-key, which is needed", verify_files([self.copy()], Chain()).fault)

    def test_checked_with_another_key(self) -> None:
        self.wrote(1)
        self.assertIn("not as it was written", verify_files([self.copy()], Chain(b"other" * 5)).fault)

    def copy(self) -> Path:
        """The lines without the note of the end."""
        path = self.folder / "copy"
        path.write_bytes(self.path.read_bytes())
        return path


class SeveralFilesTests(RecordTestCase):
    """Files that are named one by one, or were put aside."""

    def setUp(self) -> None:
        super().setUp()
        self.wrote(12, Rules(max_size=1200))
        self.place.files.compress()
        self.old = [each.path for each in self.place.files.old()]

    def test_all_of_them(self) -> None:
        verified = verify_files([*self.old, self.path], Chain())
        self.assertEqual((verified.fault, verified.lines, verified.notes), ("", 12, ()))

    def test_some_of_them(self) -> None:
        verified = verify_files(self.old[1:], Chain())
        self.assertEqual(verified.fault, "")
        self.assertIn("they begin with line number", verified.notes[-1])

    def test_one_is_missing(self) -> None:
        self.assertIn("comes after number", verify_files([self.old[0], self.path], Chain()).fault)

    def test_the_wrong_order(self) -> None:
        self.assertIn("comes after number", verify_files(self.old[::-1], Chain()).fault)

    def test_a_damaged_archive(self) -> None:
        whole = self.old[0].read_bytes()
        for data in (whole[:-20], whole[:30], b"\x1f\x8b" + b"x" * 50):
            self.old[0].write_bytes(data)
            self.assertNotEqual(self.verified().fault, "")

    def test_no_such_file(self) -> None:
        self.assertIn("no such file", verify_files([self.folder / "none"], Chain()).fault)

    def test_a_crash_while_one_was_compressed(self) -> None:
        """Both are there; then the half of another one."""
        plain = self.old[0].with_name(self.old[0].name.removesuffix(".gz"))
        plain.write_bytes(b"left over")
        half = self.folder / f".{plain.name}.gz.tmp"
        half.write_bytes(b"half")
        self.assert_intact(12)
        Files(self.path).compress()
        self.assertFalse(plain.exists() or half.exists())
        self.assert_intact(12)

    def test_a_file_is_put_aside_while_those_before_it_are_checked(self) -> None:
        """What came into it until then was missed, and an intact record was said to be changed."""
        self.meanwhile(lambda: self.wrote(12, Rules(max_size=1200)))
        self.assertEqual(self.verified().fault, "")

    def test_a_file_becomes_too_old_while_those_before_it_are_checked(self) -> None:
        self.meanwhile(lambda: self.wrote(1, Rules(max_size=1200, max_files=1)))
        self.assertEqual(self.verified().fault, "")

    def meanwhile(self, work: Callable[[], None]) -> None:
        """Have something done as soon as the first file is read."""
        left = [work]

        def lines(file: IO[bytes]) -> Iterator[bytes]:
            while left:
                left.pop()()
            return lines_of(file)

        self.patch(verifying, "lines_of", lines)

    def test_names_of_others_are_left_alone(self) -> None:
        for name in ("audit.log.bak", "audit.log.1", "audit.log.000000000001.20260101T000000Zx", "other"):
            (self.folder / name).write_text("not ours")
        self.place.files.compress()
        self.assertEqual((self.folder / "audit.log.1").read_text(), "not ours")
        self.assert_intact(12)

    def test_other_names_of_members(self) -> None:
        place = self.place._replace(form=Form(True, {**FIELDS, "event": "what"}))
        writer = self.writer(Rules(max_size=1200, max_files=1), place)
        writer.write([self.entry(event) for event in [LOGIN] * 9])
        writer.sync()
        self.assertEqual(verify(place).fault, "")
