"""The OpenAPI 3.1 document of the management API, made from the endpoints that serve it.

Any schema with a ``title`` becomes a component of that name, so that what several endpoints speak of is
described once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from jairouter.errors import Reason
from jairouter.web.management import envelope
from jairouter.web.management.asking import LONGEST, SEEN
from jairouter.web.management.bodies import JSON, JSON_TYPES, YAML_TYPES
from jairouter.web.management.endpoint import KNOWN, PUBLIC
from jairouter.web.management.whoami import Ways

if TYPE_CHECKING:
    from jairouter.web.management.endpoint import Endpoint, Parameter, Schema

DESCRIPTION: Final = """\
Shows and changes the configuration of a running gateway.

Every answer is one envelope: `success`, `message`, `data`, `errorCode`, `timestamp`, and `errors` where a \
configuration has faults; members that say nothing are left out.

Changes make versions. An answer's `ETag` is the number of the version in force; sent back as `If-Match`, it \
makes sure that nobody else has changed the configuration in between.

Members of bodies may be spelled in camelCase or kebab-case. Unknown query parameters are refused.
"""

_TITLE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TIMESTAMP: Final = {"type": "string", "format": "date-time", "description": "When it was answered, in UTC."}
_MESSAGE: Final = {"type": "string", "description": "For people, in one line."}
_ETAG: Final = {
    "description": "The version in force.",
    "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
}
_IF_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "description": 'The version that the editor has seen, such as `"7"`; refused with 409 if it is not the '
    "current one any more. `*` for whichever is current.",
    "required": False,
    "schema": {"type": "string", "pattern": r'^((W/)?"[0-9]{1,18}"|[0-9]{1,18}|\*)$'},
}
_FAULT: Final = {
    "type": "object",
    "required": ["message"],
    "properties": {
        "path": {"type": "string", "description": "The key."},
        "message": {"type": "string", "description": "What was expected, and what was found."},
        "origin": {"type": "string", "description": "Where it was written."},
    },
}
_ERROR: Final = {
    "type": "object",
    "required": ["success", "message", "errorCode", "timestamp"],
    "properties": {
        "success": {"const": False},
        "message": _MESSAGE,
        "errorCode": {"type": "string", "description": "A stable word."},
        "timestamp": _TIMESTAMP,
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
    },
}
_UNREAD: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type"],
            "properties": {"message": _MESSAGE, "type": {"type": "string"}},
        }
    },
}
"""How a request is refused before anybody looks at where it goes: as all clients of OpenAI's API know it."""

_MEANINGS: Final = {
    400: "What was asked is wrong.",
    401: "Nobody knows who asks.",
    403: "Whoever asks may not.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    409: "It cannot be done in the present state.",
    413: "The body is too large.",
    414: "Path and query are too long (`server.max-request-line`).",
    415: "The body is of another kind.",
    431: "The headers are too large.",
    500: "The gateway failed.",
    503: "It cannot be done now.",
}

_UNREADABLE: Final = (414, 431)

_UNKNOWN: Final = {each.value: 401 for each in Reason}
_INSUFFICIENT: Final = {"INSUFFICIENT_PERMISSIONS": 403}
_KEY: Final = "apiKey"
_TOKEN: Final = "bearer"  # noqa: S105 - the name of a scheme


def document(endpoints: Sequence[Endpoint], version: str, ways: Ways | None = None) -> dict[str, Any]:
    """The whole document.

    Args:
        endpoints: What there is.
        version: Of the gateway.
        ways: How callers say who they are.

    Raises:
        ValueError: Two schemas of one title are different, or an endpoint refuses with an unknown code.
    """
    ways = ways or Ways()
    parts = _Components()
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        described = {**_operation(endpoint, parts), **_access(endpoint, ways)}
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "jairouter management API", "version": version, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": each} for each in dict.fromkeys(endpoint.tag for endpoint in endpoints)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(parts.schemas.items())),
            "responses": dict(sorted(parts.responses.items())),
            "securitySchemes": _schemes(ways),
        },
    }


def _schemes(ways: Ways) -> dict[str, Any]:
    """How callers say who they are (OpenAPI 3.1, section 4.8.27)."""
    asked = "" if ways.on else " It is not asked for: security is off."
    key = f"A key of the configuration, or one that was made by this API.{asked}"
    token = f"A token, as a login answers with it; a key will do as well.{asked}"
    return {
        _KEY: {"type": "apiKey", "in": "header", "name": ways.key_header, "description": key},
        _TOKEN: {"type": "http", "scheme": "bearer", "description": token},
    }


def _access(endpoint: Endpoint, ways: Ways) -> dict[str, Any]:
    """What a caller needs for it; any one of what is listed will do, and nothing is one of them, perhaps."""
    if endpoint.permission == PUBLIC:
        return {"security": [], "x-permission": PUBLIC}
    listed: list[dict[str, list[str]]] = [{_KEY: []}, {_TOKEN: []}]
    return {"security": listed if ways.on else [*listed, {}], "x-permission": endpoint.permission}


