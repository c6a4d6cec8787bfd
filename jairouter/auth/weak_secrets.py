"""Secrets that can be guessed: out of examples, or with too little chance in them.

Whoever guesses the secret of tokens is whoever they like. A token is all they need to try out guesses, at
home, some thousands of millions in a second.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from math import log2
from typing import Final

LEAST_CHANCE: Final = 80.0
"""Bits that all of it has to have, by how often each character is there. Of 32 random hexadecimal digits it
is about 115, and less than 96 once in ten thousand times."""
LEAST_OWN: Final = 64.0
"""Bits that has to have what is left of it without the words of examples."""

_WORDS: Final = r"""
    the this that your my our very super top too long here there must least minimum min max char chars
    character characters bit bits byte bytes for and with use not only in is be me at of or to it you a an
"""
"""What examples are made of besides, where it stands alone."""
_LONG_WORDS: Final = r"""
    production development configuration authentication authorization application environment characters
    jairouter placeholder changeme passphrase password generated generate security signature testing
    example default private replace signing contain minimum random secrets secure secret please change
    should sample string insecure strong docker server access refresh router tokens token admin
    local gateway value demo test prod jwtkey jwt hmac sha256 sha384 sha512 hs256 hs384 hs512 base64 key
    your this here with must least long super that very dev
"""
"""What examples are made of, wherever it stands."""

_ALONE: Final = frozenset(re.findall(r"\w+", _WORDS))
_LONG: Final = re.compile("|".join(sorted(re.findall(r"\w+", _LONG_WORDS), key=len, reverse=True)))
_COUNTED: Final = re.compile(r"[^a-z0-9]+|(?:0?1234567890?|12345678?|123456?)")
_PART: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[^A-Za-z0-9]+")


def why_weak(secret: str) -> str:
    """Why a secret can be guessed, to stand behind "it"; nothing where it cannot, as far as one can see."""
    if _period(secret) <= len(secret) // 2:
        return "repeats itself"
    if _is_run(secret):
        return "is a run of characters as they stand in the alphabet or on the keyboard"
    if _chance(secret) < LEAST_CHANCE:
        return "has too few different characters"
    if _chance(_own(secret)) < LEAST_OWN:
        return "is made of words that stand in examples"
    return ""


def _chance(text: str) -> float:
    """Bits, if each character were drawn as often as it is there."""
    counts = Counter(text)
    return sum(count * log2(len(text) / count) for count in counts.values())


def _period(text: str) -> int:
    """Characters after which a text begins again; the last time may be cut off."""
    return next((size for size in range(1, len(text)) if text[size:] == text[:-size]), len(text))


_ROWS: Final = ("qwertyuiopasdfghjklzxcvbnm", "1234567890", "abcdefghijklmnopqrstuvwxyz")


def _is_run(text: str) -> bool:
    """Whether nearly each character follows from the one before."""
    lower = text.lower()
    steps = {(row[n], row[n + 1]) for row in _ROWS for n in range(len(row) - 1)}
    steps |= {(later, earlier) for earlier, later in steps}
    follows = sum(pair in steps or abs(ord(pair[0]) - ord(pair[1])) <= 1 for pair in pairwise(lower))
    return follows >= 0.75 * (len(text) - 1)


def _own(secret: str) -> str:
    """What is left without the words of examples, and without what everybody counts up to."""
    parts = (part for part in _PART.findall(secret) if part.lower() not in _ALONE)
    return _COUNTED.sub("", _LONG.sub("-", "".join(parts).lower()))
