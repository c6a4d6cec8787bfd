"""The command line of a simulated backend."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Sequence

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IListeningPort

from jairouter.simulator import faults
from jairouter.simulator.answer import Answer
from jairouter.simulator.fault import UnknownFault
from jairouter.simulator.options import Options
from jairouter.simulator.record import Seen
from jairouter.simulator.simulator import Simulator


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, which is also its documentation."""
    made = argparse.ArgumentParser(
        prog="python -m jairouter.simulator",
        description="A model backend without a model: speaks the OpenAI, Ollama and Anthropic "
        "dialects, at a given pace, and misbehaves when asked to.",
        epilog=f"Faults: {', '.join(faults.known())}. With parameters: "
        "'stall-mid-body;after=3'. A request asks for one in its X-Simulate header, or with a "
        "model named 'm!stall-mid-body'.",
    )
    add = made.add_argument
    add("--address", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=int, default=9001, help="port to listen on, 0 for any (%(default)s)")
    add("--name", default="sim-1", help="who answers, in X-Simulator (%(default)s)")
    add("--models", default="", help="models it serves, with commas between; any when not given")
    add("--latency", type=float, default=0.2, help="seconds to the first byte (%(default)s)")
    add("--tokens-per-second", type=float, default=50, help="pace of a stream, 0: at once (50)")
    add("--tokens", type=int, default=32, help="length of an answer (%(default)s)")
    add("--echo", action="store_true", help="answer with exactly the text of the prompt")
    add("--error-rate", type=float, default=0.0, help="share of requests that fail, 0 to 1 (0)")
    add("--idle-timeout", type=float, default=0.0, help="seconds a connection may idle, 0: ever")
    add("--seed", type=int, help="makes the failures and ids the same in each run")
    add("--fault", default="", metavar="NAME", help="a fault every request meets")
    add("--quiet", action="store_true", help="do not print a line for each request")
    return made


def main(arguments: Sequence[str]) -> int:
    """Run until SIGINT or SIGTERM; return the status to exit with."""
    options = parser().parse_args(arguments)
    try:
        faults.parse(options.fault)
    except UnknownFault as error:
        print(f"error: --fault: {error}", file=sys.stderr)
        return 2
    settings = Options(
        name=options.name,
        models=tuple(model for model in options.models.split(",") if model),
        latency=options.latency,
        tokens_per_second=options.tokens_per_second,
        tokens=options.tokens,
        echo=options.echo,
        error_rate=options.error_rate,
        fault=options.fault,
        idle_timeout=options.idle_timeout,
        # Nobody asks a process what it has seen, and it may run for days.
        remember=0,
    )
    observer = None if options.quiet else _print_request
    return serve(settings, options.address, options.port, options.seed, observer)


def _print_request(seen: Seen, answer: Answer) -> None:
    print(f"{seen.method} {seen.path} {seen.length} bytes -> {answer.status}", flush=True)


def _port_of(listening: IListeningPort) -> int:
    host = listening.getHost()
    # Only TCP addresses have a port, and only on those does a simulator listen.
    return host.port if isinstance(host, IPv4Address | IPv6Address) else 0


def serve(
    options: Options,
    address: str,
    port: int,
    seed: int | None = None,
    observer: Callable[[Seen, Answer], None] | None = None,
) -> int:
    """Listen, say where, and run the reactor until a signal ends it.

    A port that cannot be had is said on stderr and gives status 1.
    """
    # This is a program's outermost function: nothing above it could hand the reactor in.
    from twisted.internet import reactor  # noqa: PLC0415, TID251
    from twisted.internet.error import CannotListenError  # noqa: PLC0415

    chance = random.Random(seed)  # noqa: S311 - decides which requests fail, guards nothing
    simulator = Simulator(reactor, chance, options, observer)
    try:
        listening = reactor.listenTCP(port, simulator.site(), backlog=1024, interface=address)
    except CannotListenError as error:
        print(f"error: cannot listen on {address}:{port}: {error.socketError}", file=sys.stderr)
        return 1
    print(f"listening on http://{address}:{_port_of(listening)}", flush=True)
    if any(fault.name == "refuse" for fault in faults.parse(options.fault)):
        # The port is known and now nobody listens on it: connections are refused.
        listening.stopListening()
    reactor.run()
    return 0
