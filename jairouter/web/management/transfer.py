"""The configuration as a whole: ``/api/config``, its export and import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import yaml

from jairouter.config import edits, view
from jairouter.config.effective import effective_view
from jairouter.config.exporting import exported
from jairouter.config.naming import relaxed
from jairouter.config.patch import FIXED
from jairouter.control import ASKED_FOR
from jairouter.dates import date_of
from jairouter.refusals import InvalidRequest
from jairouter.store.original import changes_of
from jairouter.web.management.changing import CHANGING, REFUSALS, WRITE, change, replied
from jairouter.web.management.endpoint import CHANGED, Call, Endpoint, Later, Parameter, Reply
from jairouter.web.management.envelope import errors
from jairouter.web.management.schemas import EFFECTIVE, FAULT, MODE, OBJECT, ORIGINS, TREE_BODY

if TYPE_CHECKING:
    from jairouter.web.management.parts import Parts

TAG: Final = "Configuration"
_PATH: Final = "/api/config"

_FORMAT: Final = Parameter(
    "format",
    "`json`, or `yaml` for the same as a text.",
    {"type": "string", "enum": ["json", "yaml"]},
    default="json",
)
_WHAT: Final = Parameter(
    "what",
    "`changes` for what was changed since the files, `effective` for all that is in force.",
    {"type": "string", "enum": ["changes", "effective"]},
    default="changes",
)
_STATUS: Final = {
    "type": "object",
    "required": ["version", "standing", "files", "profiles", "notices"],
    "properties": {
        "version": {"type": "integer", "minimum": 0, "description": "In force; 0 for the files alone."},
        "standing": {
            "type": "object",
            "description": "What came of the last attempt to bring a configuration into force.",
            "required": ["good", "at", "cause", "errors"],
            "properties": {
                "good": {"type": "boolean", "description": "Whether that one is in force."},
                "at": {"type": "string", "description": "When (ISO 8601)."},
                "cause": {"type": "string", "description": "Why it was made."},
                "reason": {"type": "string", "description": "Why the one before stays in force."},
                "errors": {"type": "array", "items": FAULT},
            },
        },
        "files": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The files that were read; later ones lie over earlier ones.",
        },
        "profiles": {"type": "array", "items": {"type": "string"}},
        "notices": {"type": "array", "items": {"type": "string"}},
    },
}
_IMPORTS: Final = (
    "The body is one of these, in any spelling: what an export of `changes` gave; a part of the whole tree "
    "(`model`, `server`, ...); what stands below `model`, which is told by its `services`; a stored version, "
    "also one of JAiRouter for Java. Secrets are not taken, but `${NAME}` is; where the export masked one, "
    "the one that is there stays. `store` and `spring` are passed over: they are of where it comes from."
)


def endpoints(parts: Parts) -> tuple[Endpoint, ...]:
    """The endpoints for the configuration as a whole.

    Args:
        parts: What they work on.
    """
    return (*_reading(parts), *_changing(parts))


def _reading(parts: Parts) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            "GET",
            _PATH,
            "getConfiguration",
            TAG,
            "All that is configured",
            partial(_tree, parts),
            "Secrets are masked; values with placeholders are shown as they were written.",
            (ORIGINS, EFFECTIVE),
            data=OBJECT,
        ),
        Endpoint(
            "GET",
            _PATH + "/status",
            "getConfigurationStatus",
            TAG,
            "Which configuration is in force, and why no other one",
            partial(_status, parts),
            data=_STATUS,
        ),
        Endpoint(
            "GET",
            _PATH + "/export",
            "exportConfiguration",
            TAG,
            "The configuration, to be kept or imported elsewhere",
            partial(_export, parts),
            "Placeholders stay as they were written, and secrets without one are masked.",
            (_FORMAT, _WHAT),
            data={"type": ["object", "string"]},
        ),
    )


def _changing(parts: Parts) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            "PATCH",
            _PATH,
            "patchConfiguration",
            TAG,
            "Change anything",
            partial(_patch, parts),
            "A JSON merge patch (RFC 7396) for the whole tree: what it does not name stays, `null` takes a "
            "key away. Where there is a list of instances, an object patches single ones by their "
            "`instanceId`. With `$patch: replace` in it, an object takes the place of what is there.",
            CHANGING,
            TREE_BODY,
            yaml=True,
            data=CHANGED,
            refusals=(*REFUSALS, "INSTANCE_NOT_FOUND"),
            permission=WRITE,
        ),
        Endpoint(
            "POST",
            _PATH + "/import",
            "importConfiguration",
            TAG,
            "Take over changes from elsewhere",
            partial(_import, parts),
            _IMPORTS,
            (MODE, *CHANGING),
            OBJECT,
            yaml=True,
            data=CHANGED,
            refusals=(*REFUSALS, "INSTANCE_NOT_FOUND"),
            permission=WRITE,
        ),
        Endpoint(
            "POST",
            _PATH + "/reload",
            "reloadConfiguration",
            TAG,
            "Read the files and the store again",
            partial(_reload, parts),
            "Makes no version. If what they say is refused, the configuration before stays in force.",
            data=CHANGED,
            refusals=("INVALID_CONFIGURATION", "STORE_UNAVAILABLE", "VERSION_DAMAGED"),
            permission=WRITE,
        ),
    )


def _tree(parts: Parts, call: Call) -> Reply:
    show = effective_view if call.query["effective"] else view.tree_view
    data = partial(show, parts.configuration.loaded, (), origins=call.query["origins"])
    return Reply(Later(data), version=parts.configuration.version)


def _status(parts: Parts, call: Call) -> Reply:
    configuration = parts.configuration
    loaded, standing = configuration.loaded, configuration.standing
    told: dict[str, Any] = {
        "good": standing.good,
        "at": date_of(standing.at),
        "cause": standing.cause,
        "errors": errors(standing.faults),
    }
    if standing.reason:
        told["reason"] = standing.reason
    data = {
        "version": configuration.version,
        "standing": told,
        "files": [each.name for each in loaded.sources.files],
        "profiles": list(loaded.profiles),
        "notices": [str(each) for each in loaded.notices],
    }
    return Reply(data, version=configuration.version)


def _export(parts: Parts, call: Call) -> Reply:
    configuration = parts.configuration
    make: Callable[[], Any] = partial(view.tree_view, configuration.loaded)
    if call.query["what"] == "changes":
        make = partial(exported, configuration.changes)
    if call.query["format"] == "yaml":
        return Reply(Later(lambda: _as_yaml(make())), version=configuration.version)
    return Reply(Later(make), version=configuration.version)


def _as_yaml(data: Any) -> str:
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return text


async def _patch(parts: Parts, call: Call) -> Reply:
    done = "Configuration changed"
    return replied(await change(parts, call, edits.merge(call.body), "patch", done), done)


async def _import(parts: Parts, call: Call) -> Reply:
    imported = {
        name: each
        for name, each in changes_in(call.body).items()
        if relaxed(name.partition(".")[0]) not in FIXED
    }
    edit = edits.merge(imported) if call.query["mode"] == "merge" else edits.replace_all(imported)
    done = "Configuration imported"
    return replied(await change(parts, call, edit, "import", done), done)


async def _reload(parts: Parts, call: Call) -> Reply:
    outcome = await parts.configuration.reload(f"{ASKED_FOR} {call.who}")
    return replied(outcome, "Configuration read again")


def changes_in(body: Any) -> Mapping[str, Any]:
    """The changes that an import means.

    Args:
        body: Changes, a model tree, a stored version of ours or of the original, or the whole answer to an
            export of one of these.

    Raises:
        InvalidRequest: It is none of them.
    """
    if not isinstance(body, dict):
        raise InvalidRequest("expected an object")
    names = {relaxed(name) for name in body}
    if {"success", "data"} <= names and isinstance(body.get("data"), dict):
        return changes_in(body["data"])
    if {"format", "changes"} <= names:
        if body.get("format") != 1 or not isinstance(body.get("changes"), dict):
            raise InvalidRequest("this is no stored version of a format that is known here")
        changes: dict[str, Any] = body["changes"]
        return changes
    if "services" in names and "model" not in names:
        return _model(body)
    return body


def _model(tree: dict[str, Any]) -> Mapping[str, Any]:
    services = tree.get("services")
    if not isinstance(services, dict) or not all(isinstance(each, dict) for each in services.values()):
        raise InvalidRequest("services: expected an object of objects")
    if services:
        return changes_of(tree)
    return {"model": {name: value for name, value in tree.items() if value is not None}}
