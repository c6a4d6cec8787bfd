"""`jairouter restore`: a backup back into place."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jairouter.command.choosing import VARIABLE, address_options
from jairouter.command.contents import CONFIG, STORE, Contents, read_contents
from jairouter.command.failures import Denied, Misused, NoGateway, Refused, Unreachable
from jairouter.command.http import Http
from jairouter.command.numbers import owner
from jairouter.command.output import say, say_json, tell
from jairouter.command.places import DEFAULT_CONFIGURATION, Places, places
from jairouter.command.putting import Place, prepared, put, resemble
from jairouter.command.shell import Shell
from jairouter.config.faults import ConfigurationFaults
from jairouter.config.loader import Stored, load
from jairouter.refusals import Refusal
from jairouter.store.files import LOCK, VersionFiles
from jairouter.store.lock import Held, locked
from jairouter.upstream.tls_settings import read_tls

SUMMARY: Final = "put a backup back into place"
LESSON: Final = """\
Puts back what `jairouter backup` has written, or the gateway by itself, or a plain tar archive of a directory
with configuration files. Everything is checked first: the archive, and whether the restored configuration is
valid. What is there now is put aside as DIRECTORY.before-restore-<UTC time>, and never deleted. Stop the
gateway before: while one answers, nothing is done.

    jairouter restore /backup/jairouter-20250801T120000Z.tar.gz --dry-run
    jairouter restore /backup/jairouter-20250801T120000Z.tar.gz
    jairouter restore /backup/config-20240115_100000.tar.gz --config /app/config
    jairouter restore backup.tar.gz --only store --store /app/config-store

