"""Decisions about recent requests, in plain values for whoever looks on: no key, no header, no address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jairouter.exchange import Phase

if TYPE_CHECKING:
    from jairouter.exchange import Attempt
    from jairouter.traffic.decision import Decision
    from jairouter.traffic.group import Excluded
    from jairouter.traffic.snapshot import Moment

_SENT = frozenset({Phase.WAITING, Phase.RECEIVING, Phase.BLOCKED})


def decision_state(decision: Decision, moment: Moment) -> dict[str, Any]:
    """One request: where it went, and why there.

    Times of attempts are seconds after the request came.
    """
    return {
        "time": moment.date(decision.at),
        "requestId": decision.id,
        "route": decision.path,
        "service": decision.service,
        "model": decision.model,
        "status": decision.status,
        "error": decision.error or None,
        "waited": round(decision.waited, 6),
        "duration": round(decision.seconds, 6),
        "fallback": decision.fallback or None,
        "attempts": [_attempt_state(each, decision.at) for each in decision.attempts],
        "excluded": _excluded(decision.excluded),
    }


def _attempt_state(attempt: Attempt, came: float) -> dict[str, Any]:
    def after(at: float) -> float | None:
        return round(at - came, 6) if at else None

    return {
        "instance": attempt.instance.label,
        "candidates": attempt.candidates,
        "excluded": _excluded(attempt.excluded),
        "hedge": attempt.hedge,
        "outcome": None if attempt.outcome is None else attempt.outcome.word,
        "status": attempt.status or None,
        "began": round(attempt.began - came, 6),
        "sent": round(attempt.sent - came, 6) if attempt.phase in _SENT else None,
        "answered": after(attempt.answered),
        "ended": after(attempt.ended),
    }


def _excluded(excluded: Excluded) -> list[dict[str, Any]]:
    """Which instances could not be used then, and why."""
    return [
        {
            "instance": each.label,
            "reason": why.reason.name.lower().replace("_", "-"),
            "text": why.reason.value,
        }
        for each, why in excluded
    ]
