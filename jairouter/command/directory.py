"""The side of a directory: what a gateway would do with its files and its store, done without one."""

from __future__ import annotations

from collections.abc import Container, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final

from jairouter.command.failures import Misused
from jairouter.command.gateway import placed
from jairouter.command.shell import Shell, who
from jairouter.command.side import Answer, Offered, Terms
from jairouter.config import edits
from jairouter.config.faults import ConfigurationFaults, Fault, Notice
from jairouter.config.loader import Loaded, Sources, Stored, build, read
from jairouter.config.settings.root import Settings
from jairouter.config.view import changes_view, tree_view
from jairouter.control import Changes, Draft, Plan, Told
from jairouter.refusals import InvalidConfiguration, Refusal, VersionConflict
from jairouter.reloading.difference import differences
from jairouter.store.files import VersionFiles
from jairouter.store.version_file import time_text
from jairouter.upstream.tls_settings import read_tls
from jairouter.web.management.bodies import parse_yaml
from jairouter.web.management.plan_answers import differences_view, plan_view

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
        current = self.current()
        return [
            {
                "version": each.number,
                "createdAt": time_text(each.created_at),
                "createdBy": each.told.who,
                "description": each.told.description,
                "changeType": each.told.change_type,
                "parent": each.parent,
                "current": each.number == current,
                "damaged": bool(each.damage),
                **({"damage": each.damage} if each.damage else {}),
            }
            for each in self._files.history()
        ]

    def current(self) -> int:
        """See `Side.current`; as with a gateway, a damaged version does not count."""
        return max((each.number for each in self._files.history() if not each.damage), default=0)

    def tree(self, number: int, what: str) -> Answer:
        """See `Side.tree`."""
        if what == "changes":
            return changes_view(self._changes(number))
        tree: Answer = tree_view(self._at(number))
        return tree

    def compare(self, first: int, second: int) -> Answer:
        """See `Side.compare`."""
        found = differences(self._at(first), self._at(second))
        return {"from": first, "to": second, "differences": differences_view(found)}

    def plan(self, offered: Offered | None) -> Answer:
        """See `Side.plan`."""
        if offered is None:
            raise Misused(_NOTHING)
        base = self.current()
        before = self._at(base)
        try:
            _, after = self._edited(offered, base, before)
        except InvalidConfiguration as refused:
            return plan_view(Plan(base, faults=refused.faults or (Fault(refused.message),)))
        notices = tuple(each for each in after.notices if each not in before.notices)
        return plan_view(Plan(base, differences(before, after), notices=notices))

    def apply(self, offered: Offered, terms: Terms) -> Answer:
        """See `Side.apply`."""
        if terms.undo_within is not None:
            raise Misused("--undo-within needs a running gateway, which sees what requests fail")
        base = self._seen(terms)
        made, after = self._edited(offered, base, self._at(base))
        done = f"{'replaced by' if offered.replace else 'changed by'} {offered.name}"
        return self._stored(base, made, after, Told(who(), "apply", terms.description or done))

    def rollback(self, number: int, terms: Terms) -> Answer:
        """See `Side.rollback`."""
        base = self._seen(terms)
        made = self._changes(number)
        done = f"like version {number}" if number else "like the files alone"
        told = Told(who(), "rollback", terms.description or done)
        return self._stored(base, made, self._built(number, made), told)

    def reload(self) -> Answer:
        """See `Side.reload`."""
        raise Misused(_NOTHING)

    def _seen(self, terms: Terms) -> int:
        """The version in force, which must be the one that the editor has seen, if that was said."""
        current = self.current()
        if terms.parent is not None and terms.parent != current:
            raise VersionConflict(f"version {current} is in force, not version {terms.parent}")
        return current

    @cached_property
    def _sources(self) -> Sources:
        return read(self._paths, self._profiles, self._shell.environ)

    @cached_property
    def _files(self) -> VersionFiles:
        settings = Settings().store
        # As many are kept as the gateway would keep. Whoever only looks needs no valid files for that, and
        # whoever changes something is told what is wrong with them
        with suppress(InvalidConfiguration):
            settings = self._built(0, {}).settings.store
        today, sleep = self._shell.today, self._shell.sleep
        return VersionFiles(self._store, settings.max_versions, settings.lock_timeout, today, sleep)

    def _changes(self, number: int) -> Changes:
        return self._files.read(number).changes if number else {}

    def _at(self, number: int) -> Loaded:
        return self._built(number, self._changes(number))

    def _built(self, number: int, changes: Changes) -> Loaded:
        """Lay changes over the files, and check it all as a gateway does before it starts.

        Raises:
            InvalidConfiguration: Something is wrong.
        """
        try:
            loaded = build(self._sources, self._shell.environ, Stored(number, changes) if number else None)
            read_tls(loaded.settings, loaded.origins, self._shell.now)
        except ConfigurationFaults as faults:
            raise InvalidConfiguration("the configuration has faults", faults.faults) from None
        return loaded

    def _edited(self, offered: Offered, base: int, before: Loaded) -> tuple[Changes, Loaded]:
        """Make the changes of a new version, and what it amounts to.

        Raises:
            InvalidConfiguration: It would be none that is valid; the faults name the file.
        """
        number = base + 1
        edit = edits.replace_all if offered.replace else edits.merge
        try:
            made = edit(parse_yaml(offered.content))(before, self._changes(base))
            return made, self._built(number, made)
        except Refusal as refusal:
            ours = {"the request", "the body", f"version {number}"}
            faults = (_placed(each, ours, offered.name) for each in refusal.faults)
            raise InvalidConfiguration(placed(refusal.message, offered.name), tuple(faults)) from None

    def _news(self, base: int, after: Loaded) -> list[str]:
        """What a change brings to be known; the rest was said when the gateway started."""
        before: Sequence[Notice] = ()
        with suppress(Refusal):  # whoever goes back from a version may do so because it has faults
            before = self._at(base).notices
        return [str(each) for each in after.notices if each not in before]

    def _stored(self, base: int, made: Changes, after: Loaded, told: Told) -> Answer:
        """Store a version, unless it is like the one in force."""
        highest = max((each.number for each in self._files.history()), default=0)
        notices = self._news(base, after)
        if highest == base and made == self._changes(base):
            return {"version": base, "changed": False, "notices": notices}
        number = self._files.add(Draft(highest, made, told)).number
        return {"version": number, "changed": True, "notices": notices}


def _placed(fault: Fault, ours: Container[str], name: str) -> Fault:
    """Call what the user offered what the user calls it; it is no version yet, and may never be."""
    if fault.origin is None or fault.origin.source not in ours:
        return fault
    return replace(fault, origin=replace(fault.origin, source=name))
