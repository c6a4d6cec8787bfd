"""Services: ``/api/config/type``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jairouter.config import edits, view
from jairouter.config.effective import effective_view
from jairouter.web.management.changing import CHANGING, DELETE, REFUSALS, WRITE, change, replied
from jairouter.web.management.endpoint import CHANGED, Call, Endpoint, Later, Reply
from jairouter.web.management.schemas import (
    EFFECTIVE,
    NAMES,
    OBJECT,
    ORIGINS,
    SERVICE,
    SERVICE_BODY,
    SERVICE_TYPE,
    changed_with,
    configured,
    service_of,
)

if TYPE_CHECKING:
    from jairouter.web.management.parts import Parts

TAG: Final = "Services"
_TYPE: Final = "/api/config/type"
_SERVICE: Final = _TYPE + "/services/{serviceType}"
_PARTIAL: Final = (
    "What the body does not name stays. Objects are merged, `null` takes a key away, and a list of instances "
    "replaces all of them; an object in its place patches single ones by their `instanceId`. A masked secret "
    "that comes back stays what it was."
)


def endpoints(parts: Parts) -> tuple[Endpoint, ...]:
    """The endpoints for services.

    Args:
        parts: What they work on.
    """
    return (*_reading(parts), *_changing(parts))


def _reading(parts: Parts) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            "GET",
            _TYPE,
            "getConfigurationOfModels",
            TAG,
            "All that is configured for models",
            partial(_tree, parts),
            "The whole `model` tree as it is in force, whether it comes from files or from changes.",
            (ORIGINS, EFFECTIVE),
            data=OBJECT,
        ),
        Endpoint(
            "GET",
            _TYPE + "/services",
            "listServices",
            TAG,
            "The services that are configured",
            partial(_names, parts),
            data=NAMES,
        ),
        Endpoint(
            "GET",
            _TYPE + "/services/batch",
            "getServices",
            TAG,
            "All services, with what is configured for each",
            partial(_all, parts),
            data={"type": "object", "additionalProperties": SERVICE},
        ),
        Endpoint(
            "GET",
            _SERVICE,
            "getService",
            TAG,
            "One service",
            partial(_one, parts),
            parameters=(SERVICE_TYPE,),
            data=SERVICE,
            refusals=("SERVICE_NOT_FOUND",),
        ),
        Endpoint(
            "GET",
            _TYPE + "/{serviceType}/models",
            "listModelsOfService",
            TAG,
            "The models of a service",
            partial(_models, parts),
            parameters=(SERVICE_TYPE,),
            data=NAMES,
            refusals=("SERVICE_NOT_FOUND",),
        ),
    )


def _changing(parts: Parts) -> tuple[Endpoint, ...]:
    def update(method: str, name: str, summary: str) -> Endpoint:
        return Endpoint(
            method,
            _SERVICE,
            name,
            TAG,
            summary,
            partial(_update, parts),
            _PARTIAL,
            (SERVICE_TYPE, *CHANGING),
            SERVICE_BODY,
            data=changed_with(service=SERVICE),
            refusals=(*REFUSALS, "SERVICE_NOT_FOUND", "INSTANCE_NOT_FOUND"),
            permission=WRITE,
        )

    return (
        Endpoint(
            "POST",
            _SERVICE,
            "addService",
            TAG,
            "Add a service",
            partial(_add, parts),
            parameters=(SERVICE_TYPE, *CHANGING),
            body=SERVICE_BODY,
            data=changed_with(service=SERVICE),
            status=201,
            refusals=(*REFUSALS, "ALREADY_EXISTS"),
            permission=WRITE,
        ),
        update("PUT", "updateService", "Change a service"),
        update("PATCH", "patchService", "Change a service (as PUT does)"),
        Endpoint(
            "DELETE",
            _SERVICE,
            "deleteService",
            TAG,
            "Take a service away",
            partial(_delete, parts),
            "Requests under way go on to their end.",
            (SERVICE_TYPE, *CHANGING),
            data=CHANGED,
            refusals=(*REFUSALS, "SERVICE_NOT_FOUND"),
            permission=DELETE,
        ),
        Endpoint(
            "POST",
            _TYPE + "/reset",
            "resetConfiguration",
            TAG,
            "Go back to what the files say",
            partial(_reset, parts),
            "Makes a version without changes. The versions before it stay, so that this can be taken back.",
            CHANGING,
            data=CHANGED,
            refusals=REFUSALS,
            permission=WRITE,
        ),
    )


def _reply(parts: Parts, data: Any) -> Reply:
    return Reply(data, version=parts.configuration.version)


def _tree(parts: Parts, call: Call) -> Reply:
    show = effective_view if call.query["effective"] else view.tree_view
    data = partial(show, parts.configuration.loaded, ("model",), origins=call.query["origins"])
    return _reply(parts, Later(data))


def _names(parts: Parts, call: Call) -> Reply:
    return _reply(parts, list(parts.configuration.loaded.settings.model.services))


def _all(parts: Parts, call: Call) -> Reply:
    loaded = parts.configuration.loaded
    names = tuple(loaded.settings.model.services)
    return _reply(parts, Later(lambda: {each: view.service_view(loaded, each) for each in names}))


def _one(parts: Parts, call: Call) -> Reply:
    loaded = parts.configuration.loaded
    return _reply(parts, Later(partial(view.service_view, loaded, configured(loaded, call))))


def _models(parts: Parts, call: Call) -> Reply:
    loaded = parts.configuration.loaded
    instances = loaded.settings.model.services[configured(loaded, call)].instances
    return _reply(parts, list(dict.fromkeys(each.name for each in instances)))


async def _add(parts: Parts, call: Call) -> Reply:
    service = service_of(call)
    done = f"Service {service} added"
    outcome = await change(parts, call, edits.add_service(service, call.body), "add-service", done)
    return replied(outcome, done, {"service": view.service_view(outcome.loaded, service)}, 201)


async def _update(parts: Parts, call: Call) -> Reply:
    service = service_of(call)
    done = f"Service {service} changed"
    outcome = await change(parts, call, edits.update_service(service, call.body), "update-service", done)
    return replied(outcome, done, {"service": view.service_view(outcome.loaded, service)})


async def _delete(parts: Parts, call: Call) -> Reply:
    service = service_of(call)
    done = f"Service {service} taken away"
    return replied(await change(parts, call, edits.delete_service(service), "delete-service", done), done)


async def _reset(parts: Parts, call: Call) -> Reply:
    done = "Back to what the files say"
    return replied(await change(parts, call, edits.reset(), "reset", done), done)
