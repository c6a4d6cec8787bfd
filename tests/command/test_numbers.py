"""Tests of what stands on a command line."""

from __future__ import annotations

from argparse import ArgumentTypeError

from twisted.trial.unittest import SynchronousTestCase

from jairouter.command.numbers import CURRENT, days, owner, seconds, share, stored_version, version


class NumbersTests(SynchronousTestCase):
    """Each word has one meaning, or none."""

    def test_versions(self) -> None:
        read = [version(text) for text in ("7", "0", "files", "current")]
        self.assertEqual(read, [7, 0, 0, CURRENT])

    def test_no_versions(self) -> None:
        for text in ("-1", "", "x", "1.5", "٣", "9" * 16):
            self.assertRaises(ArgumentTypeError, version, text)
        self.assertRaises(ArgumentTypeError, stored_version, "current")

    def test_owners(self) -> None:
        read = [owner(text) for text in ("root", "12", "12:34", "root:12", "0:root")]
        self.assertEqual(read, [(0, 0), (12, 12), (12, 34), (0, 12), (0, 0)])

    def test_no_owners(self) -> None:
        for text in ("", "no such user", "root:no such group", ":root"):
            self.assertRaises(ArgumentTypeError, owner, text)

    def test_shares(self) -> None:
        self.assertEqual(
            [share(text) for text in ("5%", "0.05", ".5", "100%", "1", "0")], [0.05, 0.05, 0.5, 1, 1, 0]
        )

    def test_no_shares(self) -> None:
        for text in ("5", "101%", "-1%", "", "%", "nan", "1e-2"):
            self.assertRaises(ArgumentTypeError, share, text)

    def test_times(self) -> None:
        self.assertEqual([seconds(text) for text in ("60", "60s", "5m", "500ms")], [60, 60, 300, 0.5])

    def test_no_times(self) -> None:
        for text in ("0", "x", "-5s", "1000000", "nan", ""):
            self.assertRaises(ArgumentTypeError, seconds, text)

    def test_days(self) -> None:
        self.assertEqual(days("30"), 30)
        for text in ("0", "-1", "x", "1.5", "999999"):
            self.assertRaises(ArgumentTypeError, days, text)
