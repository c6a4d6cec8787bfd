"""Tests for `jairouter.request_body.pieces`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.request_body.pieces import SMALL, Pieces
from tests.codec.properties import PROPERTY
from tests.request_body.rig import allocated, crumbs


class PiecesTests(SynchronousTestCase):
    """What went in comes out, in order."""

    def setUp(self) -> None:
        self.pieces = Pieces()

    def take_all(self) -> list[bytes]:
        taken = []
        while self.pieces.size:
            taken.append(self.pieces.take())
        return taken

    def test_empty(self) -> None:
        self.assertEqual((self.pieces.size, self.pieces.take(), self.pieces.joined()), (0, b"", b""))

    def test_one(self) -> None:
        """What came in one piece is not copied."""
        data = b"x" * 10
        self.pieces.append(data)
        self.assertIs(self.pieces.joined(), data)
        self.assertIs(self.pieces.take(), data)

    def test_large(self) -> None:
        """Large pieces stay as they are, with small ones between them."""
        large, small = b"l" * SMALL, b"s"
        for piece in (large, small, large, large):
            self.pieces.append(piece)
        self.assertEqual(self.take_all(), [large, small, large, large])

    def test_joined_can_still_be_taken(self) -> None:
        for piece in (b"a" * SMALL, b"b", b"c"):
            self.pieces.append(piece)
        self.assertEqual(self.pieces.joined(), b"a" * SMALL + b"bc")
        self.assertEqual(self.take_all(), [b"a" * SMALL + b"bc"])

    def test_cleared(self) -> None:
        self.pieces.append(b"a")
        self.pieces.clear()
        self.assertEqual((self.pieces.size, self.pieces.joined()), (0, b""))

    @PROPERTY
    @given(st.lists(st.one_of(st.integers(1, 3), st.integers(1, 3 * SMALL), st.none()), max_size=40))
    def test_any_order(self, steps: list[int | None]) -> None:
        """Whenever some of it is taken (None): the same bytes."""
        self.setUp()
        came, taken = b"", b""
        for number, step in enumerate(steps):
            if step is None:
                taken += self.pieces.take()
            else:
                piece = bytes([number]) * step
                came += piece
                self.pieces.append(piece)
            self.assertEqual(self.pieces.size, len(came) - len(taken))
        self.assertEqual(taken + self.pieces.joined(), came)

    def test_crumbs(self) -> None:
        """Pieces of two bytes cost hardly more than their bytes."""
        used = allocated(self.pieces.append, crumbs(40_000))
        self.assertEqual(self.pieces.size, 40_000)
        self.assertLess(used, 60_000)
