"""The side of a directory: what a gateway would do with its files and its store, done without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from jairouter.command.failures import Misused, Refused
from jairouter.command.shell import Shell, who
from jairouter.command.side import Answer, Offered, Terms
from jairouter.config import edits
from jairouter.config.faults import ConfigurationFaults, Fault
from jairouter.config.loader import Loaded, Sources, Stored, build, read
from jairouter.config.view import tree_view
from jairouter.control import Changes, Difference, Draft, Edit, Refusal, Told, Version, VersionConflict
from jairouter.reloading.difference import differences
from jairouter.store.files import VersionFiles
from jairouter.store.version_file import time_text
from jairouter.upstream.tls_settings import read_tls
from jairouter.web.management.bodies import parse_yaml

_NO_STORE: Final = "{}: there is no such directory; if versions are kept elsewhere, name it with --store"
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
        if not self._store.is_dir():
            raise Refused(_NO_STORE.format(self._store))
        entries = self._files().history()
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
        entries = self._files().history()
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
        base, before = self._newest()
        try:
            _, after = self._edited(offered, base, before)
        except Refused as refused:
            faults = [{"message": each} for each in refused.faults or (refused.message,)]
            return {"base": base, "differences": [], "faults": faults, "notices": []}
        return {"base": base, "differences": _shown(before, after), "faults": [], "notices": _notices(after)}

    def apply(self, offered: Offered, terms: Terms) -> Answer:
        """See `Side.apply`."""
        if terms.undo_within is not None:
            raise Misused("--undo-within needs a running gateway, which sees what requests fail")
        base, before = self._newest()
        changes, after = self._edited(offered, base, before)
        return self._stored(base, changes, after, Told(who(), "apply", terms.description or offered.name), terms)

    def rollback(self, number: int, terms: Terms) -> Answer:
        """See `Side.rollback`."""
        changes = self._changes(number)
        after = self._built(number, changes)
        base = self.current()
        told = Told(who(), "rollback", terms.description or f"back to version {number}")
        return self._stored(base, changes, after, told, terms)

    def reload(self) -> Answer:
        """See `Side.reload`."""
        raise Misused(_NOTHING)
