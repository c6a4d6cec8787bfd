"""`jairouter backup`: one archive of the configuration, the store and the audit log."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from jairouter.command.choosing import configuration_options
from jairouter.command.contents import CONFIG
from jairouter.command.failures import Misused, Refused
from jairouter.command.numbers import days
from jairouter.command.output import say, say_json, say_table, tell
from jairouter.command.places import Places, default_paths, places
from jairouter.command.shell import Shell
from jairouter.store.archive import make_archive, verify_archive
from jairouter.store.files import LOCK
from jairouter.store.lock import Held, locked
from jairouter.store.manifest import ArchiveFault, Manifest, files_below

SUMMARY: Final = "write configuration, store and audit log into one archive"
LESSON: Final = """\
Writes one compressed tar archive, which only its owner can read: the configuration files (config/...), the
directory of the store with all versions (store/...), and the log of security events, if there is one
(logs/...). Then it is read back and checked against its SHA-256 sums. The gateway may go on running.

    jairouter backup                                       jairouter-<UTC time>.tar.gz in this directory
    jairouter backup -o /backup/jairouter --keep-days 30   in that directory; older ones are deleted
    jairouter backup --config /app/config --store /app/config-store -o now.tar.gz

A backup without versions is made only if there can be none: when the directory of the store is named by an
absolute path and is not there, or with --only config.

