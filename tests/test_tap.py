"""Tests for `jairouter.tap`: the service under twistd; for its command line see tests/test_tap_options.py."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import Any

from twisted.application.service import IServiceMaker, ServiceMaker
from twisted.internet import reactor as the_reactor
from twisted.internet.error import CannotListenError
from twisted.logger import Logger, LogPublisher, capturedLogs, formatEvent
from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase

from jairouter import tap
from jairouter.assembly import assemble
from jairouter.config.faults import ConfigurationFaults
from jairouter.config.files import Text
from jairouter.control import Draft, Told
from jairouter.control_plane import ControlPlane
from jairouter.reloading.beginning import Beginning
from jairouter.reloading.reading import Reading
from jairouter.store.files import VersionFiles
from jairouter.tap import GatewayService, Options
from jairouter.telemetry.logs.opening import Logs
from jairouter.upstream.resolver import SystemResolver
from tests.fakes import Network
from tests.web.serving import answers, post


class FakeSignals:
    """Stands in for the module `signal`: nothing of the test's own process is touched."""

    SIGTERM, SIGINT, SIGHUP, SIGUSR1 = signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1

    def __init__(self) -> None:
        self.taken: dict[int, Any] = {}

    def signal(self, number: int, function: Any) -> None:
        self.taken[number] = function


class Collector:
    """Stands in for the module `gc`."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.thresholds: tuple[int, ...] = ()

    def collect(self) -> None:
        self.calls.append("collect")

    def freeze(self) -> None:
        self.calls.append("freeze")

    def set_threshold(self, *thresholds: int) -> None:
        self.calls.append("set_threshold")
        self.thresholds = thresholds


class Interpreter:
    """Stands in for the module `sys`."""

    interval = 0.005

    def setswitchinterval(self, interval: float) -> None:
        self.interval = interval


class Limits:
    """Stands in for the module `resource`."""

    RLIMIT_NOFILE = 7

    def __init__(self) -> None:
        self.set: list[Any] = []

    def getrlimit(self, which: int) -> tuple[int, int]:
        return (1024, 5000)

    def setrlimit(self, which: int, limits: tuple[int, int]) -> None:
        self.set.append((which, limits))


class Reactor(Network):
    """A network that can be told to stop."""

    stopped = 0

    def stop(self) -> None:
        self.stopped += 1


# Nothing in the file system is watched or written
QUIET = """
store: {type: memory}
config: {reload: {watch: false}}
"""
CONFIGURATION = (
    QUIET
    + """
