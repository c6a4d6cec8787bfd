"""Secrets that somebody could guess: those of documentation, and those that fingers come up with.

A secret is looked at as a guesser would: the words that examples are made of, and runs along the keyboard or
the alphabet, cost a guesser nothing; what is left of it has to be long enough. What passes may be weak all
the same: nothing but chance makes a good one (`jairouter new-key`, `jairouter new-secret`).
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

SHORTEST: Final = 16
"""Characters below which any secret is weak: of letters and digits by chance, they are 95 bits."""
_LEFT: Final = 8
"""Characters that must be left when words and runs are taken away."""
_DIFFERENT: Final = 8
"""Different characters that there must be: 32 hexadecimal digits by chance have fewer once in 30 million."""
_RUN: Final = 4
"""Characters in a row that make a run."""

_WORDS: Final = """
    a abc access account admin administrator algorithm an and anthropic any api app application at auth
    authentication authorization backend bar baz bearer before bit bits by change changed changeit
    changeme changethis characters chars client complex config configuration create credential credentials
    default demo deploy deployment dev development do dont dummy edit enter env environment example fake
    fill foo for from frontend gateway generate generation guest has hash hashed hello here hmac hs256
    hs384 hs512 i id in insecure insert instead into is it jairouter jwt keep key keys letmein live local
    localhost login long master me min minimum model must my name need needs never new no not of once one
    only openai operator or owner pass passphrase passwd password placeholder please private prod
    production proxy public put pw random real replace replacethis root router safe salt sample secret
    secrets secure security server service set should sign signature signing sk something spring staging
    string strong super supersecret test testing than that the this to todo token top topsecret update use
    used user value very want weak welcome with world you your 128 256 32 384 512 64
"""
_SORTED: Final = sorted(_WORDS.split(), key=len, reverse=True)
_LONG: Final = re.compile("|".join(each for each in _SORTED if len(each) > 3))
_FEW: Final = "|".join(each for each in _SORTED if len(each) <= 3)
_SHORT: Final = re.compile(f"(?<![a-z0-9])(?:{_FEW}|(?:19|20)[0-9][0-9])+(?![a-z0-9])")
"""Short words count only where nothing stands beside them but others: chance makes some of them."""
_LIKE: Final = str.maketrans("013457@$!", "oleastasi")
"""Digits and signs that people write for letters."""
_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    *("1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm"),
    "!@#$%^&*()",
)
_NEIGHBOURS: Final = frozenset(pair for row in _ROWS for each in (row, row[::-1]) for pair in pairwise(each))


def weakness(secret: str, least: int = SHORTEST) -> str | None:
    """Say why a secret is weak.

    Args:
        secret: What is to be guessed by nobody.
        least: Characters that it must have; more for keys that sign (RFC 7518, section 3.2: as many bytes as
            the hash has).

    Returns:
        The reason, which follows "it is weak: " and does not show the secret; None where nothing speaks
        against it.
    """
    text = secret.strip()
    folded = text.lower()
    if len(text) < least:
        # An example that is short as well is better called by its name
        return _EXAMPLE if folded and _is_words(folded) else f"it has fewer than {least} characters"
    return _monotony(text, least) or _habit(folded, min(_LEFT, least // 2))


def _monotony(text: str, least: int) -> str | None:
    """Whether there is little in it, written often."""
    if len(set(text)) < _DIFFERENT:
        return f"it has only {len(set(text))} different characters"
    if (period := _period(text)) < least and period <= len(text) // 2:
        return f"it repeats {period} characters"
    return None


def _habit(folded: str, enough: int) -> str | None:
    """Whether it is what fingers come up with."""
    if _is_words(folded):
        return _EXAMPLE
    without = _without_runs(folded)
    if len(without) < enough:
        return "it runs along the keyboard or the alphabet"
    if len(_without_words(without)) < enough:
        return "it is made of usual words and runs along the keyboard or the alphabet"
    return None


_EXAMPLE: Final = "it is made of the words of examples"


def _is_words(folded: str) -> bool:
    """Whether nothing, or a few characters, is left beside the words of examples."""
    left = min(len(_without_words(folded)), len(_without_words(folded.translate(_LIKE))))
    return left <= min(_LEFT - 1, len(folded) // 3)


def _without_words(folded: str) -> str:
    without = _SHORT.sub(" ", _LONG.sub(" ", folded.replace("_", " ")))
    return re.sub(r"\W+", "", without)


def _without_runs(folded: str) -> str:
    """What is left when runs along a row are taken away, be they forward or backward, and one key alike."""
    kept, run = [], folded[:1]
    for before, after in pairwise(folded):
        if before == after or (before, after) in _NEIGHBOURS:
            run += after
            continue
        kept.append(run)
        run = after
    kept.append(run)
    return "".join(each for each in kept if len(each) < _RUN)


def _period(text: str) -> int:
    """After how many characters a text begins again, to its end; its length if it does not.

    The failure function of Knuth, Morris and Pratt (1977) gives it in one pass.
    """
    borders = [0] * len(text)
    for at in range(1, len(text)):
        border = borders[at - 1]
        while border and text[at] != text[border]:
            border = borders[border - 1]
        borders[at] = border + (text[at] == text[border])
    return len(text) - (borders[-1] if borders else 0)
