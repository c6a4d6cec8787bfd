"""Tests of what is in a backup; `jairouter restore` tries the rest."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from jairouter.command import contents
from jairouter.command.contents import read_contents
from jairouter.command.failures import Refused


class PlainArchiveTests(SynchronousTestCase):
    """A tar archive that is none of ours."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.archive = self.folder / "a.tar"

    def write(self, compression: str, mode: int) -> None:
        with tarfile.open(self.archive, f"w:{compression}") as tar:  # type: ignore[call-overload] # any of them
            member = tarfile.TarInfo("./a.yml")
            member.size, member.mode = 3, mode
            tar.addfile(member, io.BytesIO(b"a:1"))

    def test_whoever_runs_a_file_becomes_nobody_else(self) -> None:
        """Only who may read and write is taken from the archive, not set-user-id and the like."""
        self.write("", 0o6640)
        read_contents(self.archive).unpack("", self.folder)
        self.assertEqual((self.folder / "a.yml").stat().st_mode & 0o7777, 0o640)

    def test_any_compression_will_do(self) -> None:
        for compression in ("", "gz", "bz2", "xz"):
            self.write(compression, 0o600)
            self.assertEqual(read_contents(self.archive).names, ("a.yml",))

    def test_what_would_fill_the_disk(self) -> None:
        self.patch(contents, "MOST_BYTES", 2)
        self.write("gz", 0o600)
        refused = self.assertRaises(Refused, read_contents, self.archive)
        self.assertIn("its files have more than 2 bytes", refused.message)