server: {address: 127.0.0.1, port: 8080, drain: {delay: 5s, timeout: 60s}, tomcat: {threads: {max: 9}}}
model: {services: {chat: {instances: [{name: m, base-url: "http://10.0.0.1:9000"}]}}}
"""
)


def begun(text: str | Path) -> tuple[Reading, Beginning]:
    """A configuration, or a file with one, and what it was read by."""
    source = text if isinstance(text, Path) else Text("test.yml", text.encode())
    reading = Reading([source], (), {}, lambda: 0.0)
    return reading, reading.begin()


class BeginningTests(SynchronousTestCase):
    """What a gateway begins with."""

    def test_put_right_by_what_is_stored(self) -> None:
        """Files that need what is stored over them came into force while it ran, and do so at a start."""
        path = self.mktemp()
        files = VersionFiles(Path(path), 0, 1.0, lambda: 0.0)
        files.add(Draft(0, {"server": {"port": 8081}}, Told("me", "test")))
        begun_with = begun(f"store: {{path: '{path}'}}\nserver: {{port: 99999}}")[1]
        self.assertEqual((begun_with.mark.number, begun_with.loaded.settings.server.port), (1, 8081))
        self.assertRaises(ConfigurationFaults, begun, "server: {port: 99999}")


class ServiceTests(SynchronousTestCase):
    """The service that twistd runs."""

    def setUp(self) -> None:
        self.signals, self.limits = FakeSignals(), Limits()
        self.patch(tap, "signal", self.signals)
        self.patch(tap, "resource", self.limits)
        self.collector = Collector()
        self.patch(tap, "gc", self.collector)
        self.interpreter = Interpreter()
        self.patch(tap, "sys", self.interpreter)
        self.reactor = Reactor()
        self.service = self.make(CONFIGURATION)
        self.addCleanup(self.assert_clean)

    def make(self, text: str | Path) -> GatewayService:
        """A service with a configuration of its own."""
        reading, beginning = begun(text)
        thread = Network.run_in_thread
        gateway = assemble(beginning.loaded.settings, self.reactor, random.Random(0), thread)
        control = ControlPlane(gateway, reading, beginning, self.reactor, thread, self.reactor.seconds)
        logs = Logs(
            beginning.loaded.settings,
            gateway.observing.levels,
            self.reactor.seconds,
            "here",
            lambda job: job(),
        )
        self.addCleanup(logs.close)
        return GatewayService(gateway, self.reactor, control, logs)

    def assert_clean(self) -> None:
        stopped = self.service.stopService()
        self.reactor.run(200)
        self.successResultOf(stopped)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def start(self) -> None:
        self.service.privilegedStartService()
        self.service.startService()
        self.reactor.run()

    def signal(self, number: int) -> None:
        self.signals.taken[number](number, None)
        self.reactor.run()

    def test_starts(self) -> None:
        self.start()
        self.assertTrue(self.service.gateway.listener.ready)
        self.assertTrue(self.service.running)

    def test_starts_under_twist(self) -> None:
        """twist, unlike twistd, calls only `startService`."""
        self.service.startService()
        self.reactor.run()
        self.assertTrue(self.service.gateway.listener.ready)
        taken = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1}
        self.assertEqual(set(self.signals.taken), taken)

    def test_without_a_configuration(self) -> None:
        """It starts, and says that it can do nothing."""
        service = self.make(QUIET)
        with capturedLogs() as events:
            service.startService()
        self.addCleanup(lambda: self.successResultOf(service.stopService()))
        self.assertIn("no instance of any model is configured", str([formatEvent(event) for event in events]))

    def test_descriptors(self) -> None:
        """A stream takes two: the soft limit is raised to the hard one."""
        self.start()
        self.assertEqual(self.limits.set, [(7, (5000, 5000))])

    def test_garbage(self) -> None:
        """What was loaded is collected once and then left alone."""
        self.start()
        self.assertEqual(self.collector.calls, ["collect", "freeze", "set_threshold"])

    def test_small_portions(self) -> None:
        """Neither the collector nor a thread that computes keeps requests waiting for long."""
        self.start()
        new, younger, _ = self.collector.thresholds
        self.assertLessEqual(new * younger, 20_000)
        self.assertLess(self.interpreter.interval, 0.001)

    def test_notices(self) -> None:
        """What has no effect is said once, at the start."""
        notices = self.service.control.configuration.loaded.notices
        self.assertTrue(notices)
        with capturedLogs() as events:
            self.start()
        said = [formatEvent(event) for event in events]
        for notice in notices:
            self.assertIn(str(notice), said)

    def test_cannot_listen(self) -> None:
        """One plain line instead of a traceback."""

        def taken(*_: object, **__: object) -> None:
            raise CannotListenError("127.0.0.1", 8080, OSError(98, "Address already in use"))

        self.patch(self.reactor, "listenTCP", taken)
        error = self.assertRaises(SystemExit, self.service.privilegedStartService)
        self.assertRegex(str(error), r"^jairouter: cannot listen on 127\.0\.0\.1:8080: .*in use$")
        would_end_it = {signal.SIGHUP, signal.SIGUSR1}
        self.assertEqual(set(self.signals.taken), would_end_it)

    def test_cannot_listen_where_a_stored_change_wants_it(self) -> None:
        """It is said whose fault it is, and the way back: no file tells."""
        path = self.mktemp()
        VersionFiles(Path(path), 0, 1.0, lambda: 0.0).add(
            Draft(0, {"server": {"port": 81}}, Told("me", "test"))
        )

        def taken(*_arguments: Any, **_named: Any) -> None:
            raise CannotListenError("127.0.0.1", 81, OSError(98, "Address already in use"))

        self.patch(self.reactor, "listenTCP", taken)
        service = self.make(CONFIGURATION.replace("{type: memory}", f"{{path: '{path}'}}"))
        error = self.assertRaises(SystemExit, service.privilegedStartService)
        self.assertIn("that is what version 1 says; to go back: jairouter rollback 0", str(error))

    def test_sigterm_drains(self) -> None:
        """First the delay, then it stops."""
        self.start()
        self.signal(signal.SIGTERM)
        self.assertFalse(self.service.gateway.listener.ready)
        self.reactor.run(4)
        self.assertEqual(self.reactor.stopped, 0)
        self.reactor.run(2)
        self.assertEqual(self.reactor.stopped, 1)

    def test_sigint_does_not_wait(self) -> None:
        """That is a person at a terminal."""
        self.start()
        self.signal(signal.SIGINT)
        self.reactor.run(0.1)
        self.assertEqual(self.reactor.stopped, 1)

    def test_sighup_reads_the_configuration_again(self) -> None:
        """Nothing stops for it."""
        self.start()
        before = self.service.gateway.policies
        with capturedLogs() as events:
            self.signal(signal.SIGHUP)
        self.assertIn("SIGHUP", str([formatEvent(event) for event in events]))
        self.assertIsNot(self.service.gateway.policies, before)
        self.assertTrue(self.service.gateway.listener.ready)

    def test_sigusr1_opens_the_logs_anew(self) -> None:
        """Those of the audit, too."""
        self.start()
        opened: list[str] = []
        self.patch(self.service.logs, "reopen", lambda: opened.append("logs"))
        auditing = self.service.gateway.security.auditing
        self.patch(auditing, "reopen", lambda: opened.append("audit"))
        self.signal(signal.SIGUSR1)
        self.assertEqual(opened, ["logs", "audit"])
        self.assertTrue(self.service.gateway.listener.ready)

    def test_what_is_masked_in_the_log_changes_with_the_configuration(self) -> None:
        said: list[str] = []
        note: Any = lambda event: said.append(formatEvent(event))  # noqa: E731 - it has no other name
        publisher = LogPublisher(note)
        self.patch(tap, "globalLogPublisher", publisher)
        log = Logger(observer=publisher)
        path = Path(self.mktemp() + ".yml")
        path.write_text(CONFIGURATION)
        self.service = self.make(path)
        self.start()
        log.info("call 13812345678")
        for masked in ("{enabled: true}", "{enabled: true, pii-patterns: [call]}", "{enabled: false}"):
            path.write_text(f"{CONFIGURATION}security: {{sanitization: {{logs: {masked}}}}}\n")
            self.signal(signal.SIGHUP)
            log.info("call 13812345678")
        self.assertEqual(
            [line for line in said if line.endswith(("8", "*"))],
            ["call 13812345678", "call ***********", "**** 13812345678", "call 13812345678"],
        )

    def ask(self) -> Any:
        self.reactor.black_holes.add(("10.0.0.1", 9000))
        client = self.reactor.connect("127.0.0.1", 8080)
        client.send(post(b'{"model":"m"}', b"/v1/chat/completions", b"Content-Type: application/json"))
        self.reactor.run()
        return client

    def test_second_signal_hurries(self) -> None:
        """Nothing is waited for any more: what is open is cut off, and told so."""
        self.start()
        client = self.ask()
        self.signal(signal.SIGTERM)
        self.reactor.run(1)
        self.assertEqual((self.reactor.stopped, bytes(client.received)), (0, b""))
        self.signal(signal.SIGTERM)
        self.reactor.run(2)
        self.assertEqual([answer.status for answer in answers(client.received)], [503])
        self.assertEqual(self.reactor.stopped, 1)

    def test_stopped_by_something_else(self) -> None:
        """Whoever stops the service gets it drained, and the backends' connections closed."""
        self.start()
        closed: list[bool] = []
        self.patch(self.service.gateway.agent, "close", lambda: closed.append(True))
        stopped = self.service.stopService()
        self.reactor.run(0.1)
        self.successResultOf(stopped)
        self.assertEqual(closed, [True])

    def test_no_line_of_the_access_log_is_lost(self) -> None:
        """Those of the last moment wait for others, which will not come."""
        self.start()
        client = self.reactor.connect("127.0.0.1", 8080)
        client.send(post(b'{"model":"none"}', b"/v1/chat/completions", b"Content-Type: application/json"))
        self.reactor.run()
        client.leave()
        with capturedLogs() as events:
            stopped = self.service.stopService()
            self.reactor.run()
            self.successResultOf(stopped)
        self.assertIn("model=none", "".join(map(formatEvent, events)))


