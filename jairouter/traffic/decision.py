"""A decision in retrospect: where a request went, and why there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jairouter.exchange import Attempt, Exchange
    from jairouter.traffic.group import Excluded

LONGEST_KEY: Final = 256
"""Bytes of a key that is kept; no balancer could be asked again with a part of one."""


@final
class Key:
    """What a request had in common with others, as its balancer was told.

    It may be a session or a credential: it is there to ask a balancer again, and never to be shown.

    Args:
        value: The key.
        made_by: Made it; see `jairouter.traffic.affinity`.
    """

    __slots__ = ("_made_by", "_value")

    def __init__(self, value: bytes, made_by: Callable[[Exchange], bytes]) -> None:
        self._value = value
        self._made_by = made_by

    @classmethod
    def of(cls, exchange: Exchange) -> Key | None:
        """The key of an exchange, if it has one that is not too long to be kept."""
        value, group = exchange.key, exchange.group
        if not value or len(value) > LONGEST_KEY or group is None or group.key_of is None:
            return None
        return cls(value, group.key_of)

    def for_keys_of(self, made_by: Callable[[Exchange], bytes] | None) -> bytes | None:
        """The key, if it is the one that `made_by` would make; None if nobody can know."""
        return self._value if _alike(self._made_by, made_by) else None

    def __repr__(self) -> str:
        return "Key(...)"


def _alike(one: object, other: object) -> bool:
    """Whether they make the same keys: each configuration has makers of its own."""
    if isinstance(one, partial) and isinstance(other, partial):
        return one.func is other.func and one.args == other.args
    return one is other


class Decision(NamedTuple):
    """One request, as far as the choice of its backend is concerned.

    Attributes:
        at: When it came, in the clock's seconds.
        id: Of the request.
        path: The route.
        service: Which service.
        model: What the client asked for, or the model that stood in for it.
        status: What the client got; 499 when it left.
        error: The code of the error that it got, or nothing.
        waited: Seconds for which a limit held it back.
        seconds: From its arrival to the last byte of its answer.
        fallback: Who answered in place of the model, or nothing.
        attempts: In the order in which they began. Each says which instances were excluded and why, how many
            candidates there were, which one was picked, and when it came how far.
        excluded: Where no instance was found in the end, why each could not be used.
        key: What its balancer went by, if it goes by keys.
    """

    at: float
    id: str
    path: str
    service: str
    model: str
    status: int
    error: str
    waited: float
    seconds: float
    fallback: str
    attempts: Sequence[Attempt]
    excluded: Excluded = ()
    key: Key | None = None
