r"""Finds what is to be masked in a text, also in one that comes in pieces, and what stands there instead.

Every rule goes through a text by itself, from left to right. What the finds of several rules have in common
is masked as one, by the rule that comes first (see `Rules`): nothing that any rule has found stays readable.

**Pieces.** A text whose end is still to come is looked through as far as no further character could change
what is found there. The `regex` package says for a search whether it has come to the end of the text while it
looked (``partial=True``), but only where nothing was found. So a second expression is made of each rule,
``(?>rule)(?!)``: it goes the same way through the text as the rule itself, up to the first find, never finds
anything, and so tells of each place whether the end was seen from there. The edge of a word and the end of a
line it does not tell; where a rule has these, it is tried with a letter and with a blank behind the text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import regex

from jairouter.codec.patience import TOO_SLOW, Patience, Unreadable

_EDGES: Final = regex.compile(r"\\[bBmMzZ]|\$")
_BEHIND: Final = ("a", " ", "\n")
_NOT_AT_HOME: Final = regex.compile(
    r"\\[1-9gkKLG] | (?<!\\)(?:\\\\)*+\( (?: \?(?! [:=!>] | <[=!] ) | \* )", regex.VERBOSE
)
"""What means something else where an expression is part of another one: references, names, flags, verbs."""
_SHORT: Final = 64
"""Characters of a text that are searched for all rules at once. Each search has a price of its own, for its
time limit; but in a long text, a search for one expression skips what cannot begin a find."""
_FLAGS: Final = regex.IGNORECASE | regex.V0


class Edit(NamedTuple):
    """Something in a text that is replaced.

    Attributes:
        start: Where it begins, in characters from the beginning of the text.
        end: Where it ends.
        text: What stands there instead.
    """

    start: int
    end: int
    text: str


Strategy = Callable[[str], str]
"""Makes of what was found what stands there instead."""


class Rule:
    """One thing to look for.

    Args:
        name: For logs and metrics.
        type: Likewise: ``SENSITIVE_WORD``, ``PII_PATTERN`` or ``CUSTOM_REGEX``.
        pattern: A regular expression of the `regex` package; case does not matter.
        strategy: What is done.
        priority: Of several rules that find the same, the one with the lowest number counts.

    Attributes:
        edges: Whether it asks for what a search of the beginning of a text does not tell: see the module.
    """

    __slots__ = ("_pattern", "_probe", "edges", "name", "pattern", "priority", "strategy", "type")

    def __init__(self, name: str, type: str, pattern: str, strategy: Strategy, priority: int) -> None:
        self.name = name
        self.type = type
        self.strategy = strategy
        self.priority = priority
        self._pattern = regex.compile(pattern, _FLAGS)
        self._probe = regex.compile(f"(?>{pattern})(?!)", _FLAGS)
        self.pattern = pattern
        self.edges = _EDGES.search(pattern) is not None

    def find(self, text: str, at: int, patience: Patience) -> tuple[int, int] | None:
        """Where the next find is; never one without length."""
        while at <= len(text):
            found = _search(self._pattern, text, at, patience)
            if found is None:
                return None
            if found.end() > found.start():
                return found.span()  # type: ignore[no-any-return]
            at = found.end() + 1
        return None

    def open_from(self, text: str, at: int, found: tuple[int, int] | None, patience: Patience) -> int:
        """From where on it is open what will be found when more text comes.

        Args:
            text: What is here.
            at: Where the search begins.
            found: What `find` has found from there on.
            patience: How long it may take.
        """
        size = len(text)
        seen = _search(self._probe, text, at, patience, partial=True)
        start = size if seen is None else seen.start()
        if found is not None and found[1] == size:
            start = min(start, found[0])
        if self.edges:
            for behind in _BEHIND:
                start = min(start, self._differs(text + behind, at, found, size, patience))
        return start

    def _differs(
        self, text: str, at: int, found: tuple[int, int] | None, size: int, patience: Patience
    ) -> int:
        """From where on something else is found in a text that goes on in one way."""
        other = self.find(text, at, patience)
        seen = _search(self._probe, text, at, patience, partial=True)
        start = size if seen is None else seen.start()
        if other != found:
            start = min(start, *(each[0] for each in (other, found) if each is not None))
        return start


def _search(pattern: Any, text: str, at: int, patience: Patience, *, partial: bool = False) -> Any:
    try:
        return pattern.search(text, at, timeout=patience.left(), partial=partial)
    except TimeoutError:
        raise Unreadable(TOO_SLOW) from None


class Rules:
    """All that is looked for.

    Args:
        rules: They come first by their priority, then by the length of what they found, then by their place
            here.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.all = tuple(sorted(rules, key=lambda rule: rule.priority))
        self._any = _any_of(self.all)
        self._edges = any(rule.edges for rule in self.all)

    def open_from(self, text: str, at: int, patience: Patience) -> int | None:
        """From where on it is open whether any rule finds something when more text comes.

        This is one search instead of several for each rule.

        Returns:
            None if it cannot be told so: something is found, or some rule wants a look of its own.

        Raises:
            Unreadable: It takes too long.
        """
        if self._any is None or self._edges or len(text) - at > _SHORT:
            return None
        seen = _search(self._any, text, at, patience, partial=True)
        if seen is None:
            return len(text)
        return seen.start() if seen.partial else None

    def edits(self, text: str, patience: Patience, counts: Counter[Rule]) -> list[Edit]:
        """What is replaced in a whole text, in order.

        Raises:
            Unreadable: It takes too long.
        """
        if len(text) <= _SHORT and self._any is not None and _search(self._any, text, 0, patience) is None:
            return []
        finds: list[Find] = []
        for order, rule in enumerate(self.all):
            at = 0
            while (found := rule.find(text, at, patience)) is not None:
                finds.append(Find(*found, order))
                at = found[1]
        return replaced(self.all, joined(finds), text, 0, counts) if finds else []

    def masked(self, text: str, patience: Patience, counts: Counter[Rule]) -> str:
        """A whole text, masked.

        Raises:
            Unreadable: It takes too long.
        """
        return applied(text, self.edits(text, patience, counts))


