"""Instances: ``/api/config/instance``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jairouter.web.management import instance_answers as answers
from jairouter.web.management import instance_limits
from jairouter.web.management.changing import CHANGING, DELETE, REFUSALS, WRITE
from jairouter.web.management.endpoint import Call, Endpoint, Parameter
from jairouter.web.management.schemas import (
    INSTANCE,
    INSTANCE_BODY,
    INSTANCE_ID,
    SERVICE_TYPE,
    changed_with,
)

if TYPE_CHECKING:
    from jairouter.web.management.parts import Parts

TAG: Final = "Instances"
_BASE: Final = "/api/config/instance"
_ONE: Final = _BASE + "/{serviceType}/{instanceId}"
_GONE: Final = ("SERVICE_NOT_FOUND", "INSTANCE_NOT_FOUND", "NOT_POSSIBLE")
_CHANGED: Final = changed_with(instanceId={"type": "string"}, instance=INSTANCE)
_PARTIAL: Final = (
    "What the body does not name stays; `null` takes a key away. A masked secret that comes back stays what "
    "it was, and what replies tell beside the settings is passed over."
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
    return (*_documented(parts), *_single(parts), *_statuses(parts), *instance_limits.endpoints(parts))


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
            partial(answers.list_all, parts),
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
            partial(answers.info, parts),
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
            partial(answers.add, parts),
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
                partial(answers.update_named, parts),
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
            partial(answers.get, parts),
            parameters=(SERVICE_TYPE, INSTANCE_ID),
            data=INSTANCE,
            refusals=_GONE,
        ),
        *(
            _changing(
                method,
                _ONE,
                name,
                "Change an instance",
                partial(answers.update, parts),
                _PARTIAL,
                body=INSTANCE_BODY,
            )
            for method, name in (("PUT", "updateInstance"), ("PATCH", "patchInstance"))
        ),
        _deleting(_ONE, "deleteInstance", parts, (INSTANCE_ID,)),
    )


def _statuses(parts: Parts) -> tuple[Endpoint, ...]:
    return tuple(
        _changing(
            "POST",
            f"{_ONE}/{verb}",
            f"{verb}Instance",
            summary,
            partial(answers.put_status, parts, verb, status),
            about,
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
        refusals=(*REFUSALS, *_GONE, "ALREADY_EXISTS"),
        permission=WRITE,
    )


def _deleting(path: str, name: str, parts: Parts, parameters: tuple[Parameter, ...]) -> Endpoint:
    return Endpoint(
        "DELETE",
        path,
        name,
        TAG,
        "Take an instance away",
        partial(answers.delete, parts),
        "Requests under way go on to their end.",
        (SERVICE_TYPE, *parameters, *CHANGING),
        data=changed_with(instanceId={"type": "string"}),
        refusals=(*REFUSALS, *_GONE),
        permission=DELETE,
    )


def _required(parameter: Parameter) -> Parameter:
    return Parameter(parameter.name, parameter.description, {"type": "string", "minLength": 1}, required=True)
