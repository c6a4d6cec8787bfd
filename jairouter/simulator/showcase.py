"""The gateway and its simulated backends, started and ended together."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import treq
from twisted.internet import defer
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import ConnectError, ConnectionLost
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseFailed

from jairouter.simulator.children import Child, Program

ADDRESS = "127.0.0.1"

# What can be asked for, and under which model name; etc/demo.yml says the same to the gateway.
MODELS: Mapping[str, str] = {
    "/v1/chat/completions": "demo-chat",
    "/v1/embeddings": "demo-embedding",
    "/v1/rerank": "demo-rerank",
    "/v1/audio/speech": "demo-speech",
    "/v1/audio/transcriptions": "demo-transcribe",
    "/v1/images/generations": "demo-image",
    "/v1/images/edits": "demo-image-edit",
}

# Longer than the drain timeout in etc/demo.yml, so that the gateway may end as it should.
_GRACE = 15.0

# A Ctrl-C reaches the children too, perhaps before us: so long an ended child is not yet a failure.
_BENEFIT_OF_DOUBT = 0.5


class DemoFailed(Exception):
    """The demo cannot go on; the message says why, in words for its user."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to start.

    Attributes:
        port: The gateway's port.
        gateway: The command that starts the gateway; it finds its port in `JAIROUTER_DEMO_PORT`
            and its backends in `SIMULATOR_1` and `SIMULATOR_2`.
        simulators: The commands that start the backends; each prints where it listens.
        patience: Seconds the gateway may take until it is healthy.
    """

    port: int
    gateway: Sequence[str]
    simulators: Sequence[Sequence[str]]
    patience: float = 30.0


class Showcase:
    """Starts the programs, waits, and ends them again; touches no others."""

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        say: Callable[[str], None],
        log: Callable[[str], None],
    ) -> None:
        """Prepare to start.

        Args:
            reactor: Makes processes, connections and delays.
            settings: What to start.
            say: Takes a text for the user.
            log: Takes a line of the gateway's log.
        """
        self._reactor = reactor
        self._settings = settings
        self._say = say
        self._log = log
        self._children: list[Child] = []
        self._over: Deferred[None] = Deferred()
        self._stopping = False

    async def run(self) -> int:
        """Run until `stop` is called or something fails; return the status to exit with."""
        starting = Deferred.fromCoroutine(self._start())
        starting.addErrback(self._give_up)
        try:
            await self._over
        except DemoFailed as error:
            self._say(f"error: {error}")
            return 1
        finally:
            self._stopping = True
            starting.cancel()
            for child in self._children:
                child.end(self._reactor, _GRACE)
            await DeferredList([child.ended for child in self._children])
        return 0

    def stop(self) -> None:
        """End the demo: `run` comes to its end once all children have."""
        if not self._stopping:
            self._stopping = True
            self._over.callback(None)

    def _give_up(self, failure: Failure) -> None:
        # Once the demo is stopping, whatever was under way fails, and that is no news.
        if not self._stopping:
            self._stopping = True
            self._over.errback(failure)

    async def _start(self) -> None:
        require_free(self._settings.port)
        backends = [
            await self._start_simulator(f"sim-{number}", command)
            for number, command in enumerate(self._settings.simulators, 1)
        ]
        environment = {f"SIMULATOR_{number}": url for number, url in enumerate(backends, 1)}
        environment["JAIROUTER_DEMO_PORT"] = str(self._settings.port)
        self._spawn(Program("jairouter", self._settings.gateway, environment), self._log)
        await self._healthy()
        self._say(ready_text(self._settings.port, backends))

    async def _start_simulator(self, name: str, command: Sequence[str]) -> str:
        """Start a backend and return its URL, which is the last word of its first line."""
        listening: Deferred[str] = Deferred()

        def heard(line: str) -> None:
            if not listening.called and line.startswith("listening on "):
                listening.callback(line.rsplit(maxsplit=1)[-1])

        self._spawn(Program(name, command), heard)
        return await listening

    def _spawn(self, program: Program, line_received: Callable[[str], None]) -> None:
        child = Child(program, line_received)
        try:
            child.start(self._reactor)
        except OSError as error:
            raise DemoFailed(f"{program.name} cannot be started: {error}") from error
        self._children.append(child)
        child.ended.addCallback(self._child_ended)

    def _child_ended(self, child: Child) -> Child:
        self._reactor.callLater(_BENEFIT_OF_DOUBT, self._accuse, child)
        return child

    def _accuse(self, child: Child) -> None:
        output = "\n".join(f"    {line}" for line in child.lines) or "    (nothing)"
        message = f"{child.program.name} {child.outcome}. Its last output:\n{output}"
        if not self._stopping:
            self._give_up(Failure(DemoFailed(message)))

    async def _healthy(self) -> None:
        """Wait until the gateway says that it is well."""
        deadline = self._reactor.seconds() + self._settings.patience
        url = f"http://{ADDRESS}:{self._settings.port}/actuator/health"
        while not await self._answers(url.encode()):
            if self._reactor.seconds() > deadline:
                waited = f"{self._settings.patience:g} seconds"
                raise DemoFailed(f"jairouter was not healthy after {waited}: {url}")
            await deferLater(self._reactor, 0.1)

    async def _answers(self, url: bytes) -> bool:
        agent = Agent(self._reactor, connectTimeout=2)
        try:
            response = await agent.request(b"GET", url).addTimeout(5, self._reactor)
            await treq.collect(response, lambda _: None)
        except (ConnectError, ConnectionLost, ResponseFailed, defer.TimeoutError):
            return False
        return bool(response.code == 200)


def require_free(port: int) -> None:
    """Make sure that the gateway will be able to listen.

    Raises:
        DemoFailed: If another program listens on the port, or it may not be used.
    """
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((ADDRESS, port))
        except OSError as error:
            raise DemoFailed(
                f"port {port} on {ADDRESS} cannot be used: {error.strerror}. Choose another: "
                f"make run ARGS='--port {port + 1}', or set JAIROUTER_DEMO_PORT."
            ) from error


def ready_text(port: int, backends: Sequence[str]) -> str:
    """Return what the user is told when everything runs."""
    url = f"http://{ADDRESS}:{port}"
    post = f"{url}/v1/chat/completions -H 'Content-Type: application/json' -d"
    hello = '"model": "demo-chat", "messages": [{"role": "user", "content": "Hello!"}]'
    models = "\n".join(f"  {path:<26} {model}" for path, model in MODELS.items())
    return f"""
jairouter is ready on {url}, in front of {" and ".join(backends)}. Try:

  curl {post} '{{{hello}}}'

  curl -N {post} '{{"stream": true, {hello}}}'

  curl {url}/actuator/health

Models:
{models}

Ctrl-C ends it.
"""
