"""What can be asked about versions, of a running gateway and of its directory alike.

Answers are what the management API has in ``data``, whoever gives them, so that they look the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Offered:
    """A file with changes.

    Attributes:
        name: As whoever offers it calls it.
        content: What is in it: YAML, of which JSON is a part.
        replace: Whether it stands in place of all stored changes, and is not laid over what is in force.
    """

    name: str
    content: bytes
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a change is made.

    Attributes:
        description: Why, for the history; empty for what is done.
        parent: The version that must be current; None for whichever is.
        undo_within: Seconds for which it is watched, to be taken back by itself; None for what is configured.
        undo_margin: By how much more of the requests may fail, as a share; None for what is usual.
    """

    description: str = ""
    parent: int | None = None
    undo_within: float | None = None
    undo_margin: float | None = None


class Side(Protocol):
    """A running gateway, or the directory of one.

    Every method raises `Failure` when it cannot do what it is for.
    """

    @property
    def name(self) -> str:
        """What it is: ``the gateway at http://127.0.0.1:8080``."""

    def history(self) -> Sequence[Answer]:
        """All versions, the oldest first: ``version``, ``createdAt``, ``createdBy``, ``current``..."""

    def current(self) -> int:
        """The number of the version in force; 0 for the files alone."""

    def tree(self, number: int, what: str) -> Answer:
        """What a version amounts to over the files (``tree``), or what it changes in them (``changes``)."""

    def compare(self, first: int, second: int) -> Answer:
        """How the second differs from the first, in ``differences``."""

    def plan(self, offered: Offered | None) -> Answer:
        """What a change would do; None for what a reload would do: ``differences``, ``faults``..."""

    def apply(self, offered: Offered, terms: Terms) -> Answer:
        """Make a change: ``version``, ``changed``, ``notices``."""

    def rollback(self, number: int, terms: Terms) -> Answer:
        """Make a new version like an old one: likewise."""

    def reload(self) -> Answer:
        """Read the files and the store again: likewise."""