Files get the owner of the directory that they replace; where there was none, as on a new disk, say with
--owner whom the gateway runs as. The log of security events stays in the archive; take
it out with `tar -xzf FILE logs`. Versions are numbered on from the highest restored one.
"""
LOCK_TIMEOUT: Final = 5.0
"""Seconds to wait for whoever is writing to the store."""

_STAMP: Final = "%Y%m%dT%H%M%SZ"


def options_of(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("file", metavar="FILE", help="the archive")
    told = f"where the configuration files go ({DEFAULT_CONFIGURATION})"
    parser.add_argument("-c", "--config", metavar="DIR", help=told)
    told = "where the store goes (what the configuration says)"
    parser.add_argument("--store", metavar="DIR", help=told)
    parser.add_argument("--only", choices=(CONFIG, STORE), help="restore one of them and leave the other")
    told = "an active profile, or several with commas between; may be given again"
    parser.add_argument("--profile", action="append", default=[], metavar="NAME", help=told)
    told = "whom the files will belong to (whose those before were)"
    parser.add_argument("--owner", type=owner, metavar="USER[:GROUP]", help=told)
    parser.add_argument("-n", "--dry-run", action="store_true", help="check everything, and change nothing")
    told = "restore although a gateway answers: it is another one, or will be restarted at once"
    parser.add_argument("--force", action="store_true", help=told)
    told = "restore although the configuration has faults, such as variables that this shell does not have"
    parser.add_argument("--unchecked", action="store_true", help=told)
    address_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def restore(options: argparse.Namespace, shell: Shell) -> int:
    """Check everything, and put it back."""
    contents = read_contents(Path(options.file))
    with ExitStack() as stack:
        restoration = _Restoration(options, shell, contents, stack)
        restoration.unpack()
        restoration.check()
        restoration.refuse_while_running()
        if not options.dry_run:
            restoration.put()
        restoration.report()
    return 0


@dataclass(slots=True)
class _Restoration:
    """One restoration, step by step; what is unpacked is gone at the end unless it was put in place."""

    options: argparse.Namespace
    shell: Shell
    contents: Contents
    stack: ExitStack
    config: Place | None = None
    store: Place | None = None
    inside: Path | None = None
    """Where the store is below the configuration, if it is."""

    def unpack(self) -> None:
        """Unpack beside where it goes."""
        only, contents = self.options.only, self.contents
        if only is not None and getattr(contents, only) is None:
            raise Refused(f"{contents.archive}: there is no {only} in it")
        stamp = self.shell.now.strftime(_STAMP)
        if contents.config is not None and only != STORE:
            target = Path(self.options.config or DEFAULT_CONFIGURATION)
            if self.options.config is None and not target.is_dir():
                raise Misused(f"there is no {target}: say with --config where the configuration goes")
            self.config = self.stack.enter_context(prepared(target, stamp))
            contents.unpack(contents.config, self.config.fresh)
            resemble(self.config, 0o755, self.options.owner)
        if contents.store is not None and only != CONFIG:
            self.store = self.stack.enter_context(prepared(self._store_target(), stamp))
            contents.unpack(contents.store, self.store.fresh)
            resemble(self.store, 0o700, self.options.owner)
        if self.config is None and self.store is None:
            raise Refused(f"{contents.archive}: there is neither configuration nor store in it")
        self._find_inside()

    def _store_target(self) -> Path:
        if self.options.store is not None:
            return Path(self.options.store)
        said = self._said_places()
        found = Path(said.store) if said is not None and said.store is not None else None
        if found is None:
            raise Misused("the configuration does not say where the store goes: say it with --store")
        if not found.is_absolute():
            why = "which depends on where the gateway is started"
            why += self._placed(said.hint) if said is not None else ""
            told = f"by the configuration the store is in {found}, {why}"
            raise Misused(f"{told}: say with --store where the store goes")
        return found

    def _said_places(self) -> Places | None:
        """Where things are by the configuration that will be there; None if there will be none."""
        paths = self._configuration()
        return places(paths, self.options.profile, self.shell.environ) if paths else None

    def _configuration(self) -> list[str]:
        """The configuration that will be there."""
        if self.config is not None:
            return [str(self.config.fresh)]
        path = Path(self.options.config or DEFAULT_CONFIGURATION)
        return [str(path)] if path.exists() else []

    def _find_inside(self) -> None:
        """Find out whether the store is below the configuration, and would be put aside with it."""
        if self.config is None:
            return
        store = self.store.target if self.store is not None else self._there()
        if store is None or not store.resolve().is_relative_to(self.config.target):
            return
        if self.store is not None:
            told = "the store is inside of the configuration: restore them one after the other, with --only"
            raise Misused(told)
        self.inside = store.resolve().relative_to(self.config.target)

    def _there(self) -> Path | None:
        """The store that stays."""
        said = self._said_places()
        given = self.options.store or (said.store if said is not None else None)
        return Path(given) if given is not None and Path(given).is_dir() else None

    def check(self) -> None:
        """Load what will be there, with the newest version over the files."""
        paths = self._configuration()
        if not paths:
            return
        store = self.store.fresh if self.store is not None else self._there()
        environ = self.shell.environ
        try:
            stored = _newest(store, self.shell) if store is not None else None
            loaded = load(paths, self.options.profile, environ, stored)
        except ConfigurationFaults as faults:
            self._faulty("the restored configuration has faults", [str(each) for each in faults.faults])
            return
        except Refusal as refusal:
            self._faulty(f"the restored store: {refusal.message}", [])
            return
        try:
            read_tls(loaded.settings, loaded.origins, self.shell.now)
        except ConfigurationFaults as faults:
            # Files may be named by the place that they will only have
            for fault in faults.faults:
                tell(self._placed(str(fault)))

    def _faulty(self, message: str, faults: list[str]) -> None:
        shown = [self._placed(each) for each in faults]
        if not self.options.unchecked:
            raise Refused(f"{self._placed(message)}; nothing was changed (--unchecked restores it)", shown)
        for each in shown or [message]:
            tell(self._placed(each))

    def _placed(self, text: str) -> str:
        """Call files by the name that they will have."""
        for place in (self.config, self.store):
            if place is not None:
                text = text.replace(str(place.fresh), str(place.target))
        return text

    def refuse_while_running(self) -> None:
        """Find out whether a gateway runs, which would be surprised."""
        if self.options.force:
            return
        url = self.options.url or self.shell.environ.get(VARIABLE) or self._said_url()
        if url is None:
            return
        try:
            Http(url, self.options.timeout).ask("GET", "/api/config/status")
        except NoGateway:
            return
        except (Denied, Refused, Unreachable):
            pass
        told = "stop it first, or, if that is not the gateway whose files these are, say --force"
        raise Refused(f"something answers at {url}: {told}")

    def _said_url(self) -> str | None:
        """Where the gateway listens that may be running now."""
        there = self.config is not None and self.config.target.is_dir()
        paths = [str(self.config.target)] if self.config is not None and there else self._configuration()
        return places(paths, self.options.profile, self.shell.environ).url

    def put(self) -> None:
        """Put it in place, while nobody writes to the store."""
        with _nobody_writes(self.store.target if self.store is not None else None, self.shell):
            put([each for each in (self.config, self.store) if each is not None])
            if self.inside is not None:
                assert self.config is not None
                # (It was put aside with the configuration, and is not what was restored)
                into = self.config.target / self.inside
                into.parent.mkdir(parents=True, exist_ok=True)
                (self.config.aside / self.inside).rename(into)

    def report(self) -> None:
        """Say what was, or would be, done."""
        shown = [each for each in (self.config, self.store) if each is not None]
        if self.options.json:
            say_json({"restored": [_as_json(each) for each in shown], "dryRun": self.options.dry_run})
            return
        for each in shown:
            done = "would be restored" if self.options.dry_run else "is restored"
            say(f"{each.target} {done}")
            if each.aside.exists():
                say(f"what was there is in {each.aside}")
            elif not self.options.dry_run and self.options.owner is None and os.geteuid() == 0:
                told = "give it to the user that the gateway runs as, if that is another one (chown -R)"
                tell(f"jairouter: {each.target} was not there before, and belongs to root: {told}")
        if self.store is None and self.contents.store is None:
            tell("jairouter: no versions are in this archive; the stored ones, if any, are left alone")


def _as_json(place: Place) -> dict[str, str | None]:
    aside = str(place.aside) if place.aside.exists() else None
    return {"directory": str(place.target), "before": aside}


def _newest(store: Path, shell: Shell) -> Stored | None:
    found = VersionFiles(store, 0, LOCK_TIMEOUT, shell.today).newest()
    return Stored(found.number, found.changes) if found is not None else None


@contextmanager
def _nobody_writes(store: Path | None, shell: Shell) -> Iterator[None]:
    if store is None or not store.is_dir():
        yield
        return
    try:
        with locked(store / LOCK, LOCK_TIMEOUT, shell.sleep):
            yield
    except Held:
        raise Refused(f"another process is writing to the store in {store}: stop it first") from None
