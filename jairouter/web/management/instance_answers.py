"""What the endpoints for instances do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jairouter.config import edits, view
from jairouter.config.finding import by_model, find_instance, instances_path
from jairouter.config.instance_key import key_of
from jairouter.refusals import InvalidRequest
from jairouter.web.management.changing import change, replied
from jairouter.web.management.endpoint import Call, Reply
from jairouter.web.management.instance_state import identity, settings_in, state_of, status_of
from jairouter.web.management.schemas import configured, service_of

if TYPE_CHECKING:
    from jairouter.config.finding import Found
    from jairouter.config.loader import Loaded
    from jairouter.control import Changed, Changes
    from jairouter.traffic.instance import Identity
    from jairouter.web.management.parts import Parts


def shown(parts: Parts, loaded: Loaded, service: str, index: int) -> dict[str, Any]:
    """An instance as replies show it: its settings, and what is known about it."""
    settings = loaded.settings.model.services[service].instances[index]
    return {**view.instance_view(loaded, service, index), **state_of(parts, service, settings)}


def list_all(parts: Parts, call: Call) -> Reply:
    """All instances of a service."""
    loaded = parts.configuration.loaded
    service = configured(loaded, call)
    instances = loaded.settings.model.services[service].instances
    views = view.tree_view(loaded, instances_path(service))
    data = [
        {**each, **state_of(parts, service, settings)}
        for each, settings in zip(views, instances, strict=True)
    ]
    return Reply(data, version=parts.configuration.version)


def info(parts: Parts, call: Call) -> Reply:
    """The instance that the query means."""
    return _found(parts, call, _by_query)


def get(parts: Parts, call: Call) -> Reply:
    """The instance that the path means."""
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
    """Add an instance, and its service if that is not there."""
    service = service_of(call)
    adding = edits.add_instance(service, call.body)
    there: set[Identity] = set()

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        there.clear()  # it may be called again
        there.update(_identities(loaded, service))
        return adding(loaded, changes)

    which = key_of(str(call.member("name")), str(call.member("baseUrl")))
    outcome = await change(parts, call, edit, "add-instance", f"Instance {which} of {service} added")
    index = next(at for at, each in enumerate(_identities(outcome.loaded, service)) if each not in there)
    return _replied(parts, outcome, service, index, "added", 201)


def _identities(loaded: Loaded, service: str) -> list[Identity]:
    given = loaded.settings.model.services.get(service)
    return [identity(service, each) for each in given.instances] if given is not None else []


async def update_named(parts: Parts, call: Call) -> Reply:
    """Change the instance that the body names."""
    return await _changed(parts, call, call.member("instanceId"), call.member("instance"))


async def update(parts: Parts, call: Call) -> Reply:
    """Change the instance that the path names."""
    return await _changed(parts, call, call.path["instanceId"], call.body)


async def _changed(parts: Parts, call: Call, which: str, body: Any) -> Reply:
    service = service_of(call)
    at = [0]

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        found = find_instance(loaded, service, which)
        at[0] = found.index
        wanted = settings_in(body, found.settings)
        return edits.update_instance(service, which, wanted)(loaded, changes)

    outcome = await change(parts, call, edit, "update-instance", f"Instance {which} of {service} changed")
    return _replied(parts, outcome, service, at[0], "changed")


async def put_status(parts: Parts, verb: str, status: str, call: Call) -> Reply:
    """Give an instance another status, if it has not."""
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
        return edits.update_instance(service, which, wanted)(loaded, changes)

    done = f"Instance {which} of {service}: {status}"
    outcome = await change(parts, call, edit, f"{verb}-instance", done)
    return _replied(parts, outcome, service, at[0], status)


async def delete(parts: Parts, call: Call) -> Reply:
    """Take away the instance that the path or the query means."""
    service = service_of(call)
    find = _by_id if "instanceId" in call.path else _by_query
    which = [""]

    def edit(loaded: Loaded, changes: Changes) -> Changes:
        found = find(loaded, configured(loaded, call), call)
        which[0] = view.instance_view(loaded, service, found.index)["instanceId"]
        return edits.delete_instance(service, which[0])(loaded, changes)

    named = call.path.get("instanceId") or call.query["instanceId"]
    asked = named or key_of(call.query["modelName"] or "", call.query["baseUrl"] or "")
    outcome = await change(parts, call, edit, "delete-instance", f"Instance {asked} of {service} taken away")
    return replied(outcome, f"Instance {which[0]} of {service} taken away", {"instanceId": which[0]})


def _replied(parts: Parts, outcome: Changed, service: str, index: int, done: str, status: int = 200) -> Reply:
    instance = shown(parts, outcome.loaded, service, index)
    which = instance["instanceId"]
    data = {"instanceId": which, "instance": instance}
    return replied(outcome, f"Instance {which} of {service}: {done}", data, status)
