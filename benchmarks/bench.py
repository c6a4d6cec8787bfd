"""What the measurements share: options, the backends, and contestants that start when first asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from benchmarks.contestants import Contestant, gateway_contestant
from benchmarks.gateway import Gateway
from benchmarks.nginx import Backend, Yardstick
from benchmarks.paced import PacedBackend
from benchmarks.processes import Ended, Failure, Process

GATEWAY = "gateway"
UNLOGGED = "gateway, no access log"
NGINX = "nginx"
SPREAD = "events"
BURSTS = "events-in-bursts"

STREAMS = 100
"""Event streams at once."""
EVENTS_EACH = 100
"""Events in each of them."""


_T = TypeVar("_T")
_Process = TypeVar("_Process", bound=Process)


@dataclass
class Bench:
    """One run.

    Attributes:
        stack: Ends what was started.
        rounds: How often each contestant is measured.
        seconds: How long at a time.
        descriptors: How many a process may open.
        failures: What went wrong so far.
    """

    stack: ExitStack
    rounds: int
    seconds: int
    descriptors: int
    failures: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Show progress, apart from the report."""
        print(f"bench: {text}", file=sys.stderr, flush=True)

    def attempt(self, what: str, measure: Callable[[], _T]) -> _T | None:
        """Measure something. A failure is noted and makes the run fail in the end, but the run goes on.

        Raises:
            Ended: Something has ended that the run cannot go on without.
        """
        self.say(what)
        try:
            return measure()
        except Ended:
            raise
        except (Failure, OSError) as failure:
            if "contestants" in self.__dict__:  # only if they have been started
                for contestant in self.contestants:
                    contestant.process.check()
            self.failed(f"{what}: {failure}")
            return None

    def failed(self, what: str) -> None:
        """Note a failure."""
        self.failures.append(what)
        self.say(f"FAILED: {what}")

    def until_the_end(self, process: _Process) -> _Process:
        """Have it ended when the run ends."""
        self.stack.callback(process.stop)
        return process

    @cached_property
    def backend(self) -> Backend:
        """Answers at once."""
        return self.until_the_end(Backend(self.descriptors))

    @cached_property
    def contestants(self) -> Sequence[Contestant]:
        """The gateway, the gateway without its access log, and nginx, all in front of the same backends."""
        backends = dict(self.backend.ports)
        for model, set_off in ((SPREAD, STREAMS), (BURSTS, 1)):
            backends[model] = self.until_the_end(PacedBackend(EVENTS_EACH, set_off)).port
        gateways = [
            self.until_the_end(Gateway(GATEWAY, backends)),
            self.until_the_end(Gateway(UNLOGGED, backends, logging={"access": {"enabled": False}})),
        ]
        nginx = self.until_the_end(Yardstick(backends, self.descriptors, (SPREAD, BURSTS)))
        return [
            *(gateway_contestant(each, list(backends)) for each in gateways),
            Contestant(NGINX, nginx, nginx.ports),
        ]
