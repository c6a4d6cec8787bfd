"""Adapters, the dialects that backends speak: ``/api/config/adapter``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jairouter.config import view
from jairouter.config.finding import instances_path
from jairouter.config.inheritance import adapter_for
from jairouter.refusals import NotFound
from jairouter.routes import ROUTES
from jairouter.web.management.endpoint import Call, Endpoint, Parameter, Reply
from jairouter.web.management.schemas import NAMES

if TYPE_CHECKING:
    from jairouter.web.management.parts import Parts

TAG: Final = "Adapters"
_PATH: Final = "/api/config/adapter"
_NORMAL: Final = "normal"
_OPENAI: Final = "OpenAI's own API. Requests and answers are passed on as they are, byte by byte."
_NOTHING: Final = "Does nothing yet: requests and answers are passed on as they are, as with `normal`."

_USER: Final = {
    "type": "object",
    "required": ["service", "instanceId"],
    "properties": {"service": {"type": "string"}, "instanceId": {"type": "string"}},
}
_ADAPTER: Final = {
    "type": "object",
    "required": ["name", "translates", "description", "routes", "definition", "usedBy"],
    "properties": {
        "name": {"type": "string"},
        "translates": {"type": "boolean", "description": "Whether anything is done to requests and answers."},
        "description": {"type": "string"},
        "routes": {**NAMES, "description": "What clients may ask of instances that use it."},
        "definition": {"type": "boolean", "description": "Whether `adapter-definitions` has it."},
        "usedBy": {"type": "array", "items": _USER},
    },
}


def endpoints(parts: Parts) -> tuple[Endpoint, ...]:
    """The endpoints for adapters.

    Args:
        parts: What they work on.
    """
    name = Parameter("name", "Of the adapter.", {"type": "string", "minLength": 1})
    return (
        Endpoint(
            "GET",
            _PATH,
            "getAdapters",
            TAG,
            "The adapters that are known or named in the configuration, and who uses them",
            partial(_all, parts),
            "The configuration takes any name. Only `normal` is at work now.",
            data={
                "type": "object",
                "required": ["default", "adapters"],
                "properties": {
                    "default": {"type": "string", "description": "Where nothing else is given."},
                    "adapters": {"type": "array", "items": _ADAPTER},
                },
            },
        ),
        Endpoint(
            "GET",
            _PATH + "/list",
            "listAdapters",
            TAG,
            "Their names",
            partial(_names, parts),
            data=NAMES,
        ),
        Endpoint(
            "GET",
            _PATH + "/{name}",
            "getAdapter",
            TAG,
            "One adapter",
            partial(_one, parts),
            parameters=(name,),
            data=_ADAPTER,
            refusals=("NOT_FOUND",),
        ),
    )


def _adapters(parts: Parts) -> dict[str, dict[str, Any]]:
    loaded = parts.configuration.loaded
    model, definitions = loaded.settings.model, loaded.settings.adapter_definitions
    users: dict[str, list[dict[str, str]]] = {_NORMAL: [], model.adapter: []}
    users |= {name: [] for name in definitions}
    for service, settings in model.services.items():
        users.setdefault(adapter_for(model, service), [])
        views = view.tree_view(loaded, instances_path(service))
        for instance, shown in zip(settings.instances, views, strict=True):
            using = users.setdefault(adapter_for(model, service, instance), [])
            using.append({"service": service, "instanceId": shown["instanceId"]})
    return {name: _adapter(name, name in definitions, using) for name, using in users.items()}


def _adapter(name: str, defined: bool, users: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "name": name,
        "translates": False,
        "description": _OPENAI if name == _NORMAL else _NOTHING,
        "routes": [route.path for route in ROUTES],
        "definition": defined,
        "usedBy": users,
    }


def _all(parts: Parts, call: Call) -> Reply:
    default = parts.configuration.loaded.settings.model.adapter
    data = {"default": default, "adapters": list(_adapters(parts).values())}
    return Reply(data, version=parts.configuration.version)


def _names(parts: Parts, call: Call) -> Reply:
    return Reply(list(_adapters(parts)), version=parts.configuration.version)


def _one(parts: Parts, call: Call) -> Reply:
    name = call.path["name"]
    found = _adapters(parts).get(name)
    if found is None:
        raise NotFound(f"there is no adapter {name[:100]!r}, and nothing in the configuration names one")
    return Reply(found, version=parts.configuration.version)
