"""`python -m jairouter.simulator.demo`: the gateway in front of two simulated backends."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from jairouter.simulator.showcase import DemoFailed, Settings, Showcase


def find_config() -> Path:
    """Return the demo's configuration: below the working directory, or beside the package.

    Raises:
        DemoFailed: If it is in neither place.
    """
    places = [Path("etc/demo.yml"), Path(__file__).parents[2] / "etc/demo.yml"]
    for place in places:
        if place.is_file():
            return place.resolve()
    raise DemoFailed(f"no configuration found: {' or '.join(map(str, places))}; name one: --config")


def parse(arguments: Sequence[str]) -> Settings:
    """Return what the command line asks for.

    Raises:
        DemoFailed: If there is no configuration to be found.
    """
    parser = argparse.ArgumentParser(
        prog="python -m jairouter.simulator.demo",
        description="Start jairouter in front of two simulated model backends.",
    )
    default = os.environ.get("JAIROUTER_DEMO_PORT", "8080")
    parser.add_argument(
        "--port", type=int, default=default, help="the gateway's port (JAIROUTER_DEMO_PORT or 8080)"
    )
    parser.add_argument("--config", help="the gateway's configuration (etc/demo.yml)")
    options = parser.parse_args(arguments)
    config = options.config or find_config()
    twistd = os.path.join(os.path.dirname(sys.executable), "twistd")
    simulator = [sys.executable, "-m", "jairouter.simulator", "--port", "0", "--quiet", "--name"]
    return Settings(
        port=options.port,
        gateway=[twistd, "-n", "--pidfile=", "jairouter", "--config", str(config)],
        simulators=[[*simulator, "sim-1"], [*simulator, "sim-2"]],
    )


def main(arguments: Sequence[str]) -> int:
    """Run the demo until it is interrupted; return the status to exit with."""
    # This is a program's outermost function: nothing above it could hand the reactor in.
    from twisted.internet import reactor as chosen  # noqa: PLC0415, TID251

    try:
        settings = parse(arguments)
    except DemoFailed as error:
        _say(f"error: {error}")
        return 1
    return run(chosen, settings)


def run(reactor: Any, settings: Settings) -> int:
    """Run a demo in a reactor that is not yet running; return the status to exit with."""
    showcase = Showcase(reactor, settings, _say, _log)
    finished: Deferred[None] = Deferred()
    statuses: list[int] = []
    shutting_down = False

    def over(status: int | Failure) -> None:
        if isinstance(status, Failure):
            # A fault of the demo itself; its children have ended all the same.
            _log(status.getTraceback())
            status = 1
        statuses.append(status)
        finished.callback(None)
        if not shutting_down:
            reactor.stop()

    def interrupted() -> Deferred[None]:
        nonlocal shutting_down
        shutting_down = True
        showcase.stop()
        return finished

    def begin() -> None:
        # Closing the terminal ends the demo as Ctrl-C does.
        signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(reactor.stop))
        Deferred.fromCoroutine(showcase.run()).addBoth(over)

    reactor.addSystemEventTrigger("before", "shutdown", interrupted)
    reactor.callWhenRunning(begin)
    reactor.run()
    return statuses[0] if statuses else 1


def _say(text: str) -> None:
    stream = sys.stderr if text.startswith("error: ") else sys.stdout
    print(text, file=stream, flush=True)


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
