"""Models: ``/api/models``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jairouter.config.inheritance import adapter_for
from jairouter.config.naming import SERVICES
from jairouter.web.management.endpoint import Call, Endpoint, Reply
from jairouter.web.management.schemas import NAMES

if TYPE_CHECKING:
    from jairouter.web.management.parts import Parts

TAG: Final = "Models"
_OWNER: Final = "model-router"
"""As documented; programs go by it."""

_COUNT: Final = {"type": "integer", "minimum": 0}
_COUNTS: Final = {"type": "object", "additionalProperties": _COUNT}
_MODEL: Final = {
    "type": "object",
    "required": ["id", "object", "created", "owned_by", "service_type", "adapter"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "model"},
        "created": {
            "type": "integer",
            "description": "Since when this gateway runs, in seconds of Unix time.",
        },
        "owned_by": {"type": "string"},
        "service_type": {"enum": list(SERVICES)},
        "adapter": {"type": "string"},
    },
}
_MODELS: Final = {
    "type": "object",
    "required": ["object", "data"],
    "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": _MODEL}},
}
_STATISTICS: Final = {
    "type": "object",
    "required": [
        "totalServices",
        "configuredServices",
        "totalInstances",
        "totalModels",
        "instancesByService",
        "modelsByService",
        "serviceTypes",
    ],
    "properties": {
        "totalServices": {**_COUNT, "description": "Kinds of services that there are."},
        "configuredServices": {**_COUNT, "description": "Those of them that are configured."},
        "totalInstances": _COUNT,
        "totalModels": {**_COUNT, "description": "The sum of `modelsByService`."},
        "instancesByService": _COUNTS,
        "modelsByService": _COUNTS,
        "serviceTypes": NAMES,
    },
}


def endpoints(parts: Parts) -> tuple[Endpoint, ...]:
    """The endpoints for models.

    Args:
        parts: What they work on.
    """
    started = int(parts.today())
    return (
        Endpoint(
            "GET",
            "/api/models",
            "listModels",
            TAG,
            "The models that are on offer",
            partial(_models, parts, started),
            "Each model once for each service that has an active instance of it.",
            data=_MODELS,
        ),
        Endpoint(
            "GET",
            "/api/models/stats",
            "countModels",
            TAG,
            "How many models and instances are configured",
            partial(_statistics, parts),
            "Counts what is configured, whether it gets requests or not.",
            data=_STATISTICS,
        ),
    )


def _models(parts: Parts, started: int, call: Call) -> Reply:
    model = parts.configuration.loaded.settings.model
    offered: dict[tuple[str, str], dict[str, Any]] = {}
    for service, settings in model.services.items():
        for instance in settings.instances:
            if instance.active:
                entry = {
                    "id": instance.name,
                    "object": "model",
                    "created": started,
                    "owned_by": _OWNER,
                    "service_type": service,
                    "adapter": adapter_for(model, service, instance),
                }
                offered.setdefault((service, instance.name), entry)
    return Reply({"object": "list", "data": list(offered.values())}, version=parts.configuration.version)


def _statistics(parts: Parts, call: Call) -> Reply:
    services = parts.configuration.loaded.settings.model.services
    instances = {name: len(services[name].instances) if name in services else 0 for name in SERVICES}
    models = {name: len(services[name].models) if name in services else 0 for name in SERVICES}
    counted = {
        "totalServices": len(SERVICES),
        "configuredServices": len(services),
        "totalInstances": sum(instances.values()),
        "totalModels": sum(models.values()),
        "instancesByService": instances,
        "modelsByService": models,
        "serviceTypes": list(SERVICES),
    }
    return Reply(counted, version=parts.configuration.version)
