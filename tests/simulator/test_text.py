"""Tests of the deterministic texts and bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.simulator import text


class TextTests(SynchronousTestCase):
    """What is asked decides what is answered."""

    @given(st.text())
    def test_tokens_joined_are_the_text(self, given_text: str) -> None:
        self.assertEqual("".join(text.tokenise(given_text)), given_text)

    def test_a_reply_repeats_the_prompt_and_has_the_asked_length(self) -> None:
        tokens = text.reply("Good day", 6)
        self.assertEqual(tokens[:4], ["You ", "said: ", "Good ", "day "])
        self.assertEqual(len(tokens), 6)

    def test_the_same_prompt_gets_the_same_reply(self) -> None:
        self.assertEqual(text.reply_text("a"), text.reply_text("a"))
        self.assertNotEqual(text.reply_text("a"), text.reply_text("b"))

    def test_a_vector_is_the_same_each_time_and_exact_in_32_bits(self) -> None:
        vector = text.vector("a", 5)
        self.assertEqual(vector, text.vector("a", 5))
        self.assertTrue(all(-1 <= number <= 1 and (number * 32768) % 1 == 0 for number in vector))

    def test_a_payload_has_its_size_and_its_digest(self) -> None:
        for size in (0, 1, 65536, 65537, 200_000):
            data = b"".join(text.payload(size))
            self.assertEqual(len(data), size)
            self.assertEqual(hashlib.sha256(data).hexdigest(), text.payload_sha256(size))

    def test_no_block_of_a_payload_is_like_another(self) -> None:
        self.assertEqual(len(set(text.payload(20 * 65536))), 20)

    @given(st.lists(st.binary()), st.lists(st.integers(1, 9)))
    def test_bytes_cut_anew_are_the_same_bytes(self, pieces: list[bytes], sizes: list[int]) -> None:
        cut = list(text.resplit(iter(pieces), iter(sizes)))
        self.assertEqual(b"".join(cut), b"".join(pieces))
        for piece, size in zip(cut[:-1], sizes, strict=False):
            self.assertEqual(len(piece), size)

    def test_sizes_may_repeat_for_ever(self) -> None:
        sizes: Iterator[int] = text.parse_sizes("5, 2*")
        self.assertEqual([next(sizes) for _ in range(4)], [5, 2, 2, 2])

    def test_sizes_below_one_are_refused(self) -> None:
        for wrong in ("0", "1,-2", "x", ""):
            self.assertRaises(ValueError, text.parse_sizes, wrong)
