"""Settings of what is masked in requests and answers."""

from typing import Annotated, Any

from jairouter.config.forms import Switch, Text, Words
from jairouter.config.frozen import FrozenMapping, Named
from jairouter.config.numbers import Integer
from jairouter.config.settings.section import Section

_NONE: FrozenMapping[Any] = FrozenMapping()
_PHONE = r"\d{11}"
_IDENTITY = r"\d{18}"
_EMAIL = r"[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}"
_CARD = r"\d{4}[- ]?\d{4}[- ]?\d{4}[- ]?\d{4}"


class SanitizationRules(Section):
    """What is masked in one direction."""

    enabled: Switch = False
    """Whether anything is masked."""

    sensitive_words: tuple[Words, ...] = ()
    """Words that are masked wherever they stand alone."""

    pii_patterns: tuple[Words, ...] = (_PHONE, _EMAIL, _CARD)
    """Regular expressions of personal data; what they match is masked."""

    masking_char: Annotated[str, Text(".{1,5}", "one to five characters")] = "*"
    """What stands in place of each masked character."""

    whitelist_users: tuple[Words, ...] = ()
    """Callers whose data is left as it is."""

    whitelist_ips: tuple[Words, ...] = ()
    """Addresses and networks whose data is left as it is."""

    log_sanitization: Switch = True
    """Whether it is logged that something was masked (never what)."""

    fail_on_error: Switch = False
    """Whether a body that cannot be looked through is refused instead of passed on."""

    strategies: Named[Words] = _NONE
    """How each kind of data (`phone`, `email`, `id-card`, `default`) is masked."""

    rule_priorities: Named[Annotated[int, Integer(0)]] = _NONE
    """Order of the rules; lower numbers come first."""

    preserve_json_structure: Switch = True
    """Whether only values are masked, never the names of members."""


class SanitizationSettings(Section):
    """What is masked in requests and answers."""

    request: SanitizationRules = SanitizationRules(
        sensitive_words=("password", "secret", "token", "key", "credential", "auth", "session"),
        pii_patterns=(_PHONE, _IDENTITY, _EMAIL, _CARD),
    )
    """What is masked on the way to a backend."""

    response: SanitizationRules = SanitizationRules(
        sensitive_words=("internal", "debug", "error", "exception", "stack", "trace"),
        log_sanitization=False,
    )
    """What is masked on the way back."""
