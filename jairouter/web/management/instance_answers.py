"""What the endpoints for instances do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jairouter.config import edits, view
from jairouter.config.finding import by_model, find_instance
from jairouter.control import InvalidRequest
from jairouter.web.management.changing import change, replied
from jairouter.web.management.endpoint import Call, Reply
from jairouter.web.management.instance_state import settings_in, state_of, status_of
from jairouter.web.management.schemas import configured, service_of

if TYPE_CHECKING:
    from jairouter.config.finding import Found
    from jairouter.config.loader import Loaded
    from jairouter.control import Changed, Changes
    from jairouter.web.management.parts import Parts


def shown(parts: Parts, loaded: Loaded, service: str, index: int) -> dict[str, Any]:
    """An instance as replies show it: its settings, and what is known about it."""
    settings = loaded.settings.model.services[service].instances[index]
    return {**view.instance_view(loaded, service, index), **state_of(parts, service, settings)}


def list_all(parts: Parts, call: Call) -> Reply:
    loaded = parts.configuration.loaded
    service = configured(loaded, call)
    count = len(loaded.settings.model.services[service].instances)
    data = [shown(parts, loaded, service, index) for index in range(count)]
    return Reply(data, version=parts.configuration.version)


def info(parts: Parts, call: Call) -> Reply:
    return _found(parts, call, _by_query)


def get(parts: Parts, call: Call) -> Reply:
    return _found(parts, call, _by_id)


def _found(parts: Parts, call: Call, find: Callable[[Loaded, str, Call], Found]) -> Reply:
    loaded = parts.configuration.loaded
    service = configured(loaded, call)
    index = find(loaded, service, call).index
    return Reply(shown(parts, loaded, service, index), version=parts.configuration.version)


def _by_id(loaded: Loaded, service: str, call: Call) -> Found:
    return find_instance(loaded, service, call.path["instanceId"])


def _by_query(loaded: Loaded, service: str, call: Call) -> Found:
    name, base_url, which = (call.query.get(each) for each in ("modelName", "baseUrl", "instanceId"))
    if which:
        return find_instance(loaded, service, which)
    if not name or not base_url:
        raise InvalidRequest("expected modelName and baseUrl, or instanceId")
    return by_model(loaded, service, name, base_url)


async def add(parts: Parts, call: Call) -> Reply:
    service = service_of(call)
    edit = edits.add_instance(service, call.body)
    outcome = await change(parts, call, edit, "add-instance", f"Instance of {service} added")
    index = len(outcome.loaded.settings.model.services[service].instances) - 1
    return _replied(parts, outcome, service, index, "added", 201)


async def update_named(parts: Parts, call: Call) -> Reply:
    return await _changed(parts, call, call.member("instanceId"), call.member("instance"))


async def update(parts: Parts, call: Call) -> Reply:
    return await _changed(parts, call, call.path["instanceId"], call.body)


async def _changed(parts: Parts, call: Call, which: str, body: Any) -> Reply:
    service = service_of(call)
    at = [0]

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        found = find_instance(loaded, service, which)
        at[0] = found.index
        wanted = settings_in(body, found.settings)
        return edits.update_instance(service, found.key, wanted)(loaded, changes)

    outcome = await change(parts, call, edit, "update-instance", f"Instance {which} of {service} changed")
    return _replied(parts, outcome, service, at[0], "changed")


async def put_status(parts: Parts, verb: str, status: str, call: Call) -> Reply:
    service, which = service_of(call), call.path["instanceId"]
    at = [0]

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        found = find_instance(loaded, service, which)
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


async def delete(parts: Parts, call: Call) -> Reply:
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
