"""A mapping that never changes, so that a whole settings tree can be shared and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Generic, TypeVar, final

from pydantic import AfterValidator

K = TypeVar("K", bound=str)
T = TypeVar("T")


@final
class FrozenMapping(Mapping[str, T], Generic[T]):
    """A mapping from names to values that keeps its order and cannot be changed.

    Args:
        items: what it holds.
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, T] | None = None) -> None:
        self._items: dict[str, T] = dict(items or {})

    def __getitem__(self, name: str) -> T:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)

    def __copy__(self) -> FrozenMapping[T]:
        return self

    def __deepcopy__(self, memo: object) -> FrozenMapping[T]:
        return self


def _frozen(items: Mapping[str, T]) -> Mapping[str, T]:
    return items if isinstance(items, FrozenMapping) else FrozenMapping(items)


NamedBy = Annotated[Mapping[K, T], AfterValidator(_frozen)]
"""The annotation of a mapping whose keys the user chooses, in a form of their own."""
Named = NamedBy[str, T]
"""The annotation of a mapping whose keys the user chooses freely."""
