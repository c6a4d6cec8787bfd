"""Log files on a real disk: how they roll, and what goes wrong with them."""

from __future__ import annotations

import errno
import gzip
import os
import threading
from datetime import date
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.logs import archive as archives
from jairouter.telemetry.logs.archive import Archive, compress
from jairouter.telemetry.logs.console import Console
from jairouter.telemetry.logs.files import LOOK, LogFile, Rolling, day_of
from jairouter.telemetry.logs.writer import Writer
from tests.integration.processes import wait_until

DAY = 86400.0
START = 1_800_000_000.0


class FileCase(SynchronousTestCase):
    """A log file, and a date that the test sets.

    Attributes:
        now: Seconds since the epoch.
        told: What was said about it.
    """

    max_size, history, cap = 100, 0, 0

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.path = self.folder / "gw.log"
        self.now, self.told = START, list[str]()
        self.file = self.make()

    def make(self) -> LogFile:
        """One such file."""
        archive = Archive(self.path, self.history, self.cap)
        rolling = Rolling(self.max_size, archive, archive.tidy, self.told.append)
        file = LogFile(self.path, rolling, lambda: self.now)
        self.addCleanup(file.close)
        return file

    def day(self, after: int = 0) -> str:
        return day_of(START + after * DAY).isoformat()

    def names(self) -> list[str]:
        return sorted(os.listdir(self.folder))

    def all_lines(self) -> list[str]:
        """Those of all files, in their order."""
        old = b"".join(gzip.decompress(each.path.read_bytes()) for each in Archive(self.path, 0, 0).files())
        return (old + self.path.read_bytes()).decode().splitlines()


class RollingTests(FileCase):
    """By size and by day."""

    def test_size(self) -> None:
        """No file is larger, but for a line that is; each begins with a whole one."""
        lines = [f"{number:03d}" + "x" * 36 for number in range(7)] + ["long" * 50, "end"]
        for line in lines:
            self.file.write(line.encode() + b"\n")
        self.assertEqual(self.all_lines(), lines)
        self.assertEqual(self.names(), [*(f"gw.{self.day()}.{at}.log.gz" for at in range(5)), "gw.log"])

    def test_many_at_a_time(self) -> None:
        lines = [f"{number:04d}" for number in range(500)]
        self.file.write("".join(line + "\n" for line in lines).encode())
        self.assertEqual(self.all_lines(), lines)
        for path in self.folder.glob("*.gz"):
            self.assertEqual(len(gzip.decompress(path.read_bytes())), 100)

    def test_day(self) -> None:
        self.file.write(b"a\n")
        self.now += DAY
        self.file.write(b"b\n")
        self.file.write(b"c\n")
        self.assertEqual(self.names(), [f"gw.{self.day()}.0.log.gz", "gw.log"])
        self.assertEqual(self.path.read_text(), "b\nc\n")

    def test_an_empty_file_is_not_kept(self) -> None:
        self.file.write(b"")
        self.now += DAY
        self.file.write(b"a\n")
        self.now += 60
        self.file.write(b"b\n")
        self.assertEqual(self.names(), ["gw.log"])

    def test_that_of_an_earlier_start(self) -> None:
        """Its day is that of its last line."""
        self.file.write(b"a\n")
        os.utime(self.path, (START - 2 * DAY, START - 2 * DAY))
        self.make().write(b"b\n")
        self.assertEqual(self.names(), [f"gw.{self.day(-2)}.0.log.gz", "gw.log"])

    def test_numbers_go_on(self) -> None:
        """After a start, too; and those that are gone leave no gap that is filled."""
        for text in (b"a" * 99, b"b" * 99):
            self.file.write(text + b"\n")
        os.utime(self.path, (START, START))
        self.make().write(b"c\n")
        (self.folder / f"gw.{self.day()}.0.log.gz").unlink()
        self.file.write(b"d" * 99 + b"\n")
        self.assertIn(f"gw.{self.day()}.2.log.gz", self.names())

    def test_it_cannot_be_put_aside(self) -> None:
        """It goes on growing, and that is said."""
        self.file.write(b"x" * 99 + b"\n")

        def refuse(_: object, day: date, log: object = None) -> None:
            raise PermissionError(13, "Permission denied")

        self.patch(Archive, "put_aside", refuse)
        self.file.write(b"y\n")
        self.assertEqual(len(self.all_lines()), 2)
        self.assertIn("cannot be put aside", self.told[0])


