"""`jairouter plan`, `apply`, `rollback` and `reload`: changes of the configuration."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Final

from jairouter.command.choosing import configuration_options, gateway_options, http_of, side_of, side_options
from jairouter.command.failures import Misused, Refused
from jairouter.command.gateway import RunningGateway
from jairouter.command.numbers import seconds, share, stored_version
from jairouter.command.output import say, say_json, tell
from jairouter.command.shell import Shell
from jairouter.command.side import Answer, Offered, Side, Terms
from jairouter.command.viewing import say_differences
from jairouter.command.watching import watch
from jairouter.config.document import MOST_BYTES

_ROUTING: Final = re.compile(r"^model\.services\.[^.]+$|\.instances\b|\bload-balance\b")
"""Keys that say where requests go."""

_PLAN: Final = """\
Says what a change would do, and changes nothing: what is added, removed and changed, all faults, and, by the
record of recent requests, which of them would have gone elsewhere for certain, and how the shares of
instances would change, by their weights. Ends with 1 if it would be refused.

    jairouter plan new.yml              new.yml laid over what is in force
    jairouter plan new.yml --replace    new.yml in place of all stored changes
    jairouter plan                      the files as they are now: what a reload would do
"""
_APPLY: Final = """\
Makes a new version: FILE (YAML or JSON, any spelling of keys) laid over what is in force. What it does not
name stays as it is, and null takes something away. Single instances are patched under their key:

    model.services.chat.instances:
      "qwen3-8b@http://gpu-1:8000": {weight: 3}
      "qwen3-8b@http://gpu-9:8000": null

The plan is shown first, and on a terminal you are asked, unless --yes is given.

    jairouter apply new.yml --message "twice the share for gpu-1"
    jairouter apply new.yml --if-version 7                           unless somebody else was faster
    jairouter apply new.yml --undo-within 60s --undo-margin 5% --wait
"""
_ROLLBACK: Final = """\
Makes a new version like an old one, and brings it into force. Nothing is lost: the versions between stay.

    jairouter rollback 7
    jairouter rollback files        leave the files alone in force
"""
_RELOAD: Final = """\
Lets the running gateway read its files and its store again, as SIGHUP does. Requests under way are not
disturbed; if the files have a fault, what is in force stays in force, and the faults are shown.

    jairouter reload