class MakeServiceTests(SynchronousTestCase):
    """What twistd calls."""

    def setUp(self) -> None:
        before: Any = the_reactor
        self.addCleanup(before.installNameResolver, before.nameResolver)

    def test_maker(self) -> None:
        """The plugin leads here."""
        [maker] = [
            each
            for each in getPlugins(IServiceMaker)
            if isinstance(each, ServiceMaker) and each.tapname == "jairouter"
        ]
        self.assertIs(maker.makeService, tap.makeService)
        self.assertIs(maker.options, Options)

    def test_make(self) -> None:
        """Made with the process's reactor; nothing listens before it is started."""
        options = Options()
        options.reading, options.beginning = begun(CONFIGURATION)
        service = tap.makeService(options)
        self.assertIsInstance(service, GatewayService)
        self.assertEqual(service.gateway.listener.port, 0)

    def test_resolver(self) -> None:
        """Twisted's own would leave who waits without an answer when no descriptor is left."""
        options = Options()
        options.reading, options.beginning = begun(CONFIGURATION)
        tap.makeService(options)
        runtime: Any = the_reactor
        self.assertIsInstance(runtime.nameResolver, SystemResolver)

    def test_options_that_were_not_parsed(self) -> None:
        """As `twist` gives them when there are none: the defaults, and the environment."""
        options = Options()
        options.paths = [self.mktemp()]
        Path(options.paths[0]).write_text(CONFIGURATION)
        tap.makeService(options)
        self.assertIsNotNone(options.beginning)