class LogrotateTests(FileCase):
    """Somebody else puts files aside."""

    max_size = 0

    def test_never_by_itself(self) -> None:
        for _ in range(5):
            self.file.write(b"x" * 99 + b"\n")
            self.now += DAY
        self.assertEqual(self.names(), ["gw.log"])

    def test_reopen(self) -> None:
        self.file.write(b"a\n")
        self.path.rename(self.folder / "gw.log.1")
        self.file.write(b"b\n")
        self.file.reopen()
        self.file.write(b"c\n")
        self.assertEqual((self.folder / "gw.log.1").read_text(), "a\nb\n")
        self.assertEqual(self.path.read_text(), "c\n")

    def test_without_a_signal(self) -> None:
        """That it was moved, or deleted with its directory, is seen a moment later."""
        self.file.write(b"a\n")
        self.path.unlink()
        self.folder.rmdir()
        self.now += LOOK
        self.file.write(b"b\n")
        self.assertEqual(self.path.read_text(), "b\n")

    def test_mode(self) -> None:
        """Lines have addresses of clients in them."""
        self.file.write(b"a\n")
        self.assertEqual(self.path.stat().st_mode & 0o007, 0)


class HistoryTests(FileCase):
    """Old files are deleted by age and size."""

    history, cap = 2, 0

    def test_age(self) -> None:
        for day in range(6):
            self.file.write(f"{day}\n".encode())
            self.now += DAY
        self.file.write(b"last\n")
        kept = [f"gw.{self.day(day)}.0.log.gz" for day in (4, 5)]
        self.assertEqual(self.names(), [*kept, "gw.log"])

    def test_size(self) -> None:
        self.file.write(b"")
        for number in range(10):
            (self.folder / f"gw.{self.day()}.{number}.log.gz").write_bytes(b"x" * 100)
        (self.folder / "gw.2026-02-31.0.log.gz").write_bytes(b"not ours")
        Archive(self.path, 0, 350).tidy(day_of(START))
        kept = [f"gw.{self.day()}.{number}.log.gz" for number in (7, 8, 9)]
        self.assertEqual(self.names(), ["gw.2026-02-31.0.log.gz", *kept, "gw.log"])

    def test_what_a_crash_left(self) -> None:
        """A file that is compressed twice is one; another one of that name is not lost."""
        self.file.write(b"")
        name = f"gw.{self.day()}"
        for number, text in enumerate((b"same\n", b"other\n")):
            (self.folder / f"{name}.{number}.log").write_bytes(text)
            (self.folder / f"{name}.{number}.log.gz").write_bytes(gzip.compress(b"same\n"))
        (self.folder / f".{name}.0.log.gz.tmp").write_bytes(b"half")
        archive = Archive(self.path, 0, 0)
        archive.tidy(day_of(START))
        archive.tidy(day_of(START))
        self.assertEqual(self.names(), [*(f"{name}.{number}.log.gz" for number in range(3)), "gw.log"])
        self.assertEqual(self.all_lines(), ["same", "same", "other"])

    def test_what_only_looks_like_ours(self) -> None:
        """It stays, and keeps nobody from tidying what is."""
        self.file.write(b"")
        day = self.day(-9)
        (self.folder / f"gw.{day}.0.log").mkdir()
        (self.folder / f"gw.{day}.1.log.gz").symlink_to("nowhere")
        others = [f"gw.{day}.log", f"gw.{day}.0.log.bak", "gw-mine.log", ".gw.notes.tmp", f"gw.x.{day}.0.log"]
        others.append(f"gw.{day}.\N{ARABIC-INDIC DIGIT ONE}.log")
        for name in others:
            (self.folder / name).write_bytes(b"mine")
        (self.folder / f"gw.{day}.2.log").write_bytes(b"old\n")
        (self.folder / f"gw.{self.day()}.0.log").write_bytes(b"new\n")
        (self.folder / f"gw.{self.day()}.0.log.gz").write_bytes(b"of somebody else")
        Archive(self.path, 2, 0).tidy(day_of(START))
        ours = {f"gw.{self.day()}.0.log.gz", f"gw.{self.day()}.1.log", "gw.log"}
        self.assertEqual(set(self.names()), ours | {f"gw.{day}.0.log", f"gw.{day}.1.log.gz", *others})

    def test_one_that_may_not_be_read(self) -> None:
        """The others are compressed all the same."""
        self.file.write(b"")
        for number in range(3):
            (self.folder / f"gw.{self.day()}.{number}.log").write_bytes(b"x\n")

        def refuse_the_first(path: Path) -> None:
            if ".0." in path.name:
                raise PermissionError("planted")
            compress(path)

        self.patch(archives, "compress", refuse_the_first)
        self.assertRaises(PermissionError, Archive(self.path, 2, 0).tidy, day_of(START))
        names = [f"gw.{self.day()}.{each}" for each in ("0.log", "1.log.gz", "2.log.gz")]
        self.assertEqual(self.names(), [*names, "gw.log"])


