"""What of a written value may be shown, and what may be stored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jairouter.config.composing import REPLACE, ROOT, json_text
from jairouter.config.forms import Form, Unfit
from jairouter.config.naming import KeyPath
from jairouter.config.secret import MASK
from jairouter.config.shape import Leaf, Listing, Shape, at
from jairouter.config.tree import Scalar
from jairouter.control import Changes

_PLACEHOLDER: Final = re.compile(r"(?<!\\)\$\{")
_BARE: Final = r"\$\{[A-Za-z0-9_.-]+:?\}"
"""A placeholder without a default, which could be the secret itself."""
_HARMLESS: Final = re.compile(rf"(?:[A-Za-z]{{1,20}} )?{_BARE}(?:[:./_-]?{_BARE})*")
"""A secret of which nothing is written: placeholders, perhaps behind a scheme (``Bearer``)."""


def has_placeholder(text: str) -> bool:
    """Whether part of a text is a placeholder."""
    return _PLACEHOLDER.search(text) is not None


def shown(leaf: Leaf, scalar: Scalar) -> Any:
    """Return a written value as it may be shown: as a JSON value, placeholders as written, secrets masked.

    Args:
        leaf: what it is.
        scalar: how it is written, before placeholders are replaced.
    """
    if scalar.is_null:
        return None
    form, text = leaf.form, scalar.text
    if not scalar.literal and has_placeholder(text):
        return MASK if is_secret(form, text) else text
    if form.secret:
        return MASK
    try:
        found = form.show(form.parse(text))
    except Unfit:
        return MASK if is_secret(form, text) else text
    return found.replace("${", "\\${") if isinstance(found, str) and scalar.literal else found


def shown_value(leaf: Leaf, value: Any, raw: str | None) -> Any:
    """Return a typed value as it may be shown: as `shown` does.

    Args:
        leaf: what it is.
        value: the value that applies.
        raw: its text as it was written, if it has placeholders.
    """
    found = leaf.form.show(value)
    if raw is None:
        return found
    if not is_secret(leaf.form, raw):
        return raw
    return found if MASK in str(found) else MASK


def is_secret(form: Form, text: str) -> bool:
    """Whether a text is a secret, or part of it is (or the mask of one), and not only says where it is."""
    if not text:
        return False
    if form.secret:
        return _HARMLESS.fullmatch(text) is None
    if has_placeholder(text):
        text = re.sub(_BARE, "", text)
        if "@" not in text and all(not each or each.endswith("=") for each in _query(text)):
            return False
    text = text.replace(MASK, "x")
    try:
        return MASK in str(form.show(form.parse(text)))
    except Unfit:
        return MASK in form.describe_text(text)


def _query(text: str) -> list[str]:
    """The parameters of a path or URL."""
    return text.partition("?")[2].split("&")


def secrets_in(changes: Changes) -> tuple[KeyPath, ...]:
    """Return the places of all secrets in changes, masks among them; there must be none in what is stored.

    Args:
        changes: in canonical form.
    """
    return tuple(path for path, form, text in texts_in(changes) if is_secret(form, text))


def texts_in(
    changes: Any, shape: Shape | None = ROOT, path: KeyPath = ()
) -> Iterator[tuple[KeyPath, Form, str]]:
    """Go through all single values that changes, or a part of them, give: place, form and text."""
    if isinstance(changes, Mapping):
        for key, inner in changes.items():
            if key != REPLACE:
                yield from texts_in(inner, at(shape, (key,)) if shape else None, (*path, key))
    elif isinstance(changes, list):
        for index, inner in enumerate(changes):
            yield from texts_in(inner, at(shape, (index,)) if shape else None, (*path, index))
    elif isinstance(shape, Leaf) and (text := json_text(changes)) is not None:
        yield path, shape.form, text
    elif isinstance(shape, Listing) and isinstance(shape.item, Leaf) and isinstance(changes, str):
        for index, part in enumerate(changes.split(",")):
            yield (*path, index), shape.item.form, part.strip()
