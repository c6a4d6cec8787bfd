"""Which series of models and instances stay when settings change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, MutableMapping


class Kept:
    """Those of the settings in force, and of the ones before.

    What was counted about something that is gone is forgotten with the settings after these: by then
    Prometheus has read it, and whoever exchanges models and instances all the time would else make the page
    longer and longer.
    """

    def __init__(self) -> None:
        self._there: frozenset[tuple[str, ...]] = frozenset()

    def those(self, there: Iterable[tuple[str, ...]]) -> frozenset[tuple[str, ...]]:
        """Other settings are in force.

        Args:
            there: What there is now.

        Returns:
            What is to be kept.
        """
        now = frozenset(there)
        kept = now | self._there
        self._there = now
        return kept


def forget(counts: MutableMapping[Any, Any], kept: Container[tuple[str, ...]], length: int) -> None:
    """Drop what is not kept.

    Args:
        counts: By tuples.
        kept: The beginnings of those that stay.
        length: Of these beginnings.
    """
    for key in [each for each in counts if each[:length] not in kept]:
        del counts[key]
