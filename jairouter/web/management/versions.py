"""Versions of the configuration: ``/api/config/version``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jairouter.config import view
from jairouter.dates import date_of
from jairouter.refusals import NotPossible
from jairouter.web.management.changing import CHANGING, DELETE, REFUSALS, WRITE, replied, undisturbed, undo_of
from jairouter.web.management.endpoint import CHANGED, Call, Endpoint, Later, Parameter, Reply
from jairouter.web.management.plan_answers import DIFFERENCES, differences_view
from jairouter.web.management.schemas import OBJECT

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from jairouter.config.loader import Loaded
    from jairouter.control import Difference, Entry
    from jairouter.web.management.parts import Parts

Compare = Callable[["Loaded", "Loaded"], "Awaitable[Sequence[Difference]]"]
"""Says how the second configuration differs from the first."""

TAG: Final = "Versions"
LARGEST: Final = 10**15 - 1
"""Highest number that a version can have."""

_PATH: Final = "/api/config/version"
_ONE: Final = _PATH + "/{version}"
_READ: Final = ("VERSION_NOT_FOUND", "VERSION_DAMAGED", "STORE_UNAVAILABLE")
_BUILT: Final = (*_READ, "INVALID_CONFIGURATION")

_NUMBER: Final = {"type": "integer", "minimum": 0, "maximum": LARGEST}
_STORED: Final = {"type": "integer", "minimum": 1, "maximum": LARGEST}
_WHAT: Final = Parameter(
    "what",
    "`model` for what stands under `model`; `tree` for everything; `changes` for what the version changes in "
    "what the files say.",
    {"type": "string", "enum": ["model", "tree", "changes"]},
    default="model",
)
_INFO: Final = {
    "type": "object",
    "required": [
        "version",
        "createdAt",
        "createdBy",
        "description",
        "changeType",
        "parent",
        "current",
        "damaged",
    ],
    "properties": {
        "version": _STORED,
        "createdAt": {"type": "string", "description": "When (ISO 8601)."},
        "createdBy": {"type": "string"},
        "description": {"type": "string"},
        "changeType": {"type": "string"},
        "parent": {**_NUMBER, "description": "The version that it followed; 0 for the files."},
        "digest": {"type": "string", "description": "SHA-256 of what it says."},
        "current": {"type": "boolean", "description": "Whether it is in force."},
        "damaged": {"type": "boolean", "description": "Whether it cannot be read any more."},
        "damage": {"type": "string", "description": "Why it cannot be."},
    },
}
_COMPARED: Final = {
    "type": "object",
    "required": ["from", "to", "added", "modified", "deleted", "differences"],
    "properties": {
        "from": _NUMBER,
        "to": _NUMBER,
        "added": {"type": "object", "description": "What is new, by its key."},
        "modified": {
            "type": "object",
            "description": "What is another one, by its key.",
            "additionalProperties": {"type": "object", "required": ["before", "after"]},
        },
        "deleted": {"type": "object", "description": "What is not there any more, by its key."},
        "differences": DIFFERENCES,
    },
}


def _number(name: str, told: str) -> Parameter:
    return Parameter(name, told, _NUMBER, required=True)


_VERSION: Final = _number("version", "The number of a version; 0 for the files alone.")


def endpoints(parts: Parts, compare: Compare) -> tuple[Endpoint, ...]:
    """The endpoints for versions.

    Args:
        parts: What they work on.
        compare: See `Compare`.
    """
    return (*_looking(parts), *_comparing(parts, compare), *_changing(parts))


def _looking(parts: Parts) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            "GET",
            _PATH,
            "getVersions",
            TAG,
            "The numbers of all stored versions, in ascending order",
            partial(_numbers, parts),
            data={"type": "array", "items": _STORED, "uniqueItems": True},
            refusals=("STORE_UNAVAILABLE",),
        ),
        Endpoint(
            "GET",
            _PATH + "/current",
            "getCurrentVersion",
            TAG,
            "The number of the version in force; 0 when nothing is stored",
            lambda call: Reply(parts.configuration.version, version=parts.configuration.version),
            data=_NUMBER,
        ),
        Endpoint(
            "GET",
            _PATH + "/info",
            "getVersionsInfo",
            TAG,
            "The history: who made which version when, and why",
            partial(_history, parts),
            data={"type": "array", "items": _INFO},
            refusals=("STORE_UNAVAILABLE",),
        ),
        Endpoint(
            "GET",
            _ONE,
            "getVersion",
            TAG,
            "What is configured by a version",
            partial(_version, parts),
            "Secrets are masked; values with placeholders are shown as they were written. A version lies "
            "over the files: this is what it amounts to, with the files in force.",
            (_VERSION, _WHAT),
            data=OBJECT,
            refusals=_BUILT,
        ),
    )


def _comparing(parts: Parts, compare: Compare) -> tuple[Endpoint, ...]:
    told = "What two versions come to is compared, not how they are written."
    return (
        Endpoint(
            "GET",
            _PATH + "/compare/{first}/{second}",
            "compareVersions",
            TAG,
            "How the second version differs from the first",
            partial(_compared, parts, compare),
            told,
            (_number("first", "A version; 0 for the files."), _number("second", "Another one.")),
            data=_COMPARED,
            refusals=_BUILT,
        ),
        Endpoint(
            "GET",
            _PATH + "/compare/{first}",
            "compareWithCurrent",
            TAG,
            "How what is in force differs from a version",
            partial(_compared, parts, compare),
            told,
            (_number("first", "A version; 0 for the files."),),
            data=_COMPARED,
            refusals=_BUILT,
        ),
    )


def _changing(parts: Parts) -> tuple[Endpoint, ...]:
    same = "Versions are never changed: going back makes a new one that is like the old one."
    like = [
        Endpoint(
            "POST",
            f"{_PATH}/{verb}/{{version}}",
            f"{verb}Version",
            TAG,
            summary,
            partial(_like, parts, verb),
            same,
            (_VERSION, *CHANGING),
            data=CHANGED,
            refusals=(*REFUSALS, "VERSION_NOT_FOUND", "VERSION_DAMAGED"),
            permission=WRITE,
        )
        for verb, summary in (
            ("apply", "Make a new version like this one, and bring it into force"),
            ("rollback", "Go back to a version; the same as `apply`"),
        )
    ]
    delete = Endpoint(
        "DELETE",
        _ONE,
        "deleteVersion",
        TAG,
        "Delete a version; 409 for the one in force",
        partial(_delete, parts),
        "Its number is not used again. (Other products answer 400 for the one in force.)",
        (Parameter("version", "The number of a version.", _STORED, required=True),),
        refusals=("VERSION_NOT_FOUND", "NOT_POSSIBLE", "STORE_UNAVAILABLE"),
        permission=DELETE,
        event="VERSION_DELETED",
    )
    return (*like, delete)


async def _numbers(parts: Parts, call: Call) -> Reply:
    entries = await parts.configuration.store.history()
    return Reply([each.number for each in entries], version=parts.configuration.version)


async def _history(parts: Parts, call: Call) -> Reply:
    entries = await parts.configuration.store.history()
    current = parts.configuration.version
    return Reply([_entry(each, current) for each in entries], version=current)


def _entry(entry: Entry, current: int) -> dict[str, Any]:
    optional = {"digest": entry.digest, "damage": entry.damage}
    return {
        "version": entry.number,
        "createdAt": date_of(entry.created_at),
        "createdBy": entry.told.who,
        "description": entry.told.description,
        "changeType": entry.told.change_type,
        "parent": entry.parent,
        **{name: value for name, value in optional.items() if value},
        "current": entry.number == current,
        "damaged": bool(entry.damage),
    }


async def _version(parts: Parts, call: Call) -> Reply:
    configuration, number = parts.configuration, call.path["version"]
    what = call.query["what"]
    if what == "changes":
        changes = (await configuration.store.read(number)).changes if number else {}
        data = partial(view.changes_view, changes)
    else:
        place = ("model",) if what == "model" else ()
        data = partial(view.tree_view, await configuration.at(number), place)
    return Reply(Later(data), version=configuration.version)


async def _compared(parts: Parts, compare: Compare, call: Call) -> Reply:
    configuration, first = parts.configuration, call.path["first"]
    second = call.path.get("second")
    before = await configuration.at(first)
    if second is None:
        second, after = configuration.version, configuration.loaded
    else:
        after = await configuration.at(second)
    found = await compare(before, after)
    return Reply(Later(lambda: _comparison(first, second, found)), version=configuration.version)


def _comparison(first: int, second: int, found: Sequence[Difference]) -> dict[str, Any]:
    return {
        "from": first,
        "to": second,
        "added": {each.path: each.after for each in found if each.kind == "added"},
        "modified": {
            each.path: {"before": each.before, "after": each.after}
            for each in found
            if each.kind == "changed"
        },
        "deleted": {each.path: each.before for each in found if each.kind == "removed"},
        "differences": differences_view(found),
    }


async def _like(parts: Parts, verb: str, call: Call) -> Reply:
    configuration, number = parts.configuration, call.path["version"]
    what = f"version {number}" if number else "the files alone"
    told, undo = call.told(verb, f"{what} again"), undo_of(call, configuration.loaded.settings.config.undo)
    outcome = await undisturbed(configuration.apply(number, told, call.parent, undo))
    return replied(outcome, f"What was configured by {what} is in force")


async def _delete(parts: Parts, call: Call) -> Reply:
    configuration, number = parts.configuration, call.path["version"]
    if number == configuration.version:
        raise NotPossible(f"version {number} is in force")
    await undisturbed(configuration.store.delete(number))
    return Reply(None, f"Version {number} is deleted", version=configuration.version)