Configuration files may hold secrets in the clear, and the archive holds what they hold: keep it as you keep
them. Backups that the gateway makes by itself (a directory `backups`) are left out.
"""
NAME: Final = re.compile(r"jairouter-(\d{8}T\d{6}Z)\.tar\.gz", re.ASCII)
"""What backups are called; the time is when they were made."""

LOCK_TIMEOUT: Final = 10.0
"""Seconds to wait for whoever is writing to the store."""

_TIME: Final = "%Y%m%dT%H%M%SZ"
_ASIDE: Final = re.compile(r".*\.before-restore-\d{8}T\d{6}Z")


def options_of(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    told = "the archive, or a directory that is there, or a name that ends in / (.)"
    parser.add_argument("-o", "--output", default=".", metavar="PATH", help=told)
    told = "delete backups in the directory that are older, by their names"
    parser.add_argument("--keep-days", type=days, metavar="DAYS", help=told)
    told = "the directory of the store (what the configuration says)"
    parser.add_argument("--store", metavar="DIR", help=told)
    told = "leave the store out"
    parser.add_argument("--only", choices=(CONFIG,), help=told)
    configuration_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def backup(options: argparse.Namespace, shell: Shell) -> int:
    """Write the archive, read it back, and delete what is too old."""
    output = _destination(options.output, shell.now)
    paths = options.config or default_paths()
    if not paths:
        raise Misused("there is no /etc/jairouter: say with --config what the configuration is")
    found = places(paths, options.profile, shell.environ)
    if output.exists():
        raise Refused(f"{output} is there already")
    with _store(options, found, shell) as store:
        members = {**_configuration(paths, found), **_versions(store, found), **_audit(found)}
        if not members:
            raise Refused("there is nothing to back up")
        manifest = _written(output, members, shell.today())
    old = _forget(output.parent, options.keep_days, shell.now) if options.keep_days else []
    _report(options, output, manifest, old)
    return 0


def _written(output: Path, members: Mapping[str, Path | bytes], now: float) -> Manifest:
    """Write the archive and read it back; one that is not good is not left lying about."""
    try:
        make_archive(output, members, True, now)
        try:
            return verify_archive(output)
        except BaseException:
            output.unlink()
            raise
    except ArchiveFault as fault:
        raise Refused(f"no good backup could be made: {fault}") from None


def _destination(given: str, now: datetime) -> Path:
    path = Path(given)
    return path / f"jairouter-{now.strftime(_TIME)}.tar.gz" if given.endswith("/") or path.is_dir() else path


def _configuration(paths: list[str], found: Places) -> dict[str, Path]:
    """The members of the configuration, by their names in the archive."""
    members: dict[str, Path] = {}
    apart = _apart(found)
    for path in map(Path, paths):
        if path.is_dir():
            files: Mapping[str, Path] = files_below(path, apart)
        elif path.is_file():
            files = {path.name: path}
        else:
            raise Refused(f"{path}: there is no such file or directory")
        for name, file in files.items():
            member = f"config/{name}"
            if member in members:
                raise Refused(f"{members[member]} and {file} would have the same name in the archive")
            members[member] = file
    return members


def _apart(found: Places) -> Callable[[Path], bool]:
    """What is no configuration although it may lie among it."""
    others = [Path(each).resolve() for each in (found.store, found.backups) if each is not None]

    def is_apart(path: Path) -> bool:
        # A mounted ConfigMap has each file again in a directory whose name begins with two dots
        if path.name.startswith("..") or NAME.fullmatch(path.name) or _ASIDE.fullmatch(path.name):
            return True
        return path.resolve() in others

    return is_apart


@contextmanager
def _store(options: argparse.Namespace, found: Places, shell: Shell) -> Iterator[Path | None]:
    """The directory of the store, which nobody writes to meanwhile; None without one."""
    if options.only is not None:
        yield None
        return
    given = options.store or found.store
    if given is None:
        tell("jairouter: by the configuration the store is in no directory: versions are not in the backup")
        yield None
        return
    path = Path(given)
    if not path.is_dir():
        if options.store is not None:
            raise Refused(f"{path}: there is no such directory")
        if not path.is_absolute() or found.unread:
            # A backup that lacks all changes would be found out when it is needed
            where = "" if path.is_absolute() else ", which depends on where the gateway is started"
            told = f"there is no store in {path}{where}{found.hint}: name it with --store"
            raise Refused(f"{told}, or leave it out with --only config")
        tell(f"jairouter: there is no store in {path}: no versions are in the backup; is its disk mounted?")
        yield None
        return
    if not os.access(path, os.W_OK):
        yield path  # versions never change once they are there; the lock would only spare a second try
        return
    try:
        with locked(path / LOCK, LOCK_TIMEOUT, shell.sleep):
            yield path
    except Held:
        told = f"another process has been writing to it for more than {LOCK_TIMEOUT:g} s"
        raise Refused(f"the store in {path} cannot be read: {told}") from None


def _versions(store: Path | None, found: Places) -> dict[str, Path]:
    """The members of the store, by their names in the archive."""
    if store is None:
        return {}
    backups = Path(found.backups).resolve() if found.backups is not None else None
    files = files_below(store, lambda path: path.resolve() == backups)
    return {f"store/{name}": file for name, file in files.items()}


def _audit(found: Places) -> dict[str, Path | bytes]:
    """The log of security events as it is now: it may grow while the archive is written."""
    if found.audit is None:
        return {}
    path = Path(found.audit)
    try:
        return {f"logs/{path.name}": path.read_bytes()}
    except FileNotFoundError:
        tell(f"jairouter: there is no audit log in {path} yet")
        return {}


def _forget(directory: Path, keep_days: int, now: datetime) -> list[str]:
    """Delete backups that are too old by their names, whatever copying has made of their times."""
    oldest = now - timedelta(days=keep_days)
    deleted = []
    for name in sorted(os.listdir(directory)):
        if (when := _time_of(name)) is not None and when < oldest:
            (directory / name).unlink(missing_ok=True)
            deleted.append(name)
    return deleted


def _time_of(name: str) -> datetime | None:
    found = NAME.fullmatch(name)
    try:
        return datetime.strptime(found[1], _TIME).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def _report(options: argparse.Namespace, output: Path, manifest: Manifest, old: list[str]) -> None:
    members = manifest.members
    if options.json:
        shown: dict[str, Any] = {
            "archive": str(output),
            "bytes": output.stat().st_size,
            "members": [{"name": n, "size": m.size, "sha256": m.sha256} for n, m in members.items()],
            "deleted": old,
        }
        say_json(shown)
        return
    say_table(("SIZE", "SHA-256", "NAME"), ((m.size, m.sha256[:12], n) for n, m in members.items()))
    for name in old:
        say(f"deleted {name}, which is older than {options.keep_days} days")
    say(f"{output}: {len(members)} files, {output.stat().st_size} bytes, read back and intact")
