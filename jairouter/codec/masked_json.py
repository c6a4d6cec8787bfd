"""Masks the texts in a JSON document: string values, never names, numbers or protocol."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from jairouter.codec.json_arguments import ArgumentsInPieces
from jairouter.codec.json_strings import Places, Value, decoded, moved, string_values
from jairouter.codec.masking import Edit, Rule, Rules, applied
from jairouter.codec.patience import Patience

ARGUMENTS: Final = frozenset({"arguments", "partial_json"})
"""Members whose strings are JSON themselves."""

_DATA_URL: Final = re.compile(r"data:[\w.+/;=-]{0,200};base64,[A-Za-z0-9+/=_-]{256,}+\s*+")
"""A file. What is shorter may be a number that somebody has written so."""


def masked_json(text: str, rules: Rules, places: Places, patience: Patience, counts: Counter[Rule]) -> str:
    """Mask a whole document.

    Args:
        text: The document.
        rules: What is masked.
        places: What is left alone.
        patience: How long it may take.
        counts: Where it is counted what was masked.

    Returns:
        The same document, to the letter but for what was masked.

    Raises:
        Unreadable: It is no JSON, or it takes too long.
    """
    edits: list[Edit] = []
    for value in string_values(text, places):
        edits += edits_in(text, value, rules, patience, counts)
    return applied(text, edits)


def edits_in(text: str, value: Value, rules: Rules, patience: Patience, counts: Counter[Rule]) -> list[Edit]:
    """What is replaced in one value of a document, as places in the document."""
    if value.empty:
        return [Edit(value.start, value.end, value.empty)]
    raw = text[value.start : value.end]
    if not raw or (raw.startswith("data:") and _DATA_URL.fullmatch(raw.replace("\\/", "/"))):
        return []
    meant, written = decoded(raw)
    if value.path and value.path[-1] in ARGUMENTS:
        inner = ArgumentsInPieces(rules, counts)
        inner.feed(meant, patience)
        inner.finish(patience)
        edits = inner.edits
    else:
        edits = rules.edits(meant, patience, counts)
    return moved(edits, written, value.start) if edits else []
