"""Tests for `jairouter.config.content`."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.content import content_of


class ContentTests(SynchronousTestCase):
    """What may have the name of a file."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def refused(self) -> str:
        error = self.assertRaises(OSError, content_of, self.path, 10, 0.0)
        return str(error.strerror)

    def test_file(self) -> None:
        self.path.write_bytes(b"content")
        self.assertEqual((content_of(self.path, 10), content_of(self.path, 3)), (b"content", b"con"))

    def test_nothing_in_it(self) -> None:
        self.path.write_bytes(b"")
        self.assertEqual(content_of(self.path, 10), b"")
        self.assertEqual(content_of("/dev/null", 10), b"")

    def test_no_file(self) -> None:
        self.assertEqual(self.refused(), "No such file or directory")
        self.path.mkdir()
        self.assertEqual(self.refused(), "Is a directory")

    def test_pipe_without_a_writer(self) -> None:
        os.mkfifo(self.path)
        self.assertEqual(self.refused(), "it is no file, and nothing comes out of it")

    def test_pipe(self) -> None:
        """As the shell hands one over: what was written is read to its end, once."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.write(writer, b"content")
        os.close(writer)
        self.path = Path(f"/dev/fd/{reader}")
        self.assertEqual(content_of(self.path, 100, 0.0), b"content")
        self.assertEqual(self.refused(), "it is a pipe with nothing in it")
