"""Settings of what is masked in requests, in answers and in the log."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from pydantic import model_validator

from jairouter.config.expressions import fault_in
from jairouter.config.forms import Form, Name, Switch, Text, Unfit, Words
from jairouter.config.frozen import FrozenMapping, Named
from jairouter.config.naming import relaxed
from jairouter.config.networks import Network
from jairouter.config.numbers import Count, Integer
from jairouter.config.quantities import Seconds
from jairouter.config.settings.section import Section, refuse

STRATEGIES: Final = ("mask", "replace", "remove", "hash", "keep-prefix-suffix", "keep-domain")
_ALSO: Final = {"full-mask": "mask"}
_REPLACE: Final = re.compile(r"(?i:replace)\s*:\s*(.*)", re.DOTALL)
_SECRETS: Final = ("password", "secret", "token", "key", "credential", "auth", "session")
_NONE: FrozenMapping[Any] = FrozenMapping()
_PHONE = r"\d{11}"
_IDENTITY = r"\d{18}"
# (No longer than RFC 5321 has them: without an end, a search of one long word takes the square of its length)
_EMAIL = r"[a-zA-Z0-9._%+-]{1,64}@[a-zA-Z0-9.-]{1,253}\.[a-zA-Z]{2,}"
_CARD = r"\d{4}[- ]?\d{4}[- ]?\d{4}[- ]?\d{4}"
_PROTOCOL: Final = (
    "model",
    "role",
    "type",
    "id",
    "object",
    "name",
    "status",
    "event",
    "call_id",
    "tool_call_id",
    "item_id",
    "file_id",
    "response_id",
    "previous_response_id",
    "conversation",
    "url",
    "image_url",
    "file_url",
    "file_data",
    "input_audio.data",
    "source.data",
    "audio.data",
    "b64_json",
    "partial_image_b64",
    "embedding",
    "encoding_format",
    "response_format",
    "output_format",
    "format",
    "media_type",
    "mime_type",
    "voice",
    "size",
    "quality",
    "style",
    "language",
    "tools",
    "functions",
    "tool_choice",
    "stop",
    "include",
    "modalities",
    "service_tier",
    "effort",
    "reasoning_effort",
    "verbosity",
    "truncation",
    "cache_control",
    "prompt_cache_key",
    "encrypted_content",
    "signature",
    "finish_reason",
    "stop_reason",
    "system_fingerprint",
    "error.code",
    "error.param",
    "obfuscation",
    "timestamp_granularities",
)


@dataclass(frozen=True)
class StrategyForm(Form):
    """A way to mask."""

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return f"one of {', '.join(STRATEGIES)}, or replace:TEXT"

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if isinstance(value, str):
            if text := _REPLACE.fullmatch(value):
                return f"replace:{text[1]}"
            for name in (*STRATEGIES, *_ALSO):
                if relaxed(name) == relaxed(value):
                    return _ALSO.get(name, name)
        raise Unfit


Strategy = Annotated[str, StrategyForm()]


class CustomRuleSettings(Section):
    """A rule of one's own."""

    pattern: Name
    """Regular expression; case does not matter."""

    strategy: Strategy | None = None
    """How what it matches is masked; not given, as `strategies` says."""


class MaskingSettings(Section):
    """What is masked."""

    enabled: Switch = False
    """Whether anything is masked."""

    sensitive_words: tuple[Name, ...] = ()
    """Words that are masked wherever they stand alone."""

    pii_patterns: tuple[Name, ...] = (_PHONE, _EMAIL, _CARD)
    """Regular expressions of personal data; what they match is masked. One that matches just one of the kinds
    `phone`, `email`, `id-card` and `card` is known by it, any other one as `pattern-1` and so on."""

    custom_rules: Named[CustomRuleSettings] = _NONE
    """Rules of one's own, by names."""

    masking_char: Annotated[str, Text(".{1,5}", "one to five characters")] = "*"
    """What stands in place of each masked character."""

    strategies: Named[Strategy] = _NONE
    """How each kind of data (`phone`, `email`, `id-card`, `card`, `sensitive-words`, `default`) is masked:
    `mask` (as many characters), `replace` (by `[REDACTED]`, or `replace:TEXT`), `remove`, `hash`,
    `keep-prefix-suffix` or `keep-domain`."""

    rule_priorities: Named[Annotated[int, Integer(0)]] = _NONE
    """Which rule counts where several match the same: that with the lowest number, then that with the longest
    match. Words have 1, all others 2."""

    @model_validator(mode="after")
    def _check_expressions(self) -> Self:
        if "pii_patterns" in self.model_fields_set:
            for place, pattern in enumerate(self.pii_patterns):
                if fault := fault_in(pattern):
                    raise refuse(fault, "pii_patterns", place)
        for name, rule in self.custom_rules.items():
            if fault := fault_in(rule.pattern):
                raise refuse(fault, "custom_rules", name, "pattern")
        return self


class SanitizationRules(MaskingSettings):
    """What is masked in one direction."""

    excluded_members: tuple[Name, ...] = _PROTOCOL
    """Members of JSON that are left alone, with all that is in them, at any depth; `source.data` is `data` in
    `source`. Of all others string values are masked, never names and numbers."""

    whitelist_users: tuple[Words, ...] = ()
    """Callers whose data is left as it is."""

    whitelist_ips: tuple[Network, ...] = ()
    """Addresses and networks whose data is left as it is."""

    log_sanitization: Switch = True
    """Whether it is recorded that something was masked (never what)."""

    fail_on_error: Switch = False
    """Whether a body that cannot be looked through is refused instead of passed on."""

    preserve_json_structure: Switch = True
    """Whether only values are masked, never the names of members."""


class RequestSanitizationRules(SanitizationRules):
    """What is masked on the way to a backend."""

    sensitive_words: tuple[Name, ...] = _SECRETS
    """Words that are masked wherever they stand alone."""

    pii_patterns: tuple[Name, ...] = (_PHONE, _IDENTITY, _EMAIL, _CARD)
    """Regular expressions of personal data; what they match is masked. One that matches just one of the kinds
    `phone`, `email`, `id-card` and `card` is known by it, any other one as `pattern-1` and so on."""


class ResponseSanitizationRules(SanitizationRules):
    """What is masked on the way back."""

    sensitive_words: tuple[Name, ...] = ("internal", "debug", "error", "exception", "stack", "trace")
    """Words that are masked wherever they stand alone."""

    log_sanitization: Switch = False
    """Whether it is recorded that something was masked (never what)."""

    max_held: Count = 256
    """Characters of a streamed text that may be held back while they may be the beginning of a match. What is
    longer is found in parts only."""

    max_wait: Seconds = 5.0
    """How long they may be held back."""


class SanitizationSettings(Section):
    """What is masked in requests, in answers and in the log."""

    request: RequestSanitizationRules = RequestSanitizationRules()
    """What is masked on the way to a backend."""

    response: ResponseSanitizationRules = ResponseSanitizationRules()
    """What is masked on the way back."""

    logs: MaskingSettings = MaskingSettings()
    """What is masked in what the gateway itself logs."""
