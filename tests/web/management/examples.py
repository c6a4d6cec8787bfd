"""A few endpoints of every kind, and a site that serves them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_network
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed

from jairouter.config.faults import Fault, Origin
from jairouter.refusals import InvalidConfiguration, NotFound
from jairouter.web.client_address import TrustedProxies
from jairouter.web.management.access import Access
from jairouter.web.management.endpoint import CHANGED, Call, Endpoint, Parameter, Reply
from jairouter.web.management.root import management_pages
from jairouter.web.management.serving import Service
from jairouter.web.resources import Branch
from jairouter.web.root import put
from tests.web.serving import Received, Serving, answers

NOW: Final = 1754049600.5
INSTANCE: Final = {
    "title": "Instance",
    "type": "object",
    "required": ["name", "baseUrl"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "baseUrl": {"type": "string", "minLength": 1},
        "weight": {
            "type": "integer",
            "minimum": 0,
            "maximum": 1000,
            "description": "Its share of requests. With 0 it gets none.",
        },
        "enabled": {"type": "boolean"},
    },
    "additionalProperties": False,
}
SERVICE_TYPE: Final = Parameter("serviceType", "Of the service.", {"type": "string", "enum": ["chat", "tts"]})
LIMIT: Final = Parameter("limit", "How many.", {"type": "integer", "minimum": 1, "maximum": 100}, default=10)
CHANGES: Final = {"version": 7, "changed": True, "notices": []}

AnswerCall = Callable[[Call], Reply | Awaitable[Reply]]


def no_such_version(call: Call) -> Reply:
    """Version 7 is all there is."""
    if call.path["version"] != 7:
        raise NotFound("there is no such version")
    return Reply({"number": 7}, version=7)


def add(call: Call) -> Reply:
    """Add an instance whose name is not a number."""
    if str(call.member("name")).isdigit():
        raise InvalidConfiguration(
            "it is no instance", [Fault("expected a name", Origin("a.yml", 3), "name")]
        )
    return Reply(CHANGES, "added", 201, 7)


def endpoint(answer: AnswerCall, method: str = "GET", path: str = "/api/it", **more: Any) -> Endpoint:
    """An endpoint about which nothing else is of interest."""
    named = {"name": "it", "tag": "tests", "summary": "Does it.", "data": {}, **more}
    return Endpoint(method, path, answer=answer, **named)


def versions() -> tuple[Endpoint, ...]:
    """Endpoints that show."""
    version = Parameter("version", "Its number.", {"type": "integer", "minimum": 0})
    number = {"type": "object", "required": ["number"], "properties": {"number": {"type": "integer"}}}
    return (
        Endpoint(
            "GET",
            "/api/config/version/{version}",
            "getVersion",
            "versions",
            "Show one version.",
            no_such_version,
            parameters=(version,),
            data=number,
            refusals=("NOT_FOUND",),
        ),
        Endpoint(
            "GET",
            "/api/config/version/current",
            "getCurrentVersion",
            "versions",
            "The number of the version in force.",
            lambda call: succeed(Reply(7, version=7)),
            data={"type": "integer"},
        ),
        Endpoint(
            "DELETE",
            "/api/config/merge/cleanup",
            "cleanUp",
            "versions",
            "Delete what is not needed.",
            lambda call: Reply({"deleted": call.query["deleteOriginals"]}),
            parameters=(Parameter("deleteOriginals", "Really.", {"type": "boolean"}, default=False),),
            data={"type": "object", "properties": {"deleted": {"type": "boolean"}}},
        ),
    )


def instances() -> tuple[Endpoint, ...]:
    """Endpoints that change."""
    return (
        Endpoint(
            "GET",
            "/api/config/instance/{serviceType}",
            "listInstances",
            "instances",
            "All instances of a service.",
            lambda call: Reply([{"name": "a", "baseUrl": "http://a", "weight": call.query["limit"]}]),
            parameters=(SERVICE_TYPE, LIMIT),
            data={"type": "array", "items": INSTANCE},
        ),
        Endpoint(
            "POST",
            "/api/config/instance/{serviceType}",
            "addInstance",
            "instances",
            "Add an instance.",
            add,
            description="It gets traffic from `the next request` on.\n\nUnless it is <disabled>.",
            parameters=(SERVICE_TYPE,),
            body=INSTANCE,
            yaml=True,
            data=CHANGED,
            status=201,
            refusals=("INVALID_CONFIGURATION", "VERSION_CONFLICT", "STORE_UNAVAILABLE"),
            permission="config:write",
        ),
        Endpoint(
            "GET",
            "/api/config/instance/{serviceType}/{instanceId}",
            "getInstance",
            "instances",
            "One instance.",
            lambda call: Reply({"name": call.path["instanceId"], "baseUrl": "http://a"}),
            parameters=(SERVICE_TYPE,),
            data=INSTANCE,
        ),
    )


def all_of_them() -> tuple[Endpoint, ...]:
    """Every kind."""
    return (*versions(), *instances())


def run_now(function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
    """What runs in a thread elsewhere."""
    return succeed(function(*arguments))


def service(allow: Sequence[str] = ("127.0.0.0/8",), **more: Any) -> Service:
    """What pages need."""
    given: dict[str, Any] = {"max_body": 10_000, "today": lambda: NOW, "run_in_thread": run_now, **more}
    return Service(Access([ip_network(each) for each in allow], given.pop("security", None)), **given)


class Api:
    """A site that serves the management API, and a client of it.

    Args:
        endpoints: What there is.
        allow: Networks of those who may use it.
        proxies: Who may speak for others.
        more: Of the `Service`.
    """

    def __init__(
        self,
        *endpoints: Endpoint,
        allow: Sequence[str] = ("127.0.0.0/8",),
        proxies: TrustedProxies | None = None,
        **more: Any,
    ) -> None:
        root = Branch()
        for path, page in management_pages(endpoints, service(allow, **more), "1.0").items():
            put(root, path, page)
        self.serving = Serving(root, proxies=proxies)

    def ask(self, target: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Received:
        """One answer. Names of headers are written with underscores."""
        data = request(target, method, body, **headers)
        return answers(self.serving.ask(data).received)[0]

    def value(self, target: str, method: str = "GET", body: Any = None, **headers: str) -> Any:
        """The envelope of one answer; the body is JSON unless it is bytes."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return json.loads(self.ask(target, method, data, **headers).body)

    def code(self, target: str, method: str = "GET", body: Any = None, **headers: str) -> str:
        """The code of a refusal, or ``OK``; nothing for what never came to this API."""
        said = self.value(target, method, body, **headers)
        return "OK" if said.get("success") else str(said.get("errorCode", ""))


def request(target: str, method: str = "GET", body: bytes | None = None, **headers: str) -> bytes:
    """A request from this machine, with a body of JSON unless the headers say otherwise."""
    lines = {"Host": "localhost:8080"}
    if body is not None:
        lines |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + (body or b"")
