"""JSON Schemas of what is live, exactly as `jairouter.traffic.snapshot` and its neighbours say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jairouter.exchange import Outcome
from jairouter.traffic.breaker_states import State
from jairouter.traffic.exclusion import Reason

if TYPE_CHECKING:
    from jairouter.web.management.endpoint import Schema

TEXT: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
SECONDS: Final[Schema] = {"type": "number"}
DATE: Final[Schema] = {"type": "string", "format": "date-time"}


def exactly(**members: Schema) -> Schema:
    """An object with these members, all of them and no others."""
    return {
        "type": "object",
        "required": list(members),
        "properties": members,
        "additionalProperties": False,
    }


def many(items: Schema) -> Schema:
    """A list of such values."""
    return {"type": "array", "items": items}


def perhaps(schema: Schema, description: str = "") -> Schema:
    """Such a value, or null."""
    either: dict[str, Any] = {"anyOf": [schema, {"type": "null"}]}
    if isinstance(schema.get("type"), str) and "properties" not in schema and "enum" not in schema:
        either = {**schema, "type": [schema["type"], "null"]}
    return {**either, "description": description} if description else either


def told(schema: Schema, description: str) -> Schema:
    """The same, with what it means."""
    return {**schema, "description": description}


REASON: Final[Schema] = {"type": "string", "enum": [each.code for each in Reason]}

EXCLUSION: Final = exactly(
    reason=REASON,
    text=told(TEXT, "The same for people."),
    seconds=perhaps(SECONDS, "For how long, where that is known."),
)
BREAKER: Final = exactly(
    state={"type": "string", "enum": [each.value for each in State]},
    forced=told(FLAG, "Whether it was opened by hand, and stays so until it is closed by hand."),
    since=perhaps(DATE, "When that began; null while it was never anything else."),
    openFor=perhaps(SECONDS, "Seconds until a trial is let through; null where no time ends it."),
    opened=told(COUNT, "How often it has opened."),
    failuresInRow=COUNT,
    failures=told(COUNT, "Of the attempts that it looks back on, how many failed."),
    attempts=told(COUNT, "How many it looks back on; 0 where only failures in a row count."),
    trials=told(COUNT, "Trials under way."),
    goodTrials=COUNT,
)
HEALTH: Final = exactly(
    checked=told(FLAG, "Whether the instance is checked."),
    up=perhaps(FLAG, "What the checks say; null where there are none."),
    since=perhaps(DATE, "When that began."),
    at=perhaps(DATE, "When the last check was over."),
    duration=perhaps(SECONDS, "Seconds that it took."),
    reason=perhaps(TEXT, "Why the last one failed; null when it did not."),
)
INSTANCE: Final = exactly(
    instanceId=TEXT,
    label=told(TEXT, "What answers call it (`X-Jairouter-Instance`)."),
    name=TEXT,
    baseUrl=TEXT,
    weight=COUNT,
    priority=COUNT,
    share=told({"type": "number", "minimum": 0}, "Its weight, less while it starts slowly."),
    fullShareIn=told(SECONDS, "Seconds until its share is its weight."),
    inFlight=told(COUNT, "Attempts under way."),
    usable=told(FLAG, "Whether a request that came now could go there."),
    excluded=perhaps(EXCLUSION, "Why not."),
    health=HEALTH,
    breaker=perhaps(BREAKER),
    ejectedFor=perhaps(SECONDS, "Seconds for which it is left out because it failed."),
    coolingFor=perhaps(SECONDS, "Seconds for which it rests because it throttled."),
    latency=perhaps(
        exactly(
            seconds=told(SECONDS, "Until the first byte of an answer, lately."),
            belief=told(SECONDS, "How much that still says: 1 for all, 0 for nothing."),
        ),
        "Where the balancer goes by it.",
    ),
)
MODEL: Final = exactly(
    model=TEXT,
    panic=told(FLAG, "Whether instances are used that are thought to be down, because too many are."),
    candidates=told(many(TEXT), "Among which one would be chosen now, by `instanceId`."),
    tiers=many(exactly(priority=COUNT, instances=many(TEXT))),
    instances=many(INSTANCE),
)
SERVICE: Final = exactly(
    service=TEXT,
    balancer=told(TEXT, "How one of the candidates is chosen."),
    panicThreshold=told({"type": "integer", "minimum": 0, "maximum": 100}, "In percent."),
    models=many(MODEL),
    inactive=told(many(TEXT), "Instances that are switched off, by `instanceId`."),
)

ABOUT: Final[dict[str, Schema]] = {
    "service": TEXT,
    "instanceId": TEXT,
    "label": perhaps(TEXT, "What answers call it; null while it is inactive."),
    "name": TEXT,
    "status": {"type": "string", "enum": ["active", "draining", "inactive"]},
}
"""What replies about one instance begin with."""
BREAKER_OF: Final = exactly(**ABOUT, breaker=perhaps(BREAKER))
HEALTH_OF: Final = exactly(**ABOUT, health=perhaps(HEALTH, "Null while it is inactive."))

LIMITER: Final[dict[str, Schema]] = {
    "algorithm": TEXT,
    "limit": told(COUNT, "Most requests at once, or in one window."),
    "remaining": told(COUNT, "How many would be let through now."),
    "reset": told(SECONDS, "Seconds until all of the limit is there again."),
    "underWay": told(COUNT, "Requests that hold a place, where the algorithm lends places."),
}
_EACH: Final = "null where each address, caller or model has a bucket of its own"
LIMIT: Final = exactly(
    name=told(TEXT, "What it is the limit of."),
    place=perhaps(TEXT, "Where it is configured; null for one that is shared by its key."),
    scope=told(TEXT, "What has a bucket of its own."),
    key=perhaps(TEXT, "By which it is shared."),
    algorithm=TEXT,
    limit=LIMITER["limit"],
    remaining=perhaps(COUNT, f"How many would be let through now; {_EACH}."),
    reset=perhaps(SECONDS, f"Seconds until all of the limit is there again; {_EACH}."),
    underWay=perhaps(COUNT, f"Requests that hold a place; {_EACH}."),
    buckets=perhaps(COUNT, "How many addresses, callers or models are remembered."),
    fullest=perhaps(
        many(
            exactly(
                of=perhaps(TEXT, "An address or a model; never a caller."),
                limit=COUNT,
                remaining=COUNT,
                reset=SECONDS,
            )
        ),
        "Those with the least left, among the ones used last.",
    ),
    services=told(many(TEXT), "Whose requests stand under it."),
)
LIMITS: Final = exactly(
    limits=many(LIMIT),
    instances=told(
        many(exactly(service=TEXT, instanceId=TEXT, label=TEXT, name=TEXT, **LIMITER)),
        "Instances with a limit of their own.",
    ),
)

_WHY: Final = many(exactly(instance=TEXT, reason=REASON, text=TEXT))
ATTEMPT: Final = exactly(
    instance=told(TEXT, "Its label, as answers show it (`X-Jairouter-Instance`)."),
    candidates=told(COUNT, "Among how many it was chosen."),
    excluded=_WHY,
    hedge=told(FLAG, "Whether it was made beside another one that took long."),
    outcome=perhaps({"type": "string", "enum": [each.word for each in Outcome]}),
    status=perhaps({"type": "integer"}, "What the instance answered."),
    began=told(SECONDS, "Seconds after the request came; likewise the next ones."),
    sent=perhaps(SECONDS),
    answered=perhaps(SECONDS),
    ended=perhaps(SECONDS),
)
DECISION: Final = exactly(
    time=DATE,
    requestId=TEXT,
    route=TEXT,
    service=TEXT,
    model=TEXT,
    status=told({"type": "integer"}, "What the client got; 499 when it left."),
    error=perhaps(TEXT, "The code of the error that it got."),
    waited=told(SECONDS, "Seconds for which a limit held it back."),
    duration=told(SECONDS, "Seconds from its arrival to the last byte of its answer."),
    fallback=perhaps(TEXT, "Who answered in place of the model."),
    attempts=many(ATTEMPT),
    excluded=told(_WHY, "Where no instance was found in the end, why each could not be used."),
)
