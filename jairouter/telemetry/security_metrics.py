"""Security events, for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from zope.interface import implementer

from jairouter.auditing import ALLOWED, DENIED, FAILED, IAudit
from jairouter.telemetry.metrics.families import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric

    from jairouter.auditing import Event
    from jairouter.telemetry.metrics.families import Families

AUTH_TYPES: Final = ("api-key", "jwt", "password", "unknown")
"""How somebody wanted to be known: ``details["authType"]`` of an event, or what its reason tells."""
FAILURE_REASONS: Final = ("expired", "invalid", "missing", "blocked", "rate_limited", "other")

_VIOLATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "AUTHENTICATION_FAILURE": ("authentication", "low"),
    "AUTHORIZATION_FAILURE": ("authorization", "medium"),
    "ACCOUNT_LOCKED": ("brute_force", "high"),
    "JWT_TOKEN_REUSED": ("token_reuse", "high"),
    "SUSPICIOUS_ACTIVITY": ("suspicious", "medium"),
    "SECURITY_ALERT": ("alert", "high"),
}
_TOKENS: Final = {
    "JWT_TOKEN_ISSUED": "issued",
    "JWT_TOKEN_REFRESHED": "refreshed",
    "JWT_TOKEN_REVOKED": "revoked",
}
_WORDS: Final = (
    ("EXPIRED", "expired"),
    ("MISSING", "missing"),
    ("EMPTY", "missing"),
    ("BLACKLIST", "blocked"),
    ("REVOKED", "blocked"),
    ("BLOCKED", "blocked"),
    ("LOCKED", "blocked"),
    ("ADDRESS", "blocked"),
    ("RATE", "rate_limited"),
    ("TOO_MANY", "rate_limited"),
    ("INVALID", "invalid"),
    ("LOGIN_FAILED", "invalid"),
    ("UNKNOWN", "invalid"),
)
_TYPES: Final = (("JWT", "jwt"), ("TOKEN", "jwt"), ("API_KEY", "api-key"), ("LOGIN", "password"))
_SUCCESS: Final = "AUTHENTICATION_SUCCESS"
_UNKNOWN: Final = "unknown"
_REMEMBERED: Final = 1000
"""Reasons of which is remembered what they come to; others are looked into anew."""


@implementer(IAudit)
class SecurityMetrics(Source):
    """Counts events; whether they are written down as well makes no difference.

    All series are there from the start, with 0: a rate is of no use that begins with the first event.

    Args:
        families: Make what is shown.
        lost: How many events the audit log could not keep.
    """

    def __init__(self, families: Families, lost: Callable[[], int] = lambda: 0) -> None:
        self._families = families
        self._lost = lost
        self._events: dict[tuple[str, str], int] = {}
        self._succeeded: dict[str, int] = {}
        self._failed: Counter[tuple[str, str]] = Counter()
        self._known: dict[str, tuple[str, str]] = {}

    def record(self, event: Event) -> None:
        """See `IAudit.record`."""
        kind, result = event.kind, event.result
        if kind == _SUCCESS and result == ALLOWED:  # each request: not a step too many
            how = event.details.get("authType", _UNKNOWN)
            self._succeeded[how] = self._succeeded.get(how, 0) + 1
            return
        key = (kind, result)
        self._events[key] = self._events.get(key, 0) + 1
        if kind == "AUTHENTICATION_FAILURE":
            told, why = self._read(event.reason)
            self._failed[_auth_type(event) or told, why] += 1

    often = record

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        shown = list(self._shown())  # a few dozen numbers, however many events there were
        return lambda: shown

    def _shown(self) -> Iterable[Metric]:
        results = {ALLOWED: sum(self._succeeded.values()), DENIED: 0, FAILED: 0}
        kinds: Counter[str] = Counter()
        for (kind, result), number in self._events.items():
            results[result if result in results else FAILED] += number
            kinds[kind] += number
        yield self._family("events", results)
        yield from self._authentications()
        violations = {_VIOLATIONS[kind]: kinds[kind] for kind in _VIOLATIONS}
        yield self._family("violations", violations)
        for kind, done in _TOKENS.items():
            yield self._family(f"jwt_tokens_{done}", {(): kinds[kind]})
        yield self._family("audit_events_lost", {(): self._lost()})

    def _authentications(self) -> Iterable[Metric]:
        succeeded = dict.fromkeys(AUTH_TYPES, 0)
        for how, number in self._succeeded.items():
            succeeded[how if how in succeeded else _UNKNOWN] += number
        attempts = sum(succeeded.values()) + self._failed.total()
        yield self._family("authentication_attempts", {(): attempts})
        yield self._family("authentication_successes", succeeded)
        failed = {(each, why): self._failed[each, why] for each in AUTH_TYPES for why in FAILURE_REASONS}
        yield self._family("authentication_failures", failed)

    def _family(self, name: str, numbers: Mapping[Any, int]) -> Metric:
        series = [((key,) if isinstance(key, str) else key, number) for key, number in numbers.items()]
        return self._families.known(f"security_{name}", series)

    def _read(self, reason: str) -> tuple[str, str]:
        """The kind of credential, and of failure, that a reason tells of."""
        found = self._known.get(reason)
        if found is None:
            text = reason.upper().replace(" ", "_")
            auth_type = next((each for word, each in _TYPES if word in text), "unknown")
            why = next((each for word, each in _WORDS if word in text), "other")
            found = auth_type, why
            if len(self._known) < _REMEMBERED:
                self._known[reason] = found
        return found


def _auth_type(event: Event) -> str | None:
    said = event.details.get("authType") if event.details else None
    return said if said in AUTH_TYPES else None
