"""What is masked, as the settings say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final

from jairouter.codec.json_strings import Places
from jairouter.codec.masking import Rule, Rules, Strategy
from jairouter.codec.patience import Patience
from jairouter.codec.strategies import (
    hash_with,
    keep_domain,
    keep_ends,
    mask,
    replace,
)
from jairouter.codec.words import words
from jairouter.filters.looking_through import Masking
from jairouter.filters.sanitize import Sanitize, Tools

if TYPE_CHECKING:
    from jairouter.config.settings.sanitization import (
        MaskingSettings,
        SanitizationRules,
        SanitizationSettings,
    )
    from jairouter.interfaces import IResponder

REDACTED: Final = "[REDACTED]"
WORDS: Final = "sensitive-words"
_DEFAULT: Final = "default"
_SAMPLES: Final = {
    "email": ("user@example.com", "first.last@mail.example.org"),
    "id-card": ("110101199003078888", "11010119900307888X"),
    "card": ("4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111"),
    "phone": ("13812345678", "138-1234-5678", "138 1234 5678", "+8613812345678", "+86 13812345678"),
}
"""What data of each kind looks like: an expression says what it is for by what it matches."""


class Maskings:
    """Makes the filter, as settings say.

    Args:
        tools: What it works with.
        random: Where the secret of this process comes from, when the first filter is made.
    """

    def __init__(self, tools: Tools, random: Random) -> None:
        self._tools = tools
        self._random = random
        self._secret = b""

    def wrap(self, settings: SanitizationSettings) -> Callable[[IResponder], IResponder] | None:
        """What makes the filter, or None where nothing is masked. May be called in a thread."""
        if not settings.request.enabled and not settings.response.enabled:
            return None
        secret = self._secret = self._secret or self._random.randbytes(32)
        request, response = masking_of(settings.request, secret), masking_of(settings.response, secret)
        if request is None and response is None:
            return None
        return partial(Sanitize, request=request, response=response, tools=self._tools)


def masking_of(settings: SanitizationRules, secret: bytes) -> Masking | None:
    """What is masked in one direction, or None.

    Args:
        settings: Those of the direction.
        secret: Of this process; see `hash_with`.
    """
    if not settings.enabled:
        return None
    rules = rules_of(settings, secret)
    if not rules.all:
        return None
    return Masking(
        rules,
        Places(settings.excluded_members, ("logprobs",)),
        frozenset(settings.whitelist_users),
        settings.whitelist_ips,
        settings.fail_on_error,
        settings.log_sanitization,
        getattr(settings, "max_held", 0),
        getattr(settings, "max_wait", 0.0),
    )


def rules_of(settings: MaskingSettings, secret: bytes) -> Rules:
    """All that is looked for."""
    return Rules([*_rules(settings, secret)])


def _rules(settings: MaskingSettings, secret: bytes) -> Iterator[Rule]:
    character = settings.masking_char

    def made(name: str, type: str, pattern: str, kind: str, wanted: str | None, priority: int) -> Rule:
        strategies = settings.strategies
        wanted = wanted or strategies.get(name) or strategies.get(kind) or strategies.get(_DEFAULT, "mask")
        priorities = settings.rule_priorities
        number = priorities.get(name, priorities.get(kind, priority))
        return Rule(name, type, pattern, _strategy(wanted, character, secret), number)

    if settings.sensitive_words:
        yield made(WORDS, "SENSITIVE_WORD", words(settings.sensitive_words), WORDS, None, 1)
    taken: Counter[str] = Counter()
    for place, pattern in enumerate(settings.pii_patterns, 1):
        kind = kind_of(pattern)
        taken[kind] += 1
        name = f"pattern-{place}" if not kind else kind if taken[kind] == 1 else f"{kind}-{taken[kind]}"
        yield made(name, "PII_PATTERN", pattern, kind, None, 2)
    for name, rule in settings.custom_rules.items():
        yield made(name, "CUSTOM_REGEX", rule.pattern, name, rule.strategy, 2)


def kind_of(pattern: str) -> str:
    """The one kind of data that an expression is for, or nothing."""
    rule = Rule("", "", pattern, replace(""), 0)
    patience = Patience(lambda: 0.0, 0.1)
    kinds = [
        kind
        for kind, samples in _SAMPLES.items()
        if any(rule.find(sample, 0, patience) == (0, len(sample)) for sample in samples)
    ]
    return kinds[0] if len(kinds) == 1 else ""


def _strategy(wanted: str, character: str, secret: bytes) -> Strategy:
    if text := re.fullmatch(r"replace:(.*)", wanted, re.DOTALL):
        return replace(text[1])
    return {
        "replace": replace(REDACTED),
        "remove": replace(""),
        "hash": hash_with(secret),
        "keep-prefix-suffix": keep_ends(character),
        "keep-domain": keep_domain(character),
    }.get(wanted, mask(character))
