"""The command line and the demo, as programs of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import urllib.request
from pathlib import Path
from typing import Any

import yaml
from twisted.internet import reactor as real_reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

import jairouter
from jairouter.simulator.children import Child, Program
from jairouter.simulator.command import main
from jairouter.simulator.demo import find_config, parse
from jairouter.simulator.showcase import MODELS, DemoFailed, Settings, Showcase, ready_text

reactor: Any = real_reactor

# A gateway as far as the demo can tell: answers any GET with 200 on the port it is told.
GATEWAY = """
import http.server, os
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
print("backends", os.environ["SIMULATOR_1"], os.environ["SIMULATOR_2"], flush=True)
port = int(os.environ["JAIROUTER_DEMO_PORT"])
http.server.HTTPServer(("127.0.0.1", port), Healthy).serve_forever()
"""

BACKEND = """
import sys, time
print("listening on http://" + sys.argv[1], flush=True)
time.sleep(60)
"""


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class CommandTests(TestCase):
    """`python -m jairouter.simulator`."""

    timeout = 20

    async def test_it_says_where_it_listens_answers_and_ends_cleanly(self) -> None:
        listening: Deferred[str] = Deferred()
        command = [sys.executable, "-m", "jairouter.simulator", "--port", "0", "--quiet"]
        # The tests run in a folder of their own; the program is to be the one they belong to.
        environment = {"PYTHONPATH": str(Path(jairouter.__file__).parents[1])}
        program = Program("sim", [*command, "--name", "b"], environment)
        child = Child(program, listening.callback)
        child.start(reactor)
        url = (await listening).removeprefix("listening on ")
        self.assertRegex(url, r"^http://127\.0\.0\.1:\d+$")
        told = await deferToThread(self.health, url)
        self.assertEqual(told, {"status": "ok", "name": "b"})
        child.end(reactor, 5)
        await child.ended
        self.assertEqual(child.outcome, "ended")

    @staticmethod
    def health(url: str) -> Any:
        with urllib.request.urlopen(f"{url}/health") as answer:
            return json.load(answer)

    def test_an_unknown_fault_is_refused(self) -> None:
        self.assertEqual(main(["--fault", "nosuch"]), 2)


class ShowcaseTests(TestCase):
    """The demo, with stand-ins for the gateway and the backends."""

    timeout = 20

    def setUp(self) -> None:
        self.said: list[str] = []
        self.logged: list[str] = []
        self.ready: Deferred[None] = Deferred()

    def say(self, text: str) -> None:
        self.said.append(text)
        if "is ready" in text:
            self.ready.callback(None)

    def showcase(self, gateway: str, backend: str = BACKEND, port: int = 0) -> Showcase:
        python = [sys.executable, "-S", "-c"]
        settings = Settings(
            port=port or free_port(),
            gateway=[*python, gateway],
            simulators=[[*python, backend, "one"], [*python, backend, "two"]],
            patience=1.0,
        )
        return Showcase(reactor, settings, self.say, self.logged.append)

    async def test_it_starts_everything_says_so_and_ends_everything(self) -> None:
        showcase = self.showcase(GATEWAY)
        running = Deferred.fromCoroutine(showcase.run())
        await self.ready
        self.assertIn("http://one and http://two", self.said[0])
        self.assertEqual(self.logged[0], "backends http://one http://two")
        showcase.stop()
        self.assertEqual(await running, 0)
        self.assertTrue(all(child.outcome for child in showcase._children))
        await self.quiet()

    async def test_a_gateway_that_fails_is_named_with_its_output(self) -> None:
        status = await self.showcase("print('no such key'); raise SystemExit(3)").run()
        self.assertEqual(status, 1)
        self.assertIn("error: jairouter failed, status 3", self.said[-1])
        self.assertIn("no such key", self.said[-1])
        await self.quiet()

    async def test_a_backend_that_dies_is_named(self) -> None:
        showcase = self.showcase(GATEWAY)
        running = Deferred.fromCoroutine(showcase.run())
        await self.ready
        process: Any = showcase._children[1].transport
        os.kill(process.pid, signal.SIGKILL)
        self.assertEqual(await running, 1)
        self.assertIn("error: sim-2 was ended by signal 9", self.said[-1])
        await self.quiet()

    async def test_a_gateway_that_is_never_healthy_is_given_up(self) -> None:
        status = await self.showcase("import time; time.sleep(60)").run()
        self.assertEqual(status, 1)
        self.assertIn("not healthy after 1 seconds", self.said[-1])
        await self.quiet()

    async def test_a_taken_port_is_said_plainly(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            status = await self.showcase(GATEWAY, port=port).run()
        self.assertEqual(status, 1)
        self.assertIn(f"port {port} on 127.0.0.1 cannot be used", self.said[0])
        self.assertIn(f"--port {port + 1}", self.said[0])

    async def test_a_program_that_is_not_there_is_said_plainly(self) -> None:
        settings = Settings(free_port(), ["/nonexistent/twistd"], [], 1.0)
        self.assertEqual(await Showcase(reactor, settings, self.say, self.say).run(), 1)
        self.assertIn("jairouter cannot be started: /nonexistent/twistd", self.said[0])

    async def quiet(self) -> None:
        """Wait until the reactor has nothing more to do for the demo."""
        done: Deferred[None] = Deferred()
        reactor.callLater(0.6, done.callback, None)
        await done


class DemoTests(SynchronousTestCase):
    """The demo's settings and texts."""

    def test_the_configuration_serves_every_model_that_is_named(self) -> None:
        config = yaml.safe_load(find_config().read_text())
        services = config["model"]["services"]
        named = {instance["name"] for service in services.values() for instance in service["instances"]}
        self.assertEqual(named, set(MODELS.values()))
        for service in services.values():
            urls = [instance["base-url"] for instance in service["instances"]]
            self.assertEqual([url[:13] for url in urls], ["${SIMULATOR_1", "${SIMULATOR_2"])

    def test_the_port_comes_from_the_command_line_or_the_environment(self) -> None:
        self.patch(os, "environ", {**os.environ, "JAIROUTER_DEMO_PORT": "8123"})
        self.assertEqual(parse([]).port, 8123)
        self.assertEqual(parse(["--port", "8124"]).port, 8124)

    def test_the_gateway_runs_in_the_same_environment(self) -> None:
        gateway = parse([]).gateway
        self.assertEqual(gateway[0], str(Path(sys.executable).parent / "twistd"))
        self.assertEqual(gateway[1:4], ["-n", "--pidfile=", "jairouter"])

    def test_a_missing_configuration_is_said_plainly(self) -> None:
        self.patch(Path, "is_file", lambda _: False)
        self.assertRaises(DemoFailed, find_config)

    def test_the_user_gets_three_commands_and_all_models(self) -> None:
        text = ready_text(8080, ["http://a", "http://b"])
        self.assertEqual(text.count("  curl "), 3)
        self.assertIn("curl -N http://127.0.0.1:8080/v1/chat/completions", text)
        for model in MODELS.values():
            self.assertIn(model, text)
