"""What the endpoints for merging answer: the members that clients know, and their schemas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from jairouter.store.reading import name_of
from jairouter.web.management.endpoint import Schema

if TYPE_CHECKING:
    from jairouter.control import Changed

_COUNT: Final = {"type": "integer", "minimum": 0}
_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_FLAG: Final = {"type": "boolean"}
_NUMBER: Final = {"type": ["integer", "null"], "minimum": 1}


def _object(**properties: Any) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


PLACES: Final[Schema] = {
    "type": "object",
    "description": "By the number of the version.",
    "additionalProperties": _TEXT,
}
PREVIEW: Final = _object(mergedConfig={"type": "object"}, sourceFiles=_TEXTS, totalFiles=_COUNT)
VALIDATION: Final = _object(
    totalFiles=_COUNT,
    validFiles=_COUNT,
    invalidFiles=_COUNT,
    details={
        "type": "array",
        "items": _object(version={"type": "integer", "minimum": 1}, file=_TEXT, valid=_FLAG, errors=_TEXTS),
    },
)
STATISTICS: Final = _object(
    totalVersionFiles=_COUNT,
    oldestVersion=_NUMBER,
    newestVersion=_NUMBER,
    previewAvailable=_FLAG,
    configDirectory=_TEXT,
)
STATUS: Final = _object(
    availableVersionFiles=_COUNT, versionFiles=PLACES, configDirectory=_TEXT, serviceReady=_FLAG
)
OUTCOME: Final = _object(
    success=_FLAG,
    message=_TEXT,
    mergedFilesCount=_COUNT,
    newVersionCount=_COUNT,
    mergedFiles=_TEXTS,
    errors=_TEXTS,
)
_STEP: Final = _object(executed=_FLAG, result={"anyOf": [OUTCOME, {"type": "null"}]})
BATCH: Final = _object(backup=_STEP, merge=_STEP, cleanup=_STEP)


def outcome(
    message: str, numbers: Sequence[int], errors: Sequence[str] = (), made: int = 0
) -> dict[str, Any]:
    """What came of something that was done with versions.

    Args:
        message: What was done.
        numbers: Of the versions that it was done with.
        errors: Why others were left out.
        made: How many new ones there are.
    """
    return {
        "success": not errors,
        "message": message,
        "mergedFilesCount": len(numbers),
        "newVersionCount": made,
        "mergedFiles": list(map(name_of, numbers)),
        "errors": list(errors),
    }


def merged(changed: Changed, numbers: Sequence[int], errors: Sequence[str]) -> dict[str, Any]:
    """What came of a merge, which is a change too.

    Args:
        changed: What came of that.
        numbers: Of the versions that are in it.
        errors: Why others are not.
    """
    told = f"{len(numbers)} versions are merged into version {changed.version}"
    return {
        **outcome(told, numbers, errors, int(changed.changed)),
        "version": changed.version,
        "changed": changed.changed,
        "notices": list(map(str, changed.notices)),
    }
