"""Tests for `jairouter.telemetry.audit.search`."""

from __future__ import annotations

import gzip
import os
from typing import Any
from unittest import mock

from jairouter.telemetry.audit import files
from jairouter.telemetry.audit.line import Form
from jairouter.telemetry.audit.search import Found, Wanted, search, tally
from jairouter.telemetry.audit.writer import Rules
from tests.telemetry.audit.recording import LOGIN, NOW, RecordTestCase

ALL = Wanted(0, 1e10)


class SearchTests(RecordTestCase):
    """Twelve lines, one a second, in several files."""

    def setUp(self) -> None:
        super().setUp()
        writer = self.writer(Rules(max_size=1200))
        for each in range(12):
            writer.write([self.entry(LOGIN._replace(user=f"u{each % 3}", resource=f"/{each}"))])
            self.clock.advance(1)
        writer.close()

    def search(self, wanted: Wanted = ALL, page: int = 0, size: int = 100, **more: Any) -> Found:
        return search(self.place, wanted, page, size, **more)

    def resources(self, found: Found) -> list[int]:
        return [int(each["resource"][1:]) for each in found.events]

    def test_the_newest_first(self) -> None:
        found = self.search()
        self.assertEqual((self.resources(found), found.total), (list(range(12))[::-1], 12))
        self.assertEqual((found.partial, found.oldest), (False, "2026-01-01T00:00:00.000Z"))
        self.assertEqual([each["seq"] for each in found.events], list(range(12, 0, -1)))

    def test_compressed_files_too(self) -> None:
        self.place.files.compress()
        self.assertEqual(self.resources(self.search()), list(range(12))[::-1])

    def test_pages(self) -> None:
        pages = [self.search(page=each, size=5) for each in range(4)]
        self.assertEqual([len(each.events) for each in pages], [5, 5, 2, 0])
        self.assertEqual([each.total for each in pages], [12] * 4)
        self.assertEqual([each for page in pages for each in self.resources(page)], list(range(12))[::-1])

    def test_a_time(self) -> None:
        found = self.search(Wanted(NOW + 3, NOW + 5))
        self.assertEqual((self.resources(found), found.partial), ([5, 4, 3], False))

    def test_files_out_of_time_are_not_read(self) -> None:
        self.place.files.compress()
        for each in self.place.files.old()[:-1]:
            each.path.write_bytes(b"\x1f\x8bdamaged")
        self.assertEqual(self.resources(self.search(Wanted(NOW + 11, NOW + 12))), [11])

    def test_members(self) -> None:
        self.assertEqual(self.resources(self.search(ALL._replace(equal=(("user", "u1"),)))), [10, 7, 4, 1])
        self.assertEqual(self.search(ALL._replace(equal=(("user", "u"),))).total, 0)
        self.assertEqual(self.search(ALL._replace(equal=(("success", False),))).total, 12)

    def test_parts_of_texts(self) -> None:
        self.assertEqual(self.resources(self.search(ALL._replace(within=(("resource", "1"),)))), [11, 10, 1])
        self.assertEqual(self.search(ALL._replace(within=(("reason", "api_key"),))).total, 12)

    def test_a_bound(self) -> None:
        """What was looked at are the newest lines, and it is said that there are more."""
        for _ in range(2):
            found = self.search(most=2000)
            self.assertTrue(found.partial)
            self.assertEqual(self.resources(found), list(range(12))[::-1][: found.total])
            self.assertTrue(2 <= found.total <= 6)
            self.place.files.compress()

    def test_a_file_that_is_larger_than_it_says(self) -> None:
        """At its end a compressed file says how much is in it; whoever has put it there may lie."""
        self.place.files.compress()
        path = self.place.files.old()[0].path
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) * 50) + gzip.compress(b""))
        found = self.search(most=9000)
        self.assertTrue(found.partial)
        self.assertLess(found.total, 30)

    def test_after_a_clock_was_set_back(self) -> None:
        """The file before was put aside in what is the future now: it says nothing about this one."""
        old = self.place.files.old()[-1]
        os.rename(old.path, old.path.with_name(f"audit.log.{old.seq:012d}.20300101T000000Z"))
        writer = self.writer(Rules(max_size=1200))
        writer.write([self.entry(LOGIN._replace(resource=f"/{each}")) for each in (12, 13, 14, 15)])
        found = self.search(Wanted(NOW, NOW + 100))
        self.assertEqual(self.resources(found)[:6], [15, 14, 13, 12, 11, 10])

    def test_others_have_their_turn(self) -> None:
        """A thread that gives nothing up keeps the reactor waiting, 5 ms at a time."""
        turns: list[float] = []
        self.patch(files, "sleep", turns.append)
        self.patch(files, "_TURN", 1)
        self.search()
        self.assertEqual(turns, [0] * 12)

    def test_a_crash_while_a_file_was_compressed(self) -> None:
        """It is there under both names, and in the answer once."""
        with mock.patch.object(type(self.path), "unlink"):
            self.place.files.compress()
        self.assertEqual(self.search().total, 12)

    def test_a_file_that_is_put_aside_meanwhile(self) -> None:
        old = type(self.place.files).old
        aside: list[int] = []

        def late(files: Any) -> Any:
            if not aside:
                aside.append(1)
                files.put_aside(12, self.clock.seconds())
                self.path.write_bytes(b"")
            return old(files)

        with mock.patch.object(type(self.place.files), "old", late):
            self.assertEqual(self.search().total, 12)

    def test_a_file_that_is_compressed_meanwhile(self) -> None:
        old = type(self.place.files).old

        def late(files: Any) -> Any:
            found = old(files)
            files.compress()
            return found

        with mock.patch.object(type(self.place.files), "old", late):
            self.assertEqual(self.search().total, 12)

    def test_lines_that_are_none(self) -> None:
        with self.path.open("ab") as file:
            file.write(b"garbage\n\xff\n{}\n[1]\n" + b"x" * 100)
        self.assertEqual(self.search().total, 12)

    def test_texts_and_objects_side_by_side(self) -> None:
        """The format was changed."""
        place = self.place._replace(form=Form(json=False))
        self.writer(place=place).write([self.entry(LOGIN._replace(resource="/12"))])
        self.assertEqual(self.resources(search(place, ALL, 0, 2)), [12, 11])

    def test_there_is_nothing(self) -> None:
        for name in os.listdir(self.folder):
            (self.folder / name).unlink()
        self.assertEqual(self.search(), ([], 0, False, ""))

    def test_tally(self) -> None:
        found: list[Any] = []
        self.assertFalse(tally(self.place, ALL, found.append))
        self.assertEqual(len(found), 12)
        self.assertTrue(tally(self.place, ALL, found.append, most=1000))
