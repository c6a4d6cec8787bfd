"""An answer that was remembered: given before, whole, to the same caller for the same bytes, not too old."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.simulation.messages import Message
from tests.simulation.truth.case import KEEP_ALIVE, Case, told_by

_SAID_TO = re.compile(rb'"answers": "([\d.]+)", "attempt": (\d+)|"content": "([\d.]+)/(\d+)/')


def judge_cached(case: Case, answer: Message, cases: Mapping[str, Case]) -> list[str]:
    """Find to whom it was said first.

    Args:
        case: Who was told it again.
        answer: The answer.
        cases: All requests of the run, by tag.
    """
    asked = case.exchange.started if case.exchange is not None else 0.0
    ttl, body = case.fallback["cache_ttl"], answer.body.replace(KEEP_ALIVE, b"")
    age = answer.header(b"age") or (b"0" if case.begun_early else None)
    if age is None or not int(age) <= ttl:
        return [f"an answer from the cache that is {age!r} seconds old"]
    source = _SAID_TO.search(body)
    if source is None:  # nothing in it says whose it is
        givers = [each for each in cases.values() if _gave(each, answer.status, body)]
    else:
        giver = cases.get((source[1] or source[3]).decode())
        givers = [giver] if giver is not None and _gave(giver, answer.status, body) else []
    if not givers:
        return [f"an answer from the cache that nobody was given: {body[:80]!r}"]
    mine = [each for each in givers if _caller(each) == _caller(case)]
    if not mine:
        return [f"an answer from the cache that was another caller's: {givers[0].request.tag}"]
    same = [each for each in mine if _question(each) == _question(case)]
    if not same:
        return [f"an answer from the cache to another question: {mine[0].request.tag}"]
    latest = max(each.ended for giver in same if giver.exchange for each in giver.exchange.attempts)
    if latest + ttl < asked:
        return [f"an answer from the cache of {latest:.1f}, kept for {ttl:g} s, was given after {asked:.1f}"]
    return []


def _gave(case: Case, status: int, body: bytes) -> bool:
    """Whether a backend said this to somebody, to the end."""
    said = map(told_by, case.attempts)
    return any(
        told.complete and 200 <= told.status < 300 and (told.status, told.body) == (status, body)
        for told in said
    )


def _caller(case: Case) -> object:
    return case.request.key or case.client.plan.host


def _question(case: Case) -> object:
    request = case.request
    return request.target, request.model, request.content_type, request.body