def _any_of(rules: Sequence[Rule]) -> Any:
    """An expression that is found where any rule finds something, or None."""
    if not rules or any(_NOT_AT_HOME.search(rule.pattern) for rule in rules):
        return None
    try:
        return regex.compile("|".join([f"(?:{rule.pattern})" for rule in rules]), _FLAGS)
    except regex.error:
        return None


def applied(text: str, edits: Sequence[Edit]) -> str:
    """A text with what is replaced in it."""
    if not edits:
        return text
    parts: list[str] = []
    at = 0
    for edit in edits:
        parts += (text[at : edit.start], edit.text)
        at = edit.end
    return "".join((*parts, text[at:]))


class Find(NamedTuple):
    """What a rule has found; `order` is its place among the rules."""

    start: int
    end: int
    order: int


class Group(NamedTuple):
    """Finds that have something in common, from the first one's start to the last one's end."""

    start: int
    end: int
    finds: list[Find]


def joined(finds: list[Find]) -> list[Group]:
    """Finds that have something in common are one."""
    groups: list[Group] = []
    for find in sorted(finds):
        if groups and find.start < groups[-1].end:
            last = groups[-1]
            groups[-1] = Group(last.start, max(last.end, find.end), [*last.finds, find])
        else:
            groups.append(Group(find.start, find.end, [find]))
    return groups


def replaced(
    rules: Sequence[Rule], groups: list[Group], text: str, begin: int, counts: Counter[Rule]
) -> list[Edit]:
    """What is replaced, where `text` begins at `begin`."""
    edits = []
    for group in groups:
        first = min(
            group.finds,
            key=lambda find: (rules[find.order].priority, find.start - find.end, find.order, find.start),
        )
        rule = rules[first.order]
        counts[rule] += 1
        found = text[group.start - begin : group.end - begin]
        edits.append(Edit(group.start, group.end, rule.strategy(found)))
    return edits
