"""What a change would do, and doing it: ``/api/config/plan`` and ``/api/config/apply``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jairouter.config import edits
from jairouter.config.faults import Fault
from jairouter.control import Plan
from jairouter.refusals import InvalidConfiguration, InvalidRequest
from jairouter.web.management.changing import CHANGING, REFUSALS, WRITE, change, replied
from jairouter.web.management.endpoint import CHANGED, Call, Endpoint, Later, Parameter, Reply
from jairouter.web.management.plan_answers import PLAN, plan_view
from jairouter.web.management.schemas import MODE, TREE_BODY

if TYPE_CHECKING:
    from jairouter.control import Edit
    from jairouter.web.management.parts import Parts

TAG: Final = "Planning"
_BODY: Final = (
    "The body is a JSON merge patch (RFC 7396) for the whole tree, as JSON or YAML, keys in any spelling; so "
    "a configuration file is one too. An object under `instances` patches single ones by their `instanceId`. "
)
_APPLY: Final = Parameter(
    "apply",
    "In place of a body: plan to make a version like this one, or with 0 to go back to the files.",
    {"type": "integer", "minimum": 0, "maximum": 10**15 - 1},
)


def endpoints(parts: Parts) -> tuple[Endpoint, ...]:
    """The endpoints for plans.

    Args:
        parts: What they work on.
    """
    return (
        Endpoint(
            "POST",
            "/api/config/plan",
            "planConfiguration",
            TAG,
            "Find out what a change would do; nothing is changed",
            partial(_plan, parts),
            _BODY + "Without a body, it is about what the files say now, as a reload would find them. A "
            "change that would be refused is answered with 200 too, with `applicable: false` and `faults`. "
            "Recent requests are replayed: `rerouted` says which would have gone elsewhere. Since a plan "
            "resolves placeholders, it needs the permission to change the configuration.",
            (MODE, _APPLY),
            TREE_BODY,
            body_required=False,
            yaml=True,
            data=PLAN,
            refusals=("VERSION_NOT_FOUND", "VERSION_DAMAGED", "STORE_UNAVAILABLE", "INSTANCE_NOT_FOUND"),
            permission=WRITE,
        ),
        Endpoint(
            "POST",
            "/api/config/apply",
            "applyConfiguration",
            TAG,
            "Change anything, as it was planned",
            partial(_apply, parts),
            _BODY.rstrip(),
            (MODE, *CHANGING),
            TREE_BODY,
            yaml=True,
            data=CHANGED,
            refusals=(*REFUSALS, "INSTANCE_NOT_FOUND"),
            permission=WRITE,
        ),
    )


def _edit(call: Call) -> Edit:
    make: Any = edits.merge if call.query["mode"] == "merge" else edits.replace_all
    edit: Edit = make(call.body)
    return edit


async def _plan(parts: Parts, call: Call) -> Reply:
    configuration, number = parts.configuration, call.query["apply"]
    if number is not None and call.body is not None:
        raise InvalidRequest("give either a body or apply, not both")
    edit = _edit(call) if call.body is not None else None
    try:
        plan = await configuration.plan(edit, number)
    except InvalidConfiguration as refused:
        # Found by the edit itself: the same to whoever asks
        plan = Plan(configuration.version, faults=refused.faults or (Fault(refused.message),))
    message = "OK" if not plan.faults else "This would be refused"
    return Reply(Later(partial(plan_view, plan)), message, version=plan.base)


async def _apply(parts: Parts, call: Call) -> Reply:
    done = "Configuration changed"
    return replied(await change(parts, call, _edit(call), "apply", done), done)
