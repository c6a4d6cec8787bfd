"""How the property tests of the codecs run: the same examples in every run, no time limit each."""

from collections.abc import Sequence

from hypothesis import settings

PROPERTY = settings(deadline=None, derandomize=True, database=None, max_examples=300)


def split_at(whole: bytes, places: Sequence[int]) -> list[bytes]:
    """Cut bytes at the given places (taken modulo the length, in any order)."""
    cuts = sorted({place % (len(whole) + 1) for place in places})
    return [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
