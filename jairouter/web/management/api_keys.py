"""API keys: ``/api/auth/api-keys``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jairouter.auth.key_records import FIELDS
from jairouter.auth.key_store import OVERLAP
from jairouter.config.naming import relaxed
from jairouter.web.management.api_key_schemas import (
    CREATE,
    EXPORTED,
    IMPORT,
    IMPORTED,
    KEY,
    KEY_WITH_VALUE,
    OVERLAP_BODY,
    UPDATE,
)
from jairouter.web.management.changing import undisturbed
from jairouter.web.management.endpoint import Call, Endpoint, Later, Parameter, Reply

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from jairouter.auth.acting import By
    from jairouter.auth.key_store import ApiKeys, Made

TAG: Final = "API keys"

_PATH: Final = "/api/auth/api-keys"
_ONE: Final = _PATH + "/{keyId}"
_READ: Final = "security:read"
_WRITE: Final = "security:write"
_DELETE: Final = "security:delete"
_NAME: Final = Parameter("keyId", "What the key is called.")
_CHANGED: Final = ("NOT_FOUND", "NOT_POSSIBLE", "STORE_UNAVAILABLE")
_CHECKED: Final = (*_CHANGED, "INSUFFICIENT_PERMISSIONS")


def endpoints(keys: ApiKeys) -> tuple[Endpoint, ...]:
    """The endpoints for API keys.

    Args:
        keys: All of them.
    """
    return (*_looking(keys), *_making(keys), *_changing(keys), *_switching(keys), *_rotating(keys))


def _looking(keys: ApiKeys) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            "GET",
            _PATH,
            "getApiKeys",
            TAG,
            "All keys, without what they are known by",
            lambda call: Reply(Later(keys.list)),
            data={"type": "array", "items": KEY},
            permission=_READ,
        ),
        Endpoint(
            "GET",
            _PATH + "/export",
            "exportApiKeys",
            TAG,
            "All keys that were made, to be imported elsewhere",
            lambda call: Reply(Later(lambda: {"keys": list(keys.export())})),
            "Without their values, and without what is kept of these.",
            data=EXPORTED,
            permission=_READ,
        ),
        Endpoint(
            "GET",
            _ONE,
            "getApiKey",
            TAG,
            "One key, without what it is known by",
            lambda call: Reply(keys.get(call.path["keyId"])),
            parameters=(_NAME,),
            data=KEY,
            refusals=("NOT_FOUND",),
            permission=_READ,
        ),
    )


def _making(keys: ApiKeys) -> tuple[Endpoint, ...]:
    refusals = ("ALREADY_EXISTS", "NOT_POSSIBLE", "STORE_UNAVAILABLE", "INSUFFICIENT_PERMISSIONS")
    return (
        Endpoint(
            "POST",
            _PATH,
            "createApiKey",
            TAG,
            "Make a key; its value is shown here and never again",
            partial(_create, keys),
            "Nobody can give a key permissions that they do not have themselves, nor make one that is less "
            "limited than their own key: in `allowFrom`, `models`, `expiresAt`, or how much it may ask for. "
            "Without `expiresAt` it expires no later than that.",
            body=CREATE,
            data=KEY_WITH_VALUE,
            status=201,
            refusals=refusals,
            permission=_WRITE,
        ),
        Endpoint(
            "POST",
            _PATH + "/import",
            "importApiKeys",
            TAG,
            "Make keys as they were exported, and change those that there are: all, or none",
            partial(_import, keys),
            "Keys that there are keep their value; new ones get one, which is shown here and never again. An "
            "entry may have a `keyValue` of its own.",
            body=IMPORT,
            data=IMPORTED,
            refusals=refusals,
            permission=_WRITE,
        ),
    )


def _changing(keys: ApiKeys) -> tuple[Endpoint, ...]:
    changing = [
        Endpoint(
            method,
            _ONE,
            name,
            TAG,
            "Change what is named, and nothing else",
            partial(_update, keys),
            "Null takes a limit, or the date, away. (`PUT` and `PATCH` are the same.) A key of the "
            "configuration is changed there: 409.",
            (_NAME,),
            body=UPDATE,
            data=KEY,
            refusals=_CHECKED,
            permission=_WRITE,
        )
        for method, name in (("PUT", "updateApiKey"), ("PATCH", "patchApiKey"))
    ]
    delete = Endpoint(
        "DELETE",
        _ONE,
        "deleteApiKey",
        TAG,
        "Delete a key; 409 for one of the configuration, which can be disabled",
        partial(_delete, keys),
        parameters=(_NAME,),
        refusals=_CHECKED,
        permission=_DELETE,
    )
    return (*changing, delete)


def _switching(keys: ApiKeys) -> tuple[Endpoint, ...]:
    told = "That of a key of the configuration, too: what is said here stays when the configuration changes."
    switches: tuple[tuple[str, str, Callable[[By, str], Deferred[Made]]], ...] = (
        ("enable", "Let a key be used again", keys.enable),
        ("disable", "Let a key not be used any more, from now on", keys.disable),
    )
    return tuple(
        Endpoint(
            method,
            f"{_ONE}/{verb}",
            f"{prefix}{verb.capitalize()}ApiKey" if prefix else f"{verb}ApiKey",
            TAG,
            summary,
            partial(_switch, switch, verb),
            told,
            (_NAME,),
            data=KEY,
            refusals=_CHECKED,
            permission=_WRITE,
        )
        for verb, summary, switch in switches
        for method, prefix in (("POST", ""), ("PATCH", "patch"))
    )


def _rotating(keys: ApiKeys) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            "POST",
            _ONE + "/rotate",
            "rotateApiKey",
            TAG,
            "Give a key a new value, which is shown here and never again; the old one does for a while",
            partial(_rotate, keys),
            parameters=(_NAME,),
            body=OVERLAP_BODY,
            body_required=False,
            data=KEY_WITH_VALUE,
            refusals=_CHECKED,
            permission=_WRITE,
        ),
        Endpoint(
            "POST",
            _ONE + "/reset",
            "resetApiKey",
            TAG,
            "Give a key a new value, and refuse the old one at once",
            lambda call: _rotated(keys, call, 0.0),
            parameters=(_NAME,),
            data=KEY_WITH_VALUE,
            refusals=_CHECKED,
            permission=_WRITE,
        ),
    )


def _given(call: Call, *others: str) -> dict[str, Any]:
    """What a key is given, of all that the body says."""
    besides = {relaxed(each) for each in others}
    return {each: value for each, value in (call.body or {}).items() if relaxed(each) not in besides}


async def _create(keys: ApiKeys, call: Call) -> Reply:
    making = keys.create(call.by(), _given(call, "keyId"), call.member("keyId"))
    return _with_value(await undisturbed(making), "The key is made; its value is not shown again", 201)


async def _update(keys: ApiKeys, call: Call) -> Reply:
    made = await undisturbed(keys.update(call.by(), call.path["keyId"], _given(call)))
    return Reply(made.key, "The key is changed")


async def _delete(keys: ApiKeys, call: Call) -> Reply:
    await undisturbed(keys.delete(call.by(), call.path["keyId"]))
    return Reply(None, "The key is deleted")


async def _switch(switch: Callable[[By, str], Deferred[Made]], verb: str, call: Call) -> Reply:
    made = await undisturbed(switch(call.by(), call.path["keyId"]))
    return Reply(made.key, f"The key is {verb}d")


async def _rotate(keys: ApiKeys, call: Call) -> Reply:
    return await _rotated(keys, call, float(call.member("overlapSeconds", OVERLAP)))


async def _rotated(keys: ApiKeys, call: Call, overlap: float) -> Reply:
    made = await undisturbed(keys.rotate(call.by(), call.path["keyId"], overlap))
    return _with_value(made, "The key has a new value, which is not shown again")


def _with_value(made: Made, message: str, status: int = 200) -> Reply:
    assert made.value is not None  # whoever asks for one gets one
    return Reply({**made.key, "keyValue": made.value.reveal()}, message, status)


async def _import(keys: ApiKeys, call: Call) -> Reply:
    members = {relaxed(each): each for each in ("keyId", "keyValue", *FIELDS)}
    entries = [
        {members[relaxed(each)]: value for each, value in entry.items()} for entry in call.member("keys")
    ]
    replace = call.member("mode", "MERGE") == "REPLACE"
    done = await undisturbed(keys.take_in(call.by(), entries, replace=replace))
    shown = [{"keyId": name, "keyValue": value.reveal()} for name, value in done.values.items()]
    data = {"created": done.created, "updated": done.updated, "deleted": done.deleted, "keys": shown}
    return Reply(data, "The keys are imported")