def codes_of(endpoint: Endpoint) -> dict[int, list[str]]:
    """With which codes an endpoint may refuse, by status.

    Raises:
        ValueError: One of them is unknown.
    """
    codes = ["INVALID_REQUEST", "FORBIDDEN", "INTERNAL_ERROR", *endpoint.refusals]
    if endpoint.body is not None:
        codes += ["REQUEST_TIMEOUT", "REQUEST_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"]
    if endpoint.permission != PUBLIC:
        codes += [code for code in _UNKNOWN if code != Reason.LOGIN.value]
        codes += [] if endpoint.permission == KNOWN else _INSUFFICIENT
    known = {**_UNKNOWN, **_INSUFFICIENT, **envelope.refusals()}
    by_status: dict[int, list[str]] = {}
    for code in sorted(set(codes)):
        if code not in known:
            raise ValueError(f"{endpoint.name} refuses with {code}, which is no code")
        by_status.setdefault(known[code], []).append(code)
    return dict(sorted(by_status.items()))


def media_types(endpoint: Endpoint) -> tuple[str, ...]:
    """Which kinds of body an endpoint takes, the plainest first."""
    return (*JSON_TYPES, *(YAML_TYPES[:2] if endpoint.yaml else ())) if endpoint.body is not None else ()


class _Components:
    """What is described once."""

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {"Fault": _FAULT, "Error": _ERROR, "Unread": _UNREAD}
        self.responses: dict[str, Any] = {
            f"UNREAD.{status}": {
                "description": _MEANINGS[status],
                "content": {JSON: {"schema": {"$ref": "#/components/schemas/Unread"}}},
            }
            for status in _UNREADABLE
        }

    def schema(self, schema: Schema) -> dict[str, Any]:
        """A schema with references to those in it that have a title."""
        lifted = {name: self._lifted(name, value) for name, value in schema.items()}
        title = schema.get("title")
        if not isinstance(title, str) or not _TITLE.fullmatch(title):
            return lifted
        if self.schemas.setdefault(title, lifted) != lifted:
            raise ValueError(f"two different schemas are called {title}")
        return {"$ref": f"#/components/schemas/{title}"}

    def _lifted(self, name: str, value: Any) -> Any:
        if name in {"properties", "patternProperties", "$defs"}:
            return {each: self.schema(inner) for each, inner in value.items()}
        if name in {"items", "additionalProperties", "not", "propertyNames"} and isinstance(value, Mapping):
            return self.schema(value)
        if name in {"anyOf", "oneOf", "allOf", "prefixItems"}:
            return [self.schema(each) for each in value]
        return list(value) if isinstance(value, tuple) else value

    def refusal(self, status: int, codes: Iterable[str]) -> dict[str, Any]:
        """A reference to the response that has one of these codes."""
        name = ".".join(codes)
        schema = {
            "allOf": [
                {"$ref": "#/components/schemas/Error"},
                {"type": "object", "properties": {"errorCode": {"enum": list(codes)}}},
            ]
        }
        response: dict[str, Any] = {
            "description": _MEANINGS.get(status, "It was refused."),
            "content": {JSON: {"schema": schema}},
        }
        if status == 401:
            challenge = {"description": "How to say who asks (RFC 9110, section 11.6.1)."}
            response["headers"] = {"WWW-Authenticate": {**challenge, "schema": {"type": "string"}}}
        if status == 503:
            seconds = {"type": "integer", "minimum": 0}
            response["headers"] = {"Retry-After": {"description": "In seconds.", "schema": seconds}}
        self.responses[name] = response
        return {"$ref": f"#/components/responses/{name}"}


def _operation(endpoint: Endpoint, parts: _Components) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        **({"description": endpoint.description} if endpoint.description else {}),
    }
    parameters = [_parameter(each, "path") for each in endpoint.in_path]
    parameters += [_parameter(each, "query") for each in endpoint.in_query]
    if endpoint.makes_version:
        parameters.append(_IF_MATCH)
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        schema = parts.schema(endpoint.body)
        content = {each: {"schema": schema} for each in media_types(endpoint)}
        operation["requestBody"] = {"required": endpoint.body_required, "content": content}
    operation["responses"] = {str(endpoint.status): _good(endpoint, parts)}
    for status, codes in codes_of(endpoint).items():
        operation["responses"][str(status)] = parts.refusal(status, codes)
    for status in _UNREADABLE:
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/UNREAD.{status}"}
    return operation


def _parameter(parameter: Parameter, place: str) -> dict[str, Any]:
    schema = dict(parameter.schema)
    if parameter.default is not None:
        schema["default"] = parameter.default
    if schema.get("type", "string") == "string" and "enum" not in schema:
        schema.setdefault("minLength", 1 if place == "path" else 0)
        schema.setdefault("maxLength", LONGEST)
        schema.setdefault("pattern", SEEN)
    said = {"name": parameter.name, "in": place, "required": place == "path" or parameter.required}
    return {
        **said,
        **({"description": parameter.description} if parameter.description else {}),
        "schema": schema,
    }


def _good(endpoint: Endpoint, parts: _Components) -> dict[str, Any]:
    nothing = endpoint.data.get("type") == "null"
    required = ["success", "message", *([] if nothing or not endpoint.data else ["data"]), "timestamp"]
    properties: dict[str, Any] = {"success": {"const": True}, "message": _MESSAGE, "timestamp": _TIMESTAMP}
    if not nothing:
        properties["data"] = parts.schema(endpoint.data)
    schema = {"type": "object", "required": required, "properties": properties}
    return {
        "description": "It is done." if endpoint.method != "GET" else "What was asked for.",
        "headers": {"ETag": _ETAG},
        "content": {JSON: {"schema": schema}},
    }