"""


def plan(options: argparse.Namespace, shell: Shell) -> int:
    """Say what a change would do."""
    offered = None if options.file is None else _offered(options)
    if offered is None and options.replace:
        raise Misused("--replace needs a FILE")
    return _shown(side_of(options, shell).plan(offered), options.json)


def apply(options: argparse.Namespace, shell: Shell) -> int:
    """Make a change, after showing what it would do."""
    if options.undo_margin is not None and options.undo_within is None:
        raise Misused("--undo-margin means nothing without --undo-within")
    if options.wait and options.undo_within is None:
        raise Misused("--wait means nothing without --undo-within")
    offered = _offered(options)
    side = side_of(options, shell)
    if options.dry_run:
        return _shown(side.plan(offered), options.json)
    parent = options.if_version
    if not options.yes and not options.json:
        planned = side.plan(offered)
        status = _shown(planned, False)
        if status:
            return status
        if options.file != "-" and planned.get("differences") and shell.at_terminal():
            if not shell.confirmed("Apply this?"):
                raise Refused("nothing was changed")
            # What was shown is what is applied, or nothing
            parent = planned.get("base") if parent is None else parent
    terms = Terms(options.message, parent, options.undo_within, options.undo_margin)
    done = side.apply(offered, terms)
    _say_done(done, options.json)
    return _watched(side, done, options, shell) if options.wait else 0


def rollback(options: argparse.Namespace, shell: Shell) -> int:
    """Make a new version like an old one."""
    terms = Terms(options.message, options.if_version)
    _say_done(side_of(options, shell).rollback(options.version, terms), options.json)
    return 0


def reload(options: argparse.Namespace, shell: Shell) -> int:
    """Let the gateway read its files again."""
    _say_done(RunningGateway(http_of(options, shell)).reload(), options.json)
    return 0


def _offered(options: argparse.Namespace) -> Offered:
    if options.file == "-":
        content = sys.stdin.buffer.read(MOST_BYTES + 1)
    else:
        with Path(options.file).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Refused(f"{options.file}: the file is larger than {MOST_BYTES} bytes")
    if not content.strip():
        name = "standard input" if options.file == "-" else options.file
        raise Refused(f"{name}: there is nothing in it")
    return Offered("<stdin>" if options.file == "-" else options.file, content, options.replace)


def _shown(planned: Answer, as_json: bool) -> int:
    """Show a plan. Returns 1 if it would be refused."""
    faults = planned.get("faults") or ()
    if as_json:
        say_json(planned)
        return 1 if faults else 0
    differences = planned.get("differences") or ()
    if differences:
        say_differences(differences)
    elif not faults:
        say("nothing would be different")
    if any(_ROUTING.search(each["path"]) for each in differences):
        for each in planned.get("rerouted") or ():
            say(_rerouted(each))
    for notice in planned.get("notices") or ():
        tell(str(notice))
    for fault in faults:
        tell(": ".join(str(fault[name]) for name in ("origin", "path", "message") if fault.get(name)))
    if faults:
        tell("jairouter: this would be refused")
    return 1 if faults else 0


def _rerouted(each: Answer) -> str:
    """Put into a line what a change would have meant for recent requests."""
    told = []
    if each["elsewhere"] or not each["refused"]:
        told.append(f"{each['elsewhere']} would have gone elsewhere")
    if each["refused"]:
        told.append(f"{each['refused']} would have found no instance")
    shares = [
        f"{label} {share['after']:.0%} in place of {share['before']:.0%}"
        for label, share in (each.get("shares") or {}).items()
        if round(share["before"], 2) != round(share["after"], 2)
    ]
    shown = f"; shares: {', '.join(shares)}" if shares else ""
    counted = f"{each['service']} {each['model']}: of {each['requests']} recorded requests "
    return counted + " and ".join(told) + shown


def _say_done(done: Answer, as_json: bool) -> None:
    if as_json:
        say_json(done)
        return
    for notice in done.get("notices") or ():
        tell(str(notice))
    number = done.get("version")
    what = f"version {number}" if number else "the configuration of the files alone"
    say(f"{what} is in force" if done.get("changed") else f"nothing is different: {what} stays in force")


def _watched(side: Side, done: Answer, options: argparse.Namespace, shell: Shell) -> int:
    if not done.get("changed"):
        return 0
    undone = watch(side, int(done["version"]), options.undo_within, shell)
    if undone is None:
        tell(f"jairouter: version {done['version']} stays")
        return 0
    raise Refused(undone)


def _changing(parser: argparse.ArgumentParser) -> None:
    told = "why, for the history of versions"
    parser.add_argument("-m", "--message", default="", metavar="TEXT", help=told)
    told = "refuse if this version is not the one in force any more"
    parser.add_argument("--if-version", type=stored_version, metavar="N", help=told)


def _plan_options(parser: argparse.ArgumentParser) -> None:
    told = "YAML or JSON; - for standard input; without it: what a reload would do"
    parser.add_argument("file", nargs="?", metavar="FILE", help=told)
    _replacing(parser)
    side_options(parser)


def _replacing(parser: argparse.ArgumentParser) -> None:
    told = "let FILE stand in place of all stored changes"
    parser.add_argument("--replace", action="store_true", help=told)


def _apply_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="YAML or JSON; - for standard input")
    _replacing(parser)
    parser.add_argument("-n", "--dry-run", action="store_true", help="change nothing, as plan does")
    parser.add_argument("-y", "--yes", action="store_true", help="neither show the plan nor ask")
    _changing(parser)
    told = "watch it for so long, and take it back if too many more requests fail"
    parser.add_argument("--undo-within", type=seconds, metavar="TIME", help=told)
    told = "by how much more of the requests may fail than before (5%%)"
    parser.add_argument("--undo-margin", type=share, metavar="SHARE", help=told)
    told = "wait until it is settled whether it stays; ends with 1 if it was taken back"
    parser.add_argument("--wait", action="store_true", help=told)
    side_options(parser)


def _rollback_options(parser: argparse.ArgumentParser) -> None:
    told = "the number of the version, or files"
    parser.add_argument("version", type=stored_version, metavar="N", help=told)
    _changing(parser)
    side_options(parser)


def _reload_options(parser: argparse.ArgumentParser) -> None:
    gateway_options(parser)
    configuration_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


COMMANDS: Final = (
    ("plan", "say what a change would do", _PLAN, _plan_options, plan),
    ("apply", "change the configuration", _APPLY, _apply_options, apply),
    ("rollback", "go back to an old version", _ROLLBACK, _rollback_options, rollback),
    ("reload", "let the gateway read its files again", _RELOAD, _reload_options, reload),
)
