"""The side of a directory: what a gateway would do with its files and its store, done without one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from jairouter.command.failures import Misused, Refused
from jairouter.command.gateway import placed
from jairouter.command.shell import Shell, who
from jairouter.command.side import Answer, Offered, Terms
from jairouter.config import edits
from jairouter.config.faults import ConfigurationFaults
from jairouter.config.loader import Loaded, Sources, Stored, build, read
from jairouter.config.settings.root import Settings
from jairouter.config.view import tree_view
from jairouter.control import Changes, Draft, Edit, Refusal, Told, VersionDamaged
from jairouter.reloading.difference import differences
from jairouter.store.files import VersionFiles
from jairouter.store.version_file import time_text
from jairouter.upstream.tls_settings import read_tls
from jairouter.web.management.bodies import parse_yaml

_NOTHING: Final = "without a running gateway there is nothing that a reload would change: name a FILE"


class Directory:
    """Reads and writes the directory of a store; see `Side`.

    Args:
        paths: The files that the changes of versions lie over.
        profiles: The active profiles.
        store: The directory.
        shell: What surrounds the command.
    """

    def __init__(self, paths: Sequence[str], profiles: Sequence[str], store: Path, shell: Shell) -> None:
        self._paths = paths
        self._profiles = profiles
        self._store = store
        self._shell = shell
        self.name = f"the store in {store}"

    def history(self) -> Sequence[Answer]:
        """See `Side.history`."""
        entries = self._files.history()
        return [
            {
                "version": each.number,
                "createdAt": time_text(each.created_at),
                "createdBy": each.told.who,
                "changeType": each.told.change_type,
                "description": each.told.description,
                "parent": each.parent,
                "current": each is entries[-1],
                **({"damage": each.damage} if each.damage else {}),
            }
            for each in entries
        ]

    def current(self) -> int:
        """See `Side.current`."""
        entries = self._files.history()
        return entries[-1].number if entries else 0

    def tree(self, number: int) -> Answer:
        """See `Side.tree`."""
        tree: Answer = tree_view(self._at(number))
        return tree

    def compare(self, first: int, second: int) -> Answer:
        """See `Side.compare`."""
        found = differences(self._at(first), self._at(second))
        return {"from": first, "to": second, "differences": list(map(asdict, found))}

    def plan(self, offered: Offered | None) -> Answer:
        """See `Side.plan`."""
        if offered is None:
            raise Misused(_NOTHING)
        base, changes = self._in_force()
        before = self._built(base, changes)
        planned: dict[str, Any] = {"base": base, "differences": [], "faults": [], "notices": []}
        try:
            _, after = self._edited(offered, base, changes, before)
        except Refused as refused:
            return {**planned, "faults": [{"message": each} for each in refused.faults or (refused.message,)]}
        planned["differences"] = list(map(asdict, differences(before, after)))
        return {**planned, "notices": list(map(str, after.notices))}

    def apply(self, offered: Offered, terms: Terms) -> Answer:
        """See `Side.apply`."""
        if terms.undo_within is not None:
            raise Misused("--undo-within needs a running gateway, which sees what requests fail")
        base, changes = self._in_force()
        _check_parent(base, terms)
        made, after = self._edited(offered, base, changes, self._built(base, changes))
        done = f"{'replaced by' if offered.replace else 'changed by'} {offered.name}"
        told = Told(who(), "apply", terms.description or done)
        return self._stored(base, made, made == changes, after, told)

    def rollback(self, number: int, terms: Terms) -> Answer:
        """See `Side.rollback`."""
        base = self.current()
        _check_parent(base, terms)
        made = self._changes(number)
        after = self._built(number, made)
        same = number == base or made == self._intact_changes(base)
        done = f"like version {number}" if number else "like the files alone"
        told = Told(who(), "rollback", terms.description or done)
        return self._stored(base, made, same, after, told)

    def reload(self) -> Answer:
        """See `Side.reload`."""
        raise Misused(_NOTHING)

    @cached_property
    def _sources(self) -> Sources:
        return read(self._paths, self._profiles, self._shell.environ)

    @cached_property
    def _files(self) -> VersionFiles:
        settings = Settings().store
        # As many are kept as the gateway would keep. Whoever only looks needs no valid files for that, and
        # whoever changes something is told what is wrong with them
        with suppress(Refused):
            settings = self._built(0, {}).settings.store
        today, sleep = self._shell.today, self._shell.sleep
        return VersionFiles(self._store, settings.max_versions, settings.lock_timeout, today, sleep)

    def _changes(self, number: int) -> Changes:
        return self._files.read(number).changes if number else {}

    def _intact_changes(self, number: int) -> Changes | None:
        try:
            return self._changes(number)
        except VersionDamaged:
            return None

    def _in_force(self) -> tuple[int, Changes]:
        """The number of the current version, and its changes."""
        number = self.current()
        return number, self._changes(number)

    def _at(self, number: int) -> Loaded:
        return self._built(number, self._changes(number))

    def _built(self, number: int, changes: Changes) -> Loaded:
        """Lay changes over the files, and check it all as a gateway does before it starts.

        Raises:
            Refused: Something is wrong.
        """
        try:
            loaded = build(self._sources, self._shell.environ, Stored(number, changes) if number else None)
            read_tls(loaded.settings, loaded.origins, self._shell.now)
        except ConfigurationFaults as faults:
            raise Refused("the configuration has faults", map(str, faults.faults)) from None
        return loaded

    def _edited(
        self, offered: Offered, base: int, changes: Changes, before: Loaded
    ) -> tuple[Changes, Loaded]:
        """Make the changes of a new version, and what it amounts to.

        Raises:
            Refused: It would be no valid configuration.
        """
        try:
            body = parse_yaml(offered.content)
            edit: Edit = (edits.replace_all if offered.replace else edits.merge)(body)
            made = edit(before, changes)
        except Refusal as refusal:
            faults = (placed(str(each), offered.name) for each in refusal.faults)
            raise Refused(placed(refusal.message, offered.name), faults) from None
        try:
            return made, self._built(base + 1, made)
        except Refused as refused:
            # It is no version yet, and will be none
            ours = f"version {base + 1}: "
            faults = (
                f"{offered.name}: {each.removeprefix(ours)}" if each.startswith(ours) else each
                for each in refused.faults
            )
            raise Refused(refused.message, faults) from None

    def _stored(self, base: int, made: Changes, same: bool, after: Loaded, told: Told) -> Answer:
        """Store a version, unless it is like the one that is current."""
        number = base if same else self._files.add(Draft(base, made, told)).number
        return {"version": number, "changed": not same, "notices": list(map(str, after.notices))}


def _check_parent(current: int, terms: Terms) -> None:
    if terms.parent is not None and terms.parent != current:
        raise Refused(f"version {terms.parent} is not the current one: that is version {current}")
