"""Which of the two ways a command works: on a running gateway, or on its directory. Never both silently."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from jairouter.command.credentials import credential_options, credentials_of
from jairouter.command.failures import Misused, Refused
from jairouter.command.gateway import RunningGateway
from jairouter.command.http import Http, Trust
from jairouter.command.numbers import seconds
from jairouter.command.output import tell
from jairouter.command.places import DEFAULT_URL, default_paths, places
from jairouter.command.shell import Shell
from jairouter.command.side import Side

VARIABLE: Final = "JAIROUTER_URL"
TIMEOUT: Final = 30.0

_HOW: Final = "; if none runs, --offline (or --store DIR) works on the directory itself"


def configuration_options(parser: argparse._ActionsContainer) -> None:
    """Add what says where the configuration is."""
    told = "a configuration file or directory, as for twistd jairouter; may be given again (/etc/jairouter)"
    parser.add_argument("-c", "--config", action="append", default=[], metavar="PATH", help=told)
    told = "an active profile, or several with commas between; may be given again"
    parser.add_argument("--profile", action="append", default=[], metavar="NAME", help=told)


def gateway_options(parser: argparse._ActionsContainer) -> None:
    """Add what says where the gateway is, and who asks it."""
    address_options(parser)
    credential_options(parser)
    trust_options(parser)


def address_options(parser: argparse._ActionsContainer) -> None:
    """Add what says where the gateway is."""
    told = f"the running gateway (${VARIABLE}, or what the configuration says, or {DEFAULT_URL})"
    parser.add_argument("--url", help=told)
    told = "how long the gateway may be silent (%(default)gs)"
    parser.add_argument("--timeout", type=seconds, default=TIMEOUT, metavar="TIME", help=told)


def trust_options(parser: argparse._ActionsContainer) -> None:
    """Add what says which certificate of a gateway is a good one."""
    told = "a file with the authorities that its certificate may come from, in place of the system's"
    parser.add_argument("--ca-file", metavar="FILE", help=told)
    told = "take any certificate: whoever is on the way can pretend to be the gateway"
    parser.add_argument("--insecure", action="store_true", help=told)


def side_options(parser: argparse.ArgumentParser) -> None:
    """Add what says on what a command works."""
    group = parser.add_argument_group("what to work on")
    gateway_options(group)
    told = "no gateway: the directory of the store that the configuration names"
    group.add_argument("--offline", action="store_true", help=told)
    told = "no gateway: this directory of a store"
    group.add_argument("--store", metavar="DIR", help=told)
    configuration_options(group)
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def side_of(options: argparse.Namespace, shell: Shell) -> Side:
    """Choose what is worked on.

    Raises:
        Misused: The options contradict each other, or do not say enough.
    """
    if options.offline or options.store is not None:
        if options.url is not None:
            raise Misused("--url is a running gateway, --offline and --store are for none: give one of them")
        # What it takes to do a gateway's work is not loaded to ask one
        from jairouter.command.directory import Directory  # noqa: PLC0415

        return Directory(_paths(options), options.profile, store_of(options, shell), shell)
    return RunningGateway(http_of(options, shell))


def http_of(options: argparse.Namespace, shell: Shell) -> Http:
    """Find out where the running gateway is, and who asks it.

    Raises:
        Misused: That is no URL, or cannot be known.
        Failure: Whoever asks cannot show who it is.
    """
    anybody = Http(url_of(options, shell), options.timeout, _HOW, trust_of(options))
    known = credentials_of(options, shell, anybody, options.at_end)
    return anybody if known is None else anybody.known_as(known)


def trust_of(options: argparse.Namespace) -> Trust:
    """Which certificate is a good one.

    Raises:
        Misused: The options contradict each other.
    """
    if options.insecure and options.ca_file is not None:
        raise Misused("--insecure takes any certificate, --ca-file only some: give one of them")
    if options.insecure:
        told = "the certificate of the gateway is not checked: whoever is on the way can pretend to be it"
        tell(f"jairouter: warning: {told}")
    return Trust(options.ca_file, options.insecure)


def url_of(options: argparse.Namespace, shell: Shell) -> str:
    """Where the running gateway is.

    Raises:
        Misused: That cannot be known.
    """
    given = options.url if options.url is not None else shell.environ.get(VARIABLE)
    if given:
        return str(given)
    paths = _paths(options)
    if not paths:
        return DEFAULT_URL
    found = places(paths, options.profile, shell.environ).url
    if found is None:
        raise Misused("by its configuration the gateway listens on any free port: name it with --url")
    return found


def store_of(options: argparse.Namespace, shell: Shell) -> Path:
    """Where the store is.

    Raises:
        Misused: It is in no directory.
        Refused: The directory is not there, or cannot be known.
    """
    if options.store is not None:
        given = Path(options.store)
        if not given.is_dir():
            raise Refused(f"{given}: there is no such directory")
        return given
    found = places(_paths(options), options.profile, shell.environ).store
    if found is None:
        raise Misused("by its configuration the store is in no directory: only a running gateway knows it")
    path = Path(found)
    if not path.is_absolute() and not path.is_dir():
        # Else versions would be read from, or written to, another place than the gateway's
        told = "which is not here; it depends on where the gateway is started: name it with --store"
        raise Refused(f"by the configuration the store is in {found}, {told}")
    return path


def _paths(options: argparse.Namespace) -> list[str]:
    return list(options.config) or default_paths()
