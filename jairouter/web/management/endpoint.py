"""What the management API is made of: endpoints, what they are asked, and what they reply.

One table of endpoints serves the requests, makes the OpenAPI document and the readable page, and says which
permission each needs, so that none of them can say something else than is done.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from jairouter.auth.acting import By
from jairouter.config.naming import relaxed
from jairouter.control import Told

if TYPE_CHECKING:
    from jairouter.caller import Caller
    from jairouter.control import Changed

Schema = Mapping[str, Any]
"""JSON Schema, as OpenAPI 3.1 has it (draft 2020-12)."""

PUBLIC: Final = "public"
"""In place of a permission: anybody may."""
KNOWN: Final = "known"
"""In place of a permission: whoever has said who they are."""

NOTHING: Final[Schema] = {"type": "null"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """Part of a path or a query.

    Attributes:
        name: As it stands in the path (``{serviceType}``) or the query.
        description: What it is for.
        schema: Of its value: a string, integer, number or boolean, perhaps with an enum or limits.
        required: Whether a query must have it; in a path it always is.
        default: Its value when it is not given.
    """

    name: str
    description: str
    schema: Schema = field(default_factory=lambda: {"type": "string"})
    required: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Call:
    """A request to an endpoint, read and checked against what the endpoint says that it takes.

    Attributes:
        path: The parts of the path by name.
        query: The query by name, typed; parameters that were not given have their default.
        body: The JSON body as Python values, members as they were written; None without one.
        parent: The version that the caller has seen, from ``If-Match``; None when it does not say.
        who: Is asking: the name of `caller`.
        caller: Is asking; None where nobody has to say who they are.
        address: The client's.
        request_id: Of the request.
        fields: The headers by name in lower case.
    """

    path: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Any
    parent: int | None
    who: str
    caller: Caller | None = None
    address: str = ""
    request_id: str = ""
    fields: Mapping[bytes, bytes] = field(default_factory=dict)

    def by(self, reason: str = "") -> By:
        """Who asks, for those who change keys, accounts and tokens.

        Args:
            reason: Why, as they say.
        """
        return By(self.who, self.address, self.request_id, reason, self.caller)

    def told(self, change_type: str, done: str) -> Told:
        """About a change that this call makes.

        Args:
            change_type: See `Told`.
            done: What is done, which stands where the caller gives no reason (query ``description``).
        """
        description = self.query.get("description") or done
        return Told(self.who, change_type, description, self.address, self.request_id)

    def member(self, name: str, default: Any = None) -> Any:
        """A member of the body, which may be spelled ``baseUrl``, ``base-url`` or ``base_url``.

        Args:
            name: In any spelling.
            default: For when there is none, or no body.
        """
        members = self.body if isinstance(self.body, dict) else {}
        wanted = relaxed(name)
        return next((value for each, value in members.items() if relaxed(each) == wanted), default)


@dataclass(frozen=True, slots=True)
class Later:
    """Data that take a while to make: a thread does it.

    Attributes:
        make: Makes them, of what does not change any more.
    """

    make: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint replies when all went well.

    Attributes:
        data: For the envelope; JSON values, or what makes them in a thread.
        message: In one line.
        status: Of HTTP.
        version: The version in force, for ``ETag``; None where that says nothing.
    """

    data: Any = None
    message: str = "OK"
    status: int = 200
    version: int | None = None


def made(reply: Reply) -> Reply:
    """A reply of which the data are made. Blocks, where they are made only now."""
    return replace(reply, data=reply.data.make()) if isinstance(reply.data, Later) else reply


def changed(outcome: Changed, message: str, data: Any = None, status: int = 200) -> Reply:
    """The reply to a change: what it came to, with the notices and the version in force.

    Args:
        outcome: What came of it.
        message: What was done.
        data: More members of ``data``, beside ``version``, ``changed`` and ``notices``.
        status: Of HTTP.
    """
    shown = {
        "version": outcome.version,
        "changed": outcome.changed,
        "notices": [str(each) for each in outcome.notices],
    }
    return Reply({**shown, **(data or {})}, message, status, outcome.version)


CHANGED: Final[Schema] = {
    "type": "object",
    "required": ["version", "changed", "notices"],
    "properties": {
        "version": {"type": "integer", "minimum": 0},
        "changed": {"type": "boolean"},
        "notices": {"type": "array", "items": {"type": "string"}},
    },
}
"""The schema of what `changed` replies with, when there is nothing more."""


DESCRIPTION: Final = Parameter(
    "description", "Why, for the history of versions.", {"type": "string", "maxLength": 500}
)
VERSION: Final = Parameter(
    "version",
    "The version that the editor has seen, as `If-Match` says it too; refused with 409 if that is not the "
    "current one any more.",
    {"type": "integer", "minimum": 0},
)

_BRACES: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Endpoint:
    """One method at one path.

    Attributes:
        method: ``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
        path: With parameters in braces: ``/api/config/version/{version}``.
        name: Unique; OpenAPI's ``operationId``, in camel case.
        tag: The heading that it stands under.
        summary: What it does, in one line.
        answer: Does it. Raises `Refusal` (or its Awaitable does). A Deferred is cancelled when the client
            leaves; what must not be left half done takes no notice of that.
        description: More about it, in Markdown; may be empty.
        parameters: Of path and query; a path parameter that is not listed here is any text. Those that
            every endpoint has that makes a version need not be listed.
        body: The schema of the JSON body; None when there is none.
        body_required: Whether the body must be there.
        yaml: Whether the body may be YAML too.
        data: The schema of ``data`` in the envelope of a good reply.
        status: Of a good reply.
        refusals: Codes of `Refusal` that may come besides INVALID_REQUEST and FORBIDDEN.
        permission: ``<resource>:<action>``: what a caller needs for it; or `PUBLIC`, or `KNOWN`.
        bare: Whether a good reply is its data alone, without the envelope, as pages of an actuator are.
        event: The kind of event that it is when it is done; empty where it changes nothing, or whatever
            is changed is recorded where that happens.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    answer: Callable[[Call], Reply | Awaitable[Reply]]
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = None
    body_required: bool = True
    yaml: bool = False
    data: Schema = field(default_factory=lambda: NOTHING)
    status: int = 200
    refusals: tuple[str, ...] = ()
    permission: str = "config:read"
    bare: bool = False
    event: str = ""

    @property
    def makes_version(self) -> bool:
        """Whether it makes a version of the configuration, and so heeds which one the editor has seen."""
        return "VERSION_CONFLICT" in self.refusals or any(each.name == "version" for each in self._in_query)

    @cached_property
    def in_path(self) -> tuple[Parameter, ...]:
        """The parameters of the path, in its order."""
        listed = {each.name: each for each in self.parameters}
        return tuple(
            listed.get(name) or Parameter(name, "", required=True) for name in _BRACES.findall(self.path)
        )

    @property
    def _in_query(self) -> tuple[Parameter, ...]:
        names = _BRACES.findall(self.path)
        return tuple(each for each in self.parameters if each.name not in names)

    @cached_property
    def in_query(self) -> tuple[Parameter, ...]:
        """The parameters of the query, those too that every endpoint has that makes a version."""
        listed = self._in_query
        names = {each.name for each in listed}
        common = (DESCRIPTION, VERSION) if self.makes_version else ()
        return listed + tuple(each for each in common if each.name not in names)
