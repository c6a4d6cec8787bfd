"""What all endpoints that change the configuration have in common: what they are told, how they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from twisted.internet.defer import Deferred

from jairouter.config.forms import Unfit
from jairouter.config.quantities import Duration
from jairouter.config.settings.state import ConfigUndoSettings
from jairouter.control import UndoRule
from jairouter.refusals import InvalidRequest
from jairouter.web.management.endpoint import Parameter, Reply, changed

if TYPE_CHECKING:
    from jairouter.control import Changed, Edit
    from jairouter.web.management.endpoint import Call
    from jairouter.web.management.parts import Parts

T = TypeVar("T")

UNDO_WITHIN: Final = Parameter(
    "undoWithin",
    "For how long the new version is watched, in seconds or with a unit (`60s`, `5m`). If too many more "
    "requests fail under it than before, it is taken back by itself. 0 for not at all; not given means "
    "what is configured.",
    {"type": "string", "pattern": r"^[0-9]{1,6}(\.[0-9]{1,3})?(ms|s|m|h)?$"},
)
UNDO_MARGIN: Final = Parameter(
    "undoMargin",
    "By how much more of the requests may fail than before, as a share, with `undoWithin`: with 0.05, 2 % "
    "before and up to 7 % then.",
    {"type": "number", "minimum": 0, "maximum": 1},
)

CHANGING: Final[tuple[Parameter, ...]] = (UNDO_WITHIN, UNDO_MARGIN)
"""The parameters of each endpoint that changes the configuration, besides those that all have that make a
version."""

REFUSALS: Final[tuple[str, ...]] = ("INVALID_CONFIGURATION", "VERSION_CONFLICT", "STORE_UNAVAILABLE")
"""What each of them may refuse with."""

WRITE: Final = "config:write"
"""The permission that each of them needs, but for those of the next."""

DELETE: Final = "config:delete"
"""The permission to take away instances, services and versions; whoever may write has it, too."""


def undo_of(call: Call, configured: ConfigUndoSettings | None = None) -> UndoRule | None:
    """When the change is to be taken back by itself; None for what is configured.

    Args:
        call: Says so in its query.
        configured: What applies where that says nothing.

    Raises:
        InvalidRequest: The query does not say it in a way that could be understood.
    """
    written, margin = call.query.get("undoWithin"), call.query.get("undoMargin")
    if written is None:
        if margin is not None:
            raise InvalidRequest("undoMargin means nothing without undoWithin")
        return None
    form = Duration()
    try:
        within = form.parse(written)
    except Unfit:
        raise InvalidRequest(f"undoWithin: expected {form.expected}") from None
    assert isinstance(within, float)
    configured = configured or ConfigUndoSettings()
    return UndoRule(within, configured.margin if margin is None else margin, configured.min_requests)


def change(parts: Parts, call: Call, edit: Edit, change_type: str, done: str) -> Deferred[Changed]:
    """Make a change as a call asks for it.

    Args:
        parts: What there is.
        call: Says who, why, from which version, and when to take it back.
        edit: Makes the changes.
        change_type: See `jairouter.control.Told`.
        done: What is done, in one line.
    """
    configuration = parts.configuration
    undo = undo_of(call, configuration.loaded.settings.config.undo)
    return configuration.change(edit, call.told(change_type, done), call.parent, undo)


def undisturbed(working: Deferred[T]) -> Deferred[T]:
    """What comes of work that goes on to its end, even if nobody waits for it any more.

    A client that leaves cancels what it waits for. `IConfiguration.change` knows how far that may go; not all
    else does.
    """
    waiting: Deferred[T] = Deferred()  # once cancelled, it takes no notice of what comes later
    working.addCallbacks(waiting.callback, waiting.errback)
    return waiting


def replied(outcome: Changed, done: str, data: Any = None, status: int = 200) -> Reply:
    """The reply to a change, which says so where there was nothing to change; see `changed`."""
    return changed(outcome, done if outcome.changed else "Nothing to change: it is so already", data, status)
