"""Instances: ``/api/config/instance``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jairouter.config import edits, view
from jairouter.control import InvalidRequest
from jairouter.web.management.changing import CHANGING, REFUSALS, WRITE, change, replied
from jairouter.web.management.endpoint import Call, Endpoint, Parameter, Reply
from jairouter.web.management.instance_state import settings_in, state_of, status_of
from jairouter.web.management.schemas import (
    INSTANCE,
    INSTANCE_BODY,
    INSTANCE_ID,
    SERVICE_TYPE,
    changed_with,
    service_of,
)
from jairouter.web.management.services import configured

if TYPE_CHECKING:
    from jairouter.config.edits import Found
    from jairouter.config.loader import Loaded
    from jairouter.control import Changed, Changes, Edit
    from jairouter.web.management.parts import Parts

TAG: Final = "Instances"
_BASE: Final = "/api/config/instance"
_ONE: Final = _BASE + "/{serviceType}/{instanceId}"
_GONE: Final = ("SERVICE_NOT_FOUND", "INSTANCE_NOT_FOUND")
_CHANGED: Final = changed_with(instanceId={"type": "string"}, instance=INSTANCE)
_PARTIAL: Final = (
    "What the body does not name stays; `null` takes a key away. A masked secret that comes back stays what it "
    "was, and what replies tell beside the settings is passed over."
)
_MODEL_NAME: Final = Parameter("modelName", "The name of the instance, which is that of its model.")
_BASE_URL: Final = Parameter("baseUrl", "The address of the instance.")
_UPDATE_BODY: Final = {
    "title": "InstanceUpdate",
    "type": "object",
    "required": ["instanceId", "instance"],
    "properties": {"instanceId": {"type": "string", "minLength": 1}, "instance": INSTANCE_BODY},
}

Answer = Callable[[Call], Any]


def endpoints(parts: Parts) -> tuple[Endpoint, ...]:
    """The endpoints for instances.

    Args:
        parts: What they work on.
    """
    return (*_documented(parts), *_single(parts), *_statuses(parts))


def _documented(parts: Parts) -> tuple[Endpoint, ...]:
    """Those that address an instance by its model and address, or in the body."""
    by_address = (_MODEL_NAME, _BASE_URL)
    return (
        Endpoint(
            "GET",
            _BASE + "/type/{serviceType}",
            "listInstances",
            TAG,
            "The instances of a service",
            partial(_list, parts),
            parameters=(SERVICE_TYPE,),
            data={"type": "array", "items": INSTANCE},
            refusals=("SERVICE_NOT_FOUND",),
        ),
        Endpoint(
            "GET",
            _BASE + "/info/{serviceType}",
            "findInstance",
            TAG,
            "The instance of a model at an address",
            partial(_info, parts),
            parameters=(SERVICE_TYPE, *(_required(each) for each in by_address)),
            data=INSTANCE,
            refusals=_GONE,
        ),
        Endpoint(
            "POST",
            _BASE + "/add/{serviceType}",
            "addInstance",
            TAG,
            "Add an instance",
            partial(_add, parts),
            "The service is added with it if it is not configured yet.",
            (SERVICE_TYPE, *CHANGING),
            INSTANCE_BODY,
            data=_CHANGED,
            status=201,
            refusals=(*REFUSALS, "ALREADY_EXISTS"),
            permission=WRITE,
        ),
        *(
            _changing(
                method,
                _BASE + "/update/{serviceType}",
                name,
                "Change an instance that the body names",
                partial(_update_named, parts),
                _PARTIAL,
                body=_UPDATE_BODY,
            )
            for method, name in (("PUT", "updateNamedInstance"), ("PATCH", "patchNamedInstance"))
        ),
        _deleting(_BASE + "/del/{serviceType}", "deleteInstanceAt", parts, (*by_address, INSTANCE_ID)),
    )


def _single(parts: Parts) -> tuple[Endpoint, ...]:
    """Those that address one by its id."""
    return (
        Endpoint(
            "GET",
            _ONE,
            "getInstance",
            TAG,
            "One instance",
            partial(_get, parts),
            parameters=(SERVICE_TYPE, INSTANCE_ID),
            data=INSTANCE,
            refusals=_GONE,
        ),
        *(
            _changing(
                method, _ONE, name, "Change an instance", partial(_update, parts), _PARTIAL, body=INSTANCE_BODY
            )
            for method, name in (("PUT", "updateInstance"), ("PATCH", "patchInstance"))
        ),
        _deleting(_ONE, "deleteInstance", parts, (INSTANCE_ID,)),
    )


def _statuses(parts: Parts) -> tuple[Endpoint, ...]:
    return tuple(
        _changing(
            "POST", f"{_ONE}/{verb}", f"{verb}Instance", summary, partial(_put, parts, verb, status), about
        )
        for verb, status, summary, about in (
            ("enable", "active", "Let an instance have requests", ""),
            ("disable", "inactive", "Take an instance out of use", "It is not checked any more either."),
            (
                "drain",
                "draining",
                "Let an instance have no further requests",
                "Those under way end, and it is still checked. `inFlight` says how many are left.",
            ),
        )
    )


def _changing(
    method: str, path: str, name: str, summary: str, answer: Answer, description: str = "", body: Any = None
) -> Endpoint:
    which = (INSTANCE_ID,) if "{instanceId}" in path else ()
    return Endpoint(
        method,
        path,
        name,
        TAG,
        summary,
        answer,
        description,
        (SERVICE_TYPE, *which, *CHANGING),
        body,
        data=_CHANGED,
        refusals=(*REFUSALS, *_GONE),
        permission=WRITE,
    )


def _deleting(path: str, name: str, parts: Parts, parameters: tuple[Parameter, ...]) -> Endpoint:
    return Endpoint(
        "DELETE",
        path,
        name,
        TAG,
        "Take an instance away",
        partial(_delete, parts),
        "Requests under way go on to their end.",
        (SERVICE_TYPE, *parameters, *CHANGING),
        data=changed_with(instanceId={"type": "string"}),
        refusals=(*REFUSALS, *_GONE),
        permission=WRITE,
    )


def _required(parameter: Parameter) -> Parameter:
    return Parameter(parameter.name, parameter.description, {"type": "string", "minLength": 1}, required=True)


# -- what they do -------------------------------------------------------------


def shown(parts: Parts, loaded: Loaded, service: str, index: int) -> dict[str, Any]:
    """An instance as replies show it: its settings, and what is known about it."""
    settings = loaded.settings.model.services[service].instances[index]
    return {**view.instance_view(loaded, service, index), **state_of(parts, service, settings)}


def _list(parts: Parts, call: Call) -> Reply:
    loaded = parts.configuration.loaded
    service = configured(loaded, call)
    count = len(loaded.settings.model.services[service].instances)
    data = [shown(parts, loaded, service, index) for index in range(count)]
    return Reply(data, version=parts.configuration.version)


def _info(parts: Parts, call: Call) -> Reply:
    return _found(parts, call, _by_query)


def _get(parts: Parts, call: Call) -> Reply:
    return _found(parts, call, _by_id)


def _found(parts: Parts, call: Call, find: Callable[[Loaded, str, Call], Found]) -> Reply:
    loaded = parts.configuration.loaded
    service = configured(loaded, call)
    index = find(loaded, service, call).index
    return Reply(shown(parts, loaded, service, index), version=parts.configuration.version)


def _by_id(loaded: Loaded, service: str, call: Call) -> Found:
    return edits.find_instance(loaded, service, call.path["instanceId"])


def _by_query(loaded: Loaded, service: str, call: Call) -> Found:
    name, base_url, which = (call.query.get(each) for each in ("modelName", "baseUrl", "instanceId"))
    if which:
        return edits.find_instance(loaded, service, which)
    if not name or not base_url:
        raise InvalidRequest("expected modelName and baseUrl, or instanceId")
    return edits.by_model(loaded, service, name, base_url)


async def _add(parts: Parts, call: Call) -> Reply:
    service = service_of(call)
    edit = edits.add_instance(service, settings_in(call.body))
    outcome = await change(parts, call, edit, "add-instance", f"Instance of {service} added")
    index = len(outcome.loaded.settings.model.services[service].instances) - 1
    return _replied(parts, outcome, service, index, "added", 201)


async def _update_named(parts: Parts, call: Call) -> Reply:
    return await _changed(parts, call, call.body["instanceId"], call.body["instance"])


async def _update(parts: Parts, call: Call) -> Reply:
    return await _changed(parts, call, call.path["instanceId"], call.body)


async def _changed(parts: Parts, call: Call, which: str, body: Any) -> Reply:
    service = service_of(call)
    at = [0]

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        found = edits.find_instance(loaded, service, which)
        at[0] = found.index
        wanted = settings_in(body, found.settings)
        return edits.update_instance(service, found.key, wanted)(loaded, changes)

    outcome = await change(parts, call, edit, "update-instance", f"Instance {which} of {service} changed")
    return _replied(parts, outcome, service, at[0], "changed")


async def _put(parts: Parts, verb: str, status: str, call: Call) -> Reply:
    service, which = service_of(call), call.path["instanceId"]
    at = [0]

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        found = edits.find_instance(loaded, service, which)
        at[0] = found.index
        if status_of(found.settings) == status:
            return changes
        wanted: dict[str, Any] = {"status": status}
        if not found.settings.enabled:
            wanted["enabled"] = True
        return edits.update_instance(service, found.key, wanted)(loaded, changes)

    done = f"Instance {which} of {service}: {status}"
    outcome = await change(parts, call, edit, f"{verb}-instance", done)
    return _replied(parts, outcome, service, at[0], status)


async def _delete(parts: Parts, call: Call) -> Reply:
    service = service_of(call)
    find = _by_id if "instanceId" in call.path else _by_query
    key = [""]

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        key[0] = find(loaded, configured(loaded, call), call).key
        return edits.delete_instance(service, key[0])(loaded, changes)

    outcome = await change(parts, call, edit, "delete-instance", f"Instance of {service} taken away")
    return replied(outcome, f"Instance {key[0]} of {service} taken away", {"instanceId": key[0]})


def _replied(
    parts: Parts, outcome: Changed, service: str, index: int, done: str, status: int = 200
) -> Reply:
    instance = shown(parts, outcome.loaded, service, index)
    which = instance["instanceId"]
    data = {"instanceId": which, "instance": instance}
    return replied(outcome, f"Instance {which} of {service}: {done}", data, status)
