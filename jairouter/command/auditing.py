"""`jairouter audit verify`: whether all that was recorded is still there, and unchanged."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from jairouter.command.choosing import configuration_options
from jairouter.command.failures import Misused, Refused
from jairouter.command.output import say, say_json, tell
from jairouter.command.places import default_paths
from jairouter.command.shell import Shell
from jairouter.config.loader import load
from jairouter.telemetry.audit.chain import Chain
from jairouter.telemetry.audit.opening import audit_on, place_of
from jairouter.telemetry.audit.verifying import Verified, verify, verify_files

SUMMARY: Final = "check that nobody has changed the log of security events"
LESSON: Final = """\
Each line of the log holds the digest of the line before, and its own. This reads them all and says the first
that does not fit: a line that was changed, put in, or taken out, at the end of the log too. The gateway may
go on running.

    jairouter audit verify                                   the log that the configuration names
    jairouter audit verify --config /app/config
    jairouter audit verify old/security-audit.log.*          these files, in this order, compressed or not
    AUDIT_KEY=... jairouter audit verify --key-variable AUDIT_KEY security-audit.log

Where the configuration has a security.audit.chain-key, that is needed: without it lines cannot be checked.
"""


def options_of(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    raw = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    parser = actions.add_parser("verify", help=SUMMARY, description=LESSON, formatter_class=raw)
    told = "files of the log, the oldest first; without any, the log that the configuration names"
    parser.add_argument("files", nargs="*", metavar="FILE", help=told)
    told = "the environment variable with the chain-key (what the configuration says)"
    parser.add_argument("--key-variable", metavar="NAME", help=told)
    configuration_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def audit(options: argparse.Namespace, shell: Shell) -> int:
    """Check the log, and say how many lines are right.

    Raises:
        Refused: One is not.
        ConfigurationFaults: The configuration cannot be read.
    """
    verified = _verified(options, shell)
    for note in verified.notes:
        tell(f"jairouter: {note}")
    if options.json:
        say_json({"intact": not verified.fault, **verified._asdict()})
    if verified.fault:
        raise Refused(f"{verified.fault} ({verified.lines} lines before that are intact)")
    if not options.json:
        span = f", number {verified.first} to {verified.last}" if verified.lines else ""
        say(f"{verified.lines} lines in {verified.files} files are intact{span}")
    return 0


def _verified(options: argparse.Namespace, shell: Shell) -> Verified:
    key = None
    if options.key_variable is not None:
        key = shell.environ.get(options.key_variable)
        if not key:
            raise Misused(f"the environment variable {options.key_variable} is not set")
    paths = options.config or default_paths()
    if options.files and (key is not None or not options.config):
        return verify_files([Path(each) for each in options.files], Chain(key.encode() if key else None))
    if not paths:
        raise Misused(
            "there is no /etc/jairouter: say with --config what the configuration is, or name files"
        )
    settings = load(paths, options.profile, shell.environ).settings
    place = place_of(settings)
    if key is not None:
        place = place._replace(chain=Chain(key.encode()))
    if options.files:
        return verify_files([Path(each) for each in options.files], place.chain)
    if not audit_on(settings):
        tell("jairouter: by the configuration nothing is recorded")
    return verify(place)
