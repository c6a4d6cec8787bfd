"""Which profiles are active, and which files and documents belong to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from jairouter.config.faults import Findings, Origin
from jairouter.config.naming import relaxed, split_key
from jairouter.config.tree import Items, Node, Scalar, Written

STEMS: Final = ("application", "jairouter")
SUFFIXES: Final = (".yml", ".yaml")
#: Always read when it is there: existing installations keep security in it without a profile.
ALWAYS: Final = "security"
#: With one of these active, what only a trial needs is let pass, with a notice.
DEVELOPMENT: Final = frozenset({"dev", "development", "local", "test"})

_PROFILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@-]*")
_FILE = re.compile(r"(?:application|jairouter)-(.+)\.ya?ml")
_WORDS = re.compile(r"\s*([A-Za-z0-9_.+@-]+|[!&|()])")


def is_development(profiles: Iterable[str]) -> bool:
    """Whether this is no gateway that anybody relies on."""
    return not DEVELOPMENT.isdisjoint(profiles)


def split_profiles(texts: Iterable[str], origin: Origin, findings: Findings) -> tuple[str, ...]:
    """Read names of profiles, with commas between; each counts once, in the order given."""
    names = [name.strip() for text in texts for name in text.split(",")]
    for name in names:
        # A profile becomes part of a file name, so it must not lead to another directory.
        if name and not _PROFILE.fullmatch(name):
            findings.fault(origin, (), "a profile's name has letters, digits and _ . + @ - only")
    return tuple(dict.fromkeys(name for name in names if _PROFILE.fullmatch(name)))


def profile_of_file(name: str) -> str | None:
    """Return the profile that a file belongs to by its name, or None."""
    found = _FILE.fullmatch(name)
    return found[1] if found else None


def find(node: Node, path: Sequence[str]) -> Node | None:
    """Look a key up in what was written, in any of its spellings, flat or nested."""
    if not path:
        return node
    if isinstance(node, Written):
        for entry in node.entries:
            steps = [relaxed(part) for part in split_key(entry.key)]
            if steps == list(path[: len(steps)]):
                found = find(entry.node, path[len(steps) :])
                if found is not None:
                    return found
    return None


def texts_of(node: Node | None) -> tuple[str, ...]:
    """Return the texts of a value that may be a single text or a list."""
    items = node.items if isinstance(node, Items) else (node,)
    return tuple(item.text for item in items if isinstance(item, Scalar) and not item.is_null)


def applies(document: Node, profiles: Sequence[str], findings: Findings) -> bool:
    """Whether a document is meant for the active profiles; without a condition it always is."""
    condition = find(document, ("spring", "config", "activate", "onprofile"))
    expressions = texts_of(condition)
    if condition is None or not expressions:
        return True
    results = []
    for expression in (part for text in expressions for part in text.split(",")):
        try:
            results.append(_Expression(expression, profiles).value())
        except ValueError:
            told = "expected profiles joined by !, &, | and parentheses"
            findings.fault(condition.origin, ("spring", "config", "activate", "on-profile"), told)
    return any(results)


class _Expression:
    """A condition such as `prod & !(eu | us)`; `&` and `|` bind alike, from the left."""

    def __init__(self, text: str, profiles: Sequence[str]) -> None:
        self._words = _WORDS.findall(text)[::-1]
        self._profiles = profiles
        if "".join(self._words[::-1]) != "".join(text.split()) or len(text) > 200:
            raise ValueError

    def value(self) -> bool:
        """Evaluate the condition.

        Raises:
            ValueError: it is not well formed.
        """
        result = self._joined()
        if self._words:
            raise ValueError
        return result

    def _joined(self) -> bool:
        result = self._single()
        while self._words and self._words[-1] in "&|":
            operator = self._words.pop()
            other = self._single()
            result = (result and other) if operator == "&" else (result or other)
        return result

    def _single(self) -> bool:
        if not self._words:
            raise ValueError
        word = self._words.pop()
        if word == "!":
            return not self._single()
        if word == "(":
            result = self._joined()
            if not self._words or self._words.pop() != ")":
                raise ValueError
            return result
        if word in "&|)":
            raise ValueError
        return word in self._profiles
