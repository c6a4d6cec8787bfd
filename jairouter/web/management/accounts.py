"""Users who can log in: ``/api/security/jwt/accounts``. No answer holds a password or a hash of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from twisted.internet.defer import Deferred

from jairouter.auth.account_records import LONGEST_NAME, Source
from jairouter.dates import date_of
from jairouter.refusals import InvalidRequest
from jairouter.web.management.changing import undisturbed
from jairouter.web.management.endpoint import KNOWN, Call, Endpoint, Parameter, Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from jairouter.auth.account_changes import AccountChanges
    from jairouter.auth.account_records import Record

T = TypeVar("T")

TAG: Final = "Accounts"
READ: Final = "security:read"
WRITE: Final = "security:write"
DELETE: Final = "security:delete"

_PATH: Final = "/api/security/jwt/accounts"
_ONE: Final = _PATH + "/{username}"
_CHANGE: Final = ("NOT_FOUND", "NOT_POSSIBLE", "INSUFFICIENT_PERMISSIONS", "STORE_UNAVAILABLE")
_HASHED: Final = (*_CHANGE, "GATEWAY_BUSY")

_TEXT: Final = {"type": "string"}
_SECRET: Final = {"type": "string", "maxLength": 1024, "format": "password"}
_ROLES: Final = {
    "type": "array",
    "items": {"type": "string", "maxLength": 100},
    "maxItems": 100,
    "description": "`USER`, `ADMIN`, or permissions such as `chat:read`.",
}
_ENABLED: Final = {"type": "boolean", "description": "Whether the user can log in."}
_USERNAME: Final = Parameter("username", "The user's name, exactly as it is written.", _TEXT, required=True)
ACCOUNT: Final = {
    "title": "Account",
    "type": "object",
    "required": ["username", "roles", "permissions", "enabled", "source"],
    "properties": {
        "username": _TEXT,
        "roles": {"type": "array", "items": _TEXT},
        "permissions": {"type": "array", "items": _TEXT, "description": "What the roles come to."},
        "enabled": _ENABLED,
        "source": {
            "type": "string",
            "enum": [each.value for each in Source],
            "description": "`configuration` for those of the files, which can only be enabled and disabled "
            "here; `api` for those made here; `checker` for users whom somebody else knows, once they have "
            "logged in.",
        },
        "createdAt": _TEXT,
        "createdBy": _TEXT,
        "updatedAt": _TEXT,
    },
    "additionalProperties": False,
}


def _body(required: tuple[str, ...], title: str, **properties: Any) -> dict[str, Any]:
    return {
        "title": title,
        "type": "object",
        "required": [*required],
        "properties": properties,
        "additionalProperties": False,
    }


def shown(record: Record) -> dict[str, Any]:
    """An account as answers show it."""
    account = record.account
    dates = {
        name: date_of(record.since[name])
        for name in ("createdAt", "updatedAt")
        if isinstance(record.since.get(name), int | float)
    }
    by = record.since.get("createdBy")
    return {
        "username": account.name,
        "roles": [*account.roles],
        "permissions": sorted(account.permissions),
        "enabled": record.enabled,
        "source": account.source.value,
        **dates,
        **({"createdBy": by} if isinstance(by, str) else {}),
    }


class _Answers:
    def __init__(self, changes: AccountChanges) -> None:
        self._changes = changes

    def list(self, call: Call) -> Reply:
        return Reply([shown(each) for _, each in sorted(self._changes.accounts.records.items())])

    def get(self, call: Call) -> Reply:
        return Reply(shown(self._changes.get(call.path["username"])))

    async def create(self, call: Call) -> Reply:
        enabled = call.member("enabled", default=True)
        making = self._changes.create(
            call.member("username"),
            call.member("password"),
            call.member("roles", ["USER"]),
            call.by(),
            enabled=enabled,
        )
        return Reply(shown(await _to_its_end(making)), "Account created", 201)

    async def update(self, call: Call) -> Reply:
        """``PUT`` and ``PATCH``; the schema of the first wants all members."""
        roles, enabled = call.member("roles"), call.member("enabled")
        if roles is None and enabled is None:
            raise InvalidRequest("the body has to hold roles or enabled")
        changing = self._changes.update(call.path["username"], call.by(), roles=roles, enabled=enabled)
        return Reply(shown(await _to_its_end(changing)), "Account updated")

    async def delete(self, call: Call) -> Reply:
        await _to_its_end(self._changes.delete(call.path["username"], call.by()))
        return Reply(None, "Account deleted")

    def switch(self, enabled: bool) -> Callable[[Call], Awaitable[Reply]]:
        async def answer(call: Call) -> Reply:
            changing = self._changes.update(call.path["username"], call.by(), enabled=enabled)
            done = "Account enabled" if enabled else "Account disabled"
            return Reply(shown(await _to_its_end(changing)), done)

        return answer

    async def set_password(self, call: Call) -> Reply:
        old, new = call.member("oldPassword"), call.member("newPassword")
        await _to_its_end(self._changes.set_password(call.path["username"], new, call.by(), old))
        return Reply(None, "Password changed")


def _to_its_end(working: Coroutine[Deferred[Any], Any, T]) -> Deferred[T]:
    """What has begun to change is recorded, and told to whom it concerns, even if nobody waits for it."""
    return undisturbed(Deferred.fromCoroutine(working))


def endpoints(changes: AccountChanges) -> tuple[Endpoint, ...]:
    """Everything about accounts.

    Args:
        changes: Makes and changes them.
    """
    answers = _Answers(changes)
    return (*_reading(answers), *_writing(answers), *_switching(answers))


def _reading(answers: _Answers) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            "GET",
            _PATH,
            "listAccounts",
            TAG,
            "All users who can log in, and those who cannot any more",
            answers.list,
            data={"type": "array", "items": ACCOUNT},
            permission=READ,
        ),
        Endpoint(
            "GET",
            _ONE,
            "getAccount",
            TAG,
            "One user",
            answers.get,
            parameters=(_USERNAME,),
            data=ACCOUNT,
            refusals=("NOT_FOUND",),
            permission=READ,
        ),
    )


def _writing(answers: _Answers) -> tuple[Endpoint, ...]:
    name = {**_TEXT, "minLength": 1, "maxLength": LONGEST_NAME}
    changed: dict[str, Any] = {"parameters": (_USERNAME,), "data": ACCOUNT, "permission": WRITE}
    return (
        Endpoint(
            "POST",
            _PATH,
            "createAccount",
            TAG,
            "Add a user",
            answers.create,
            "The password has to be as `security.jwt.passwords` says; the roles may allow nothing that the "
            "caller may not do. Without `roles`, the user is a `USER`.",
            body=_body(
                ("username", "password"),
                "NewAccount",
                username=name,
                password=_SECRET,
                roles=_ROLES,
                enabled=_ENABLED,
            ),
            data=ACCOUNT,
            status=201,
            refusals=("ALREADY_EXISTS", *_HASHED[1:]),
            permission=WRITE,
        ),
        Endpoint(
            "PUT",
            _ONE,
            "replaceAccount",
            TAG,
            "Say what a user may do, and whether they can log in",
            answers.update,
            body=_body(("roles", "enabled"), "AccountState", roles=_ROLES, enabled=_ENABLED),
            refusals=_CHANGE,
            **changed,
        ),
        Endpoint(
            "PATCH",
            _ONE,
            "updateAccount",
            TAG,
            "Change one of the two",
            answers.update,
            body=_body((), "AccountChange", roles=_ROLES, enabled=_ENABLED),
            refusals=_CHANGE,
            **changed,
        ),
        Endpoint(
            "DELETE",
            _ONE,
            "deleteAccount",
            TAG,
            "Delete a user",
            answers.delete,
            "A user whom a checker knows is forgotten, until they log in again: disable those.",
            parameters=(_USERNAME,),
            refusals=_CHANGE,
            permission=DELETE,
        ),
    )


def _switching(answers: _Answers) -> tuple[Endpoint, ...]:
    changed: dict[str, Any] = {"parameters": (_USERNAME,), "data": ACCOUNT, "permission": WRITE}
    return (
        Endpoint(
            "POST",
            _ONE + "/enable",
            "enableAccount",
            TAG,
            "Let a user log in",
            answers.switch(True),
            refusals=_CHANGE,
            **changed,
        ),
        Endpoint(
            "POST",
            _ONE + "/disable",
            "disableAccount",
            TAG,
            "Let a user log in no more; tokens that they have are good for nothing from then on",
            answers.switch(False),
            refusals=_CHANGE,
            **changed,
        ),
        Endpoint(
            "PUT",
            _ONE + "/password",
            "setAccountPassword",
            TAG,
            "Give a user another password",
            answers.set_password,
            f"Users change their own, with the old one; that of others needs `{WRITE}`.",
            parameters=(_USERNAME,),
            body=_body(("newPassword",), "NewPassword", newPassword=_SECRET, oldPassword=_SECRET),
            refusals=(*_HASHED, "LOGIN_FAILED", "TOO_MANY_REQUESTS"),
            permission=KNOWN,
        ),
    )
