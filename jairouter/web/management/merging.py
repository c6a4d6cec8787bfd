"""All stored versions laid over one another, as one: ``/api/config/merge``.

A version of the original held a whole configuration, and merging was how to join what had been split over
several. Here each version holds all changes since the files; merging lays those of all versions over one
another, in ascending order, and makes a new version of what comes out. So it brings back what a later version
took back, unless that says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jairouter.config import view
from jairouter.config.patch import compose
from jairouter.refusals import InvalidRequest, NotPossible, Refusal, StoreUnavailable, VersionNotFound
from jairouter.store.reading import name_of
from jairouter.web.management import merge_answers as answers
from jairouter.web.management.changing import CHANGING, DELETE, REFUSALS, WRITE, change, undisturbed
from jairouter.web.management.endpoint import Call, Endpoint, Parameter, Reply

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from jairouter.control import Changed, Changes, Entry
    from jairouter.web.management.parts import Parts

Backup = Callable[[], "Deferred[str]"]
"""Makes an archive of the store, and says where it is."""

TAG: Final = "Merging versions"
_PATH: Final = "/api/config/merge"
_DELETE: Final = Parameter(
    "deleteOriginals",
    "Whether all versions but the one in force are deleted. Going back to them is not possible any more.",
    {"type": "boolean"},
    default=False,
)


def endpoints(parts: Parts, backup: Backup | None = None, place: str | None = None) -> tuple[Endpoint, ...]:
    """The endpoints for merging.

    Args:
        parts: What they work on.
        backup: See `Backup`; None where there is nothing that could be kept.
        place: Where versions are kept, as it is shown; by default the directory that is configured.
    """
    merging = _Merging(parts, backup, place)
    return (*_looking(merging), *_doing(merging))


def _looking(merging: _Merging) -> tuple[Endpoint, ...]:
    def get(
        name: str, summary: str, answer: Any, data: Any, *refusals: str, description: str = ""
    ) -> Endpoint:
        refusals = ("STORE_UNAVAILABLE", *refusals)
        path, operation = f"{_PATH}/{name}", f"{name}Merge"
        return Endpoint(
            "GET", path, operation, TAG, summary, answer, description, data=data, refusals=refusals
        )

    return (
        get("scan", "Where each version is kept", merging.scan, answers.PLACES),
        get("preview", "What a merge would come to", merging.preview, answers.PREVIEW),
        get(
            "validate",
            "Whether each version can be brought into force",
            merging.validate,
            answers.VALIDATION,
            description="Each is laid over the files in force and built; with many it takes a while.",
        ),
        get("statistics", "How many versions there are", merging.statistics, answers.STATISTICS),
        get("status", "Whether versions can be merged", merging.status, answers.STATUS),
    )


_EVENTS: Final = {"backup": "BACKUP_MADE", "cleanup": "VERSIONS_CLEANED_UP", "batch": "VERSIONS_CLEANED_UP"}
"""What is recorded, beside the change that a merge is."""


def _doing(merging: _Merging) -> tuple[Endpoint, ...]:
    def doing(
        method: str,
        name: str,
        summary: str,
        answer: Any,
        data: Any,
        refusals: tuple[str, ...],
        *query: Parameter,
    ) -> Endpoint:
        path, operation = f"{_PATH}/{name}", f"{name}Merge"
        told = ""
        return Endpoint(
            method, path, operation, TAG, summary, answer, told, query, None, data=data, refusals=refusals,
            permission=DELETE if method == "DELETE" else WRITE, event=_EVENTS.get(name, ""),
        )  # fmt: skip

    store = ("STORE_UNAVAILABLE",)
    return (
        doing(
            "POST",
            "execute",
            "Make one version of all of them, and bring it into force",
            merging.execute,
            answers.OUTCOME,
            REFUSALS,
            *CHANGING,
        ),
        doing(
            "POST",
            "backup",
            "Make an archive of all versions",
            merging.back_up,
            answers.OUTCOME,
            (*store, "NOT_POSSIBLE"),
        ),
        doing(
            "DELETE",
            "cleanup",
            "Delete all versions but the one in force, if that is asked for",
            merging.clean_up,
            answers.OUTCOME,
            store,
            _DELETE,
        ),
        doing(
            "POST",
            "batch",
            "Backup, merge and cleanup, one after the other",
            merging.batch,
            answers.BATCH,
            REFUSALS,
            _DELETE,
            *CHANGING,
        ),
    )


@dataclass(frozen=True, slots=True)
class _Merged:
    """All versions laid over one another.

    Attributes:
        changes: What comes out.
        numbers: Of the versions that are in it.
        errors: Of the others, why they are not.
    """

    changes: Changes
    numbers: list[int]
    errors: list[str]


class _Merging:
    """What the endpoints do. See `endpoints`."""

    def __init__(self, parts: Parts, backup: Backup | None, place: str | None) -> None:
        self._parts = parts
        self._configuration = parts.configuration
        self._backup = backup
        self._place = place

    @property
    def _directory(self) -> str:
        return self._place or self._configuration.loaded.settings.store.path

    def _places(self, entries: tuple[Entry, ...]) -> dict[str, str]:
        return {str(each.number): f"{self._directory.rstrip('/')}/{name_of(each.number)}" for each in entries}

    def _reply(self, data: Any, message: str = "OK") -> Reply:
        return Reply(data, message, version=self._configuration.version)

    # -- looking -------------------------------------------------------------

    async def scan(self, call: Call) -> Reply:
        return self._reply(self._places(await self._configuration.store.history()))

    async def preview(self, call: Call) -> Reply:
        merged = await self._merged()
        data = {
            "mergedConfig": view.changes_view(merged.changes),
            "sourceFiles": list(map(name_of, merged.numbers)),
            "totalFiles": len(merged.numbers),
        }
        return self._reply(data)

    async def validate(self, call: Call) -> Reply:
        entries = await self._configuration.store.history()
        details = [await self._validated(each) for each in entries]
        valid = sum(each["valid"] for each in details)
        data = {
            "totalFiles": len(entries),
            "validFiles": valid,
            "invalidFiles": len(entries) - valid,
            "details": details,
        }
        return self._reply(data)

    async def _validated(self, entry: Entry) -> dict[str, Any]:
        errors: list[str] = []
        try:
            await self._configuration.at(entry.number)
        except StoreUnavailable:
            raise
        except Refusal as refusal:
            errors = list(map(str, refusal.faults)) or [refusal.message]
        found = {"version": entry.number, "file": name_of(entry.number), "valid": not errors}
        return {**found, "errors": errors}

    async def statistics(self, call: Call) -> Reply:
        entries = await self._configuration.store.history()
        data = {
            "totalVersionFiles": len(entries),
            "oldestVersion": entries[0].number if entries else None,
            "newestVersion": entries[-1].number if entries else None,
            "previewAvailable": any(not each.damage for each in entries),
            "configDirectory": self._directory,
        }
        return self._reply(data)

    async def status(self, call: Call) -> Reply:
        entries: tuple[Entry, ...] = ()
        ready = True
        try:
            entries = await self._configuration.store.history()
        except StoreUnavailable:
            ready = False
        data = {
            "availableVersionFiles": len(entries),
            "versionFiles": self._places(entries),
            "configDirectory": self._directory,
            "serviceReady": ready,
        }
        return self._reply(data)

    # -- doing ---------------------------------------------------------------

    async def execute(self, call: Call) -> Reply:
        outcome, merged = await self._execute(call)
        return self._reply(answers.merged(outcome, merged.numbers, merged.errors), "Versions merged")

    async def back_up(self, call: Call) -> Reply:
        if self._backup is None:
            raise NotPossible("what is kept in memory cannot be put into an archive")
        data = await self._back_up(self._backup)
        return self._reply(data, data["message"])

    async def clean_up(self, call: Call) -> Reply:
        data = await self._clean_up(call)
        return self._reply(data, data["message"])

    async def batch(self, call: Call) -> Reply:
        steps: dict[str, Any] = {name: {"executed": False, "result": None} for name in ("backup", "cleanup")}
        if self._backup is not None:
            steps["backup"] = {"executed": True, "result": await self._back_up(self._backup)}
        outcome, merged = await self._execute(call)
        result = answers.merged(outcome, merged.numbers, merged.errors)
        if call.query["deleteOriginals"]:
            steps["cleanup"] = {"executed": True, "result": await self._clean_up(call)}
        data = {"backup": steps["backup"], "merge": {"executed": True, "result": result}}
        return self._reply({**data, "cleanup": steps["cleanup"]}, "Versions merged")

    async def _execute(self, call: Call) -> tuple[Changed, _Merged]:
        merged = await self._merged()
        if not merged.numbers:
            raise InvalidRequest("there are no versions to merge")
        done = f"{len(merged.numbers)} versions merged"
        outcome = await change(self._parts, call, lambda loaded, changes: merged.changes, "merge", done)
        return outcome, merged

    async def _merged(self) -> _Merged:
        changes: Changes = {}
        merged = _Merged({}, [], [])
        for entry in await self._configuration.store.history():
            try:
                version = await self._configuration.store.read(entry.number)
            except StoreUnavailable:
                raise
            except Refusal as refusal:
                merged.errors.append(refusal.message)
                continue
            changes = compose(changes, version.changes)
            merged.numbers.append(entry.number)
        return _Merged(changes, merged.numbers, merged.errors)

    async def _back_up(self, backup: Backup) -> dict[str, Any]:
        numbers = [each.number for each in await self._configuration.store.history()]
        place = await undisturbed(backup())
        return answers.outcome(f"Backup made: {place}", numbers)

    async def _clean_up(self, call: Call) -> dict[str, Any]:
        if not call.query["deleteOriginals"]:
            return answers.outcome("Nothing was deleted: deleteOriginals was not asked for", [])
        deleted: list[int] = []
        errors: list[str] = []
        for entry in await self._configuration.store.history():
            # Asked anew each time: meanwhile there may be another one
            if entry.number == self._configuration.version:
                continue
            try:
                await undisturbed(self._configuration.store.delete(entry.number))
            except NotPossible as refusal:
                errors.append(refusal.message)
            except VersionNotFound:
                continue  # somebody else was faster
            else:
                deleted.append(entry.number)
        return answers.outcome(f"{len(deleted)} versions deleted", deleted, errors)