class ConsoleTests(SynchronousTestCase):
    """Standard output, and whoever reads it."""

    def setUp(self) -> None:
        self.reader, writer = os.pipe()
        os.set_blocking(self.reader, False)
        file = os.fdopen(writer, "wb", buffering=0)
        self.addCleanup(file.close)
        self.told: list[str] = []
        self.writer = Writer(Console(file, text=False), self.told.append, lambda text: f"{text}\n")

    def test_nobody_reads_any_more(self) -> None:
        """That is said once, and not taken back each time that nothing was tried."""
        self.writer.put("a\n")
        self.assertEqual(os.read(self.reader, 100), b"a\n")
        os.close(self.reader)
        for _ in range(5):
            self.writer.put("b\n")
        self.assertEqual(len(self.told), 1)
        self.assertEqual(self.writer.queue.waits, 4)

    def test_what_failed_is_written_later(self) -> None:
        """A terminal's or a file's trouble may end: nothing is lost, nothing comes twice."""
        self.addCleanup(os.close, self.reader)
        write, number = os.write, iter(range(9))

        def fail_after_two_bytes(to: int, data: memoryview) -> int:
            if next(number) == 1:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(to, data[:2])

        self.patch(os, "write", fail_after_two_bytes)
        for text in ("abcd\n", "ef\n"):
            self.writer.put(text)
        self.assertEqual(os.read(self.reader, 100), b"abcd\nef\n")
        self.assertEqual(len(self.told), 2)


class TroubleTests(FileCase):
    """What goes wrong loses no line that there is room for."""

    max_size = 0

    def test_a_full_disk(self) -> None:
        """A line that was written in part goes on where it ended."""
        self.file.write(b"a\n")
        real, room = os.write, [3]

        def write(number: int, data: bytes) -> int:
            if not room[0]:
                raise OSError(28, "No space left on device")
            wrote = real(number, bytes(data)[: room[0]])
            room[0] -= wrote
            return wrote

        self.patch(os, "write", write)
        self.assertRaises(OSError, self.file.write, b"bb\ncc\n")
        self.assertRaises(OSError, self.file.write, b"")
        room[0] = 1000
        self.file.write(b"dd\n")
        self.assertEqual(self.path.read_text(), "a\nbb\ncc\ndd\n")

    def test_a_full_disk_and_another_file(self) -> None:
        """Of a line that was written in part, all is written into the new one."""
        self.file.write(b"a\n")
        real = os.write

        def write(number: int, data: bytes) -> int:
            if len(data) < 3:
                raise OSError(28, "No space left on device")
            return real(number, bytes(data)[:1])

        self.patch(os, "write", write)
        self.assertRaises(OSError, self.file.write, b"bb\n")
        self.patch(os, "write", real)
        self.path.rename(self.folder / "old")
        self.file.reopen()
        self.file.write(b"c\n")
        self.assertEqual(self.path.read_text(), "bb\nc\n")

    def test_no_directory(self) -> None:
        """Where there is a file of that name; until there is none."""
        self.folder.write_text("in the way")
        self.assertRaises(OSError, self.file.write, b"a\n")
        self.folder.unlink()
        self.file.write(b"b\n")
        self.assertEqual(self.path.read_text(), "a\nb\n")

    def test_a_pipe(self) -> None:
        """It is never put aside; without a reader it is a failure, not a standstill."""
        self.folder.mkdir()
        os.mkfifo(self.path)
        self.assertRaises(OSError, self.file.write, b"a\n")
        reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.file.write(b"b\n")
        self.assertEqual(os.read(reader, 100), b"a\nb\n")


class ThreadTests(FileCase):
    """A writer with its thread."""

    max_size = 50_000

    def test_no_line_is_lost(self) -> None:
        """Whoever logs, from however many threads, while files roll and are opened anew."""
        writer = Writer(self.file, self.told.append, str)
        writer.start()

        def log(who: int) -> None:
            for number in range(2000):
                writer.put(f"{who} {number}\n")
                if number % 500 == 0:
                    writer.reopen()

        threads = [threading.Thread(target=log, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        writer.stop()
        writer.put("after\n")
        lines = self.all_lines()
        self.assertEqual(lines[-1], "after")
        for who in range(4):
            own = [line for line in lines if line.startswith(f"{who} ")]
            self.assertEqual(own, [f"{who} {number}" for number in range(2000)])
        self.assertEqual(self.told, [])

    def test_it_is_soon_written(self) -> None:
        writer = Writer(self.file, self.told.append, str)
        writer.start()
        self.addCleanup(writer.stop)
        writer.put("a\n")
        wait_until(lambda: self.path.exists() and self.path.read_text() == "a\n", "the line")
