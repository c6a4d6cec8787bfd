"""JSON Schemas that several endpoints share, and the parameters that say which service or instance is meant.

The schema of a request's body lists the keys of the settings in camel case, with what they are for. Other
spellings are as good, and a placeholder may stand for any single value, so it lets pass what it does not
know: whether a body is right is found out by the same code as for files, which tells all faults at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jairouter.config.naming import SERVICES, camel, service_name
from jairouter.config.settings.breaking import CircuitBreakerSettings
from jairouter.config.settings.limits import RateLimitSettings
from jairouter.config.settings.model import InstanceSettings, ServiceSettings
from jairouter.config.settings.root import Settings
from jairouter.config.settings.section import Section
from jairouter.config.shape import Group, Leaf, Listing, Naming, Shape
from jairouter.refusals import InvalidRequest, ServiceNotFound
from jairouter.web.management.endpoint import CHANGED, Call, Parameter, Schema

if TYPE_CHECKING:
    from jairouter.config.loader import Loaded

_DEPTH: Final = 3
"""How many levels of keys a schema describes; deeper ones are any object."""


def service_of(call: Call) -> str:
    """The canonical name of the service that a path names, in any spelling.

    Raises:
        InvalidRequest: There is no such kind of service.
    """
    written = str(call.path["serviceType"])
    name = service_name(written)
    if name is None:
        raise InvalidRequest(f"{written[:100]!r} is no service type; there are {', '.join(SERVICES)}")
    return name


def configured(loaded: Loaded, call: Call) -> str:
    """The canonical name of the service that a path names.

    Raises:
        InvalidRequest: There is no such kind of service.
        ServiceNotFound: It is not configured.
    """
    service = service_of(call)
    if service not in loaded.settings.model.services:
        raise ServiceNotFound(f"the service {service} is not configured")
    return service


SERVICE_TYPE: Final = Parameter(
    "serviceType",
    f"The kind of service, in any spelling (`imgGen`, `img-gen`, `image-generation`): {', '.join(SERVICES)}.",
    {"type": "string", "examples": list(SERVICES)},
)
INSTANCE_ID: Final = Parameter(
    "instanceId",
    "The instance: its `instanceId` as replies show it (`name@baseUrl`, percent-encoded in a path), or what "
    "answers call it in `X-Jairouter-Instance`.",
    {"type": "string", "minLength": 1},
)
MODE: Final = Parameter(
    "mode",
    "`merge` lays the body over the changes that there are, `replace` puts it in their place.",
    {"type": "string", "enum": ["merge", "replace"]},
    default="merge",
)
FAULT: Final = {
    "type": "object",
    "required": ["message"],
    "properties": {
        "path": {"type": "string"},
        "message": {"type": "string"},
        "origin": {"type": "string"},
    },
}
"""What is wrong with a configuration, and where."""
ORIGINS: Final = Parameter(
    "origins",
    'Show each value as `{"value": ..., "origin": ...}`, with where it was written: a file and its line, an '
    "environment variable, a version.",
    {"type": "boolean"},
    default=False,
)
EFFECTIVE: Final = Parameter(
    "effective",
    "Show all values that apply, those that nobody wrote too.",
    {"type": "boolean"},
    default=False,
)

NAMES: Final[Schema] = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
OBJECT: Final[Schema] = {"type": "object"}
_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}


def body_of(section: type[Section], title: str) -> dict[str, Any]:
    """What a request may bring for a part of the settings.

    Args:
        section: The class of the part.
        title: What the part is called.
    """
    return {"title": title, **_group(Group(section), 1), "type": "object"}


def _group(shape: Group, depth: int) -> dict[str, Any]:
    if depth > _DEPTH:
        return {"type": ["object", "string", "null"]}
    properties = {}
    for member in shape.members.values():
        note = " ".join(member.description.split())
        described = _described(member.shape, depth + 1)
        properties[camel(member.field)] = {**described, "description": note} if note else described
    return {"type": ["object", "string", "null"], "properties": properties}


def _described(shape: Shape, depth: int) -> dict[str, Any]:
    match shape:
        case Leaf():
            return _leaf(shape)
        case Listing():
            # A single text with commas will do, and an object patches single instances by their key
            return {"type": ["array", "object", "string", "null"]}
        case Naming():
            return {"type": ["object", "string", "null"]}
        case Group():
            return _group(shape, depth)


def _leaf(shape: Leaf) -> dict[str, Any]:
    written = shape.form.json_schema()
    offered = [one for each in written.get("anyOf", [written]) for one in each.get("enum", ())]
    examples = written.get("examples") or offered
    return {"examples": list(examples)} if examples else {}


SERVICE_BODY: Final[Schema] = body_of(ServiceSettings, "Service")
INSTANCE_BODY: Final[Schema] = body_of(InstanceSettings, "Instance")
TREE_BODY: Final[Schema] = {
    "title": "Configuration",
    "type": "object",
    "properties": {
        camel(each.field): {"type": ["object", "null"]} for each in Group(Settings).members.values()
    },
}
LIMIT_BODY: Final[Schema] = body_of(RateLimitSettings, "RateLimit")
BREAKER_BODY: Final[Schema] = body_of(CircuitBreakerSettings, "CircuitBreaker")

STATE: Final[Schema] = {
    "type": "object",
    "required": ["status", "healthStatus", "inFlight", "label"],
    "properties": {
        "status": {"enum": ["active", "inactive", "draining"], "description": "Whether it gets requests."},
        "healthStatus": {
            "enum": ["healthy", "unhealthy", "unknown"],
            "description": "What its checks say; `unknown` if it is not checked, or was not yet.",
        },
        "lastHealthCheck": {"type": "string", "description": "When the last check was over (ISO 8601)."},
        "lastHealthError": {"type": "string", "description": "Why that one failed."},
        "inFlight": {**_COUNT, "description": "Attempts under way now."},
        "circuitBreakerState": {"enum": ["closed", "open", "half-open"]},
        "label": {"type": "string", "description": "What answers call it in `X-Jairouter-Instance`."},
    },
}
"""What is known about an instance beside its settings."""

INSTANCE: Final[Schema] = {
    "title": "InstanceReply",
    "type": "object",
    "required": ["instanceId", "name", "baseUrl", *STATE["required"]],
    "properties": {
        "instanceId": {"type": "string", "minLength": 1},
        "name": _TEXT,
        "baseUrl": _TEXT,
        **STATE["properties"],
    },
}
SERVICE: Final[Schema] = {
    "title": "ServiceReply",
    "type": "object",
    "properties": {
        "instances": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["instanceId"],
                "properties": {"instanceId": {"type": "string", "minLength": 1}},
            },
        }
    },
}


def changed_with(**properties: Schema) -> Schema:
    """The schema of what a change replies with, with more members that are always there."""
    return {
        "type": "object",
        "required": [*CHANGED["required"], *properties],
        "properties": {**CHANGED["properties"], **properties},
    }
