"""The limit and the circuit breaker of a single instance, below its path."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jairouter.config import edits, view
from jairouter.config.effective import effective_view
from jairouter.config.finding import find_instance
from jairouter.config.naming import camel
from jairouter.web.management.changing import CHANGING, REFUSALS, WRITE, change, replied
from jairouter.web.management.endpoint import Call, Endpoint, Reply, Schema
from jairouter.web.management.schemas import (
    BREAKER_BODY,
    EFFECTIVE,
    INSTANCE_ID,
    LIMIT_BODY,
    OBJECT,
    SERVICE_TYPE,
    changed_with,
    configured,
    service_of,
)

if TYPE_CHECKING:
    from jairouter.web.management.parts import Parts

TAG: Final = "Instances"
_ONE: Final = "/api/config/instance/{serviceType}/{instanceId}"
_GONE: Final = ("SERVICE_NOT_FOUND", "INSTANCE_NOT_FOUND", "NOT_POSSIBLE")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A section of an instance's settings that has endpoints of its own.

    Attributes:
        field: Its name.
        body: The schema of what a request may bring.
        words: What it is called in a sentence.
    """

    field: str
    body: Schema
    words: str

    @property
    def path(self) -> str:
        return f"{_ONE}/{self.field.replace('_', '-')}"

    @property
    def name(self) -> str:
        """As part of the name of an endpoint."""
        return camel(f"x_{self.field}")[1:]


_PIECES: Final = (
    _Piece("rate_limit", LIMIT_BODY, "the limit"),
    _Piece("circuit_breaker", BREAKER_BODY, "the circuit breaker"),
)


def endpoints(parts: Parts) -> tuple[Endpoint, ...]:
    """The endpoints for limits and circuit breakers of instances.

    Args:
        parts: What they work on.
    """
    return tuple(each for piece in _PIECES for each in _of(piece, parts))


def _of(piece: _Piece, parts: Parts) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            "GET",
            piece.path,
            f"get{piece.name}OfInstance",
            TAG,
            f"What is configured for {piece.words} of an instance",
            partial(_get, parts, piece),
            "What the instance itself gives; nothing if that is nothing.",
            (SERVICE_TYPE, INSTANCE_ID, EFFECTIVE),
            data=OBJECT,
            refusals=_GONE,
        ),
        *(
            _changing(
                piece, method, f"{verb}{piece.name}OfInstance", f"Change {piece.words} of an instance", parts
            )
            for method, verb in (("PUT", "update"), ("PATCH", "patch"))
        ),
        _changing(
            piece,
            "DELETE",
            f"delete{piece.name}OfInstance",
            f"Leave {piece.words} of an instance to what applies further out",
            parts,
        ),
    )


def _changing(piece: _Piece, method: str, name: str, summary: str, parts: Parts) -> Endpoint:
    removing = method == "DELETE"
    return Endpoint(
        method,
        piece.path,
        name,
        TAG,
        summary,
        partial(_change, parts, piece),
        "" if removing else "What the body does not name stays; `null` takes a key away.",
        (SERVICE_TYPE, INSTANCE_ID, *CHANGING),
        None if removing else piece.body,
        data=changed_with(**{camel(piece.field): OBJECT}),
        refusals=(*REFUSALS, *_GONE),
        permission=WRITE,
    )


def _get(parts: Parts, piece: _Piece, call: Call) -> Reply:
    loaded = parts.configuration.loaded
    service = configured(loaded, call)
    found = find_instance(loaded, service, call.path["instanceId"])
    if call.query["effective"]:
        instance = effective_view(loaded, ("model", "services", service, "instances", found.index))
    else:
        instance = view.instance_view(loaded, service, found.index)
    return Reply(instance.get(camel(piece.field)) or {}, version=parts.configuration.version)


async def _change(parts: Parts, piece: _Piece, call: Call) -> Reply:
    service, which, field = service_of(call), call.path["instanceId"], camel(piece.field)
    done = f"Instance {which} of {service}: {piece.words} changed"
    edit = edits.update_instance(service, which, {field: call.body})
    outcome = await change(parts, call, edit, "update-instance", done)
    data: dict[str, Any] = {field: {}}
    found = find_instance(outcome.loaded, service, which)
    data[field] = view.instance_view(outcome.loaded, service, found.index).get(field) or {}
    return replied(outcome, done, data)
