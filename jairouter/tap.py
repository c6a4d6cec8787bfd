"""``twistd jairouter`` and ``twist jairouter``: options, and the service that they make."""

from __future__ import annotations

import atexit
import gc
import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path
from random import SystemRandom
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from twisted.application.service import MultiService
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger, globalLogBeginner, globalLogPublisher
from twisted.python.usage import Options as UsageOptions

from jairouter.assembly import Gateway, assemble
from jairouter.config.doors import WARNING, open_doors
from jairouter.config.faults import ConfigurationFaults
from jairouter.control_plane import ControlPlane
from jairouter.filters.masking_rules import rules_of
from jairouter.refusals import StoreUnavailable
from jairouter.reloading.in_force import SIGHUP
from jairouter.reloading.reading import Checked, Reading
from jairouter.steady import keep_steady
from jairouter.store.document import Documents
from jairouter.telemetry.audit.writer import AuditUnusable
from jairouter.telemetry.logs.opening import Logs, has_begun
from jairouter.telemetry.masked_logs import MaskedLogs
from jairouter.turns import shorten_turns
from jairouter.upstream.resolver import SystemResolver
from jairouter.web.listener import CannotListen

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred

    from jairouter.config.settings.sanitization import MaskingSettings
    from jairouter.reloading.beginning import Beginning

DEFAULT_CONFIGURATION = "/etc/jairouter"

SWITCH_INTERVAL: Final = 0.0005
"""Seconds for which a thread may compute before it makes room for another one."""

THRESHOLDS: Final = (2_000, 10, 200)
"""When garbage is looked for among the new, the younger and all objects; see the `gc` module."""

_log = Logger()


class Options(UsageOptions):
    """The command line."""

    synopsis = "[--config FILE_OR_DIRECTORY]... [--profile NAME]..."
    longdesc = "An AI model gateway: one OpenAI-compatible address in front of many model backends."

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[str] = []
        self.profiles: list[str] = []
        self.reading: Reading | None = None
        self.beginning: Beginning | None = None

    def opt_config(self, path: str) -> None:
        """A configuration file or directory; later ones lie over earlier ones. May be given again.

        Without it /etc/jairouter is read, if it exists.
        """
        self.paths.append(path)

    def opt_profile(self, name: str) -> None:
        """A profile, such as prod: application-prod.yml is read too. May be given again."""
        self.profiles += [each.strip() for each in name.split(",") if each.strip()]

    opt_c = opt_config

    def postOptions(self) -> None:
        """Read the configuration, so that its faults end the command before anything starts."""
        try:
            today = time.time  # noqa: TID251 - where it is taken; the gateway is handed it
            self.reading = Reading(self.paths or default_paths(), self.profiles, os.environ, today)
            self.beginning = self.reading.begin()
        except ConfigurationFaults as faults:
            # A UsageError would bury the faults below the list of all options
            raise SystemExit(f"jairouter: the configuration has faults\n{faults}") from None


class GatewayService(MultiService):
    """Runs a gateway under twistd: opens it, and drains it when the process is told to stop.

    SIGTERM and SIGINT are taken over from the reactor, whose own reaction would end twistd with the
    signal's status instead of 0, and without draining. A second signal is an order to hurry.

    SIGHUP has the configuration read again, SIGUSR1 the log files opened anew.

    Args:
        gateway: What is run.
        reactor: Runs it.
        control: Changes its configuration; the notices of the one that it begins with are logged.
        logs: Writes down what is logged.
    """

    def __init__(self, gateway: Gateway, reactor: Any, control: ControlPlane, logs: Logs) -> None:
        super().__init__()
        self.gateway = gateway
        self.logs = logs
        self.control = control
        self._reactor = reactor
        self._opened = self._stopping = False
        self._masked_logs = MaskedLogs(globalLogPublisher, reactor.seconds)
        self._masking: MaskingSettings | None = None
        self._secret = SystemRandom().randbytes(32)  # so that a text keeps its hash
        gateway.listener.setServiceParent(self)

    def privilegedStartService(self) -> None:
        """See `IService.privilegedStartService`; twistd calls it, twist does not."""
        self._open()
        super().privilegedStartService()

    def startService(self) -> None:
        """See `IService.startService`."""
        self._open()
        super().startService()

    def _open(self) -> None:
        if self._opened:
            return
        self._opened = True
        # Not only when the reactor runs: until somebody takes it, this signal ends the process
        signal.signal(signal.SIGHUP, self._reload)
        signal.signal(signal.SIGUSR1, self._reopen)
        if has_begun(globalLogBeginner):
            self._take_over_logs()
        else:  # twist begins to log after services have started
            self._reactor.callWhenRunning(self._take_over_logs)
        _allow_many_descriptors()
        shorten_turns(self._reactor)
        _collect_less_often()
        _switch_often()
        for notice in self.control.configuration.loaded.notices:
            _log.warn("{notice}", notice=notice)
        for door in open_doors(self.control.configuration.loaded.settings):
            if door.startswith(WARNING):
                _log.warn("{told}", told=door.removeprefix(WARNING))
            else:
                _log.info("open door: {door}", door=door)
        if not any(self.gateway.services.values()):
            _log.warn("no instance of any model is configured: every request will be refused")
        try:
            self.gateway.listener.open()
        except CannotListen as error:
            raise SystemExit(f"jairouter: {error}{self._whence()}") from None
        self.gateway.prober.start()
        self.gateway.observing.start()
        self.control.start()
        self._reactor.callWhenRunning(self._take_signals)

    def _take_over_logs(self) -> None:
        counts = self.gateway.observing.log_counts
        counts.dropped = lambda: self.logs.dropped
        # Before they are opened: what is below its level is not logged
        globalLogPublisher.addObserver(counts)
        self.logs.open(globalLogPublisher)
        atexit.register(self.logs.flush)  # the threads that write end with the process, wherever they are
        self._mask_logs()
        self.control.configuration.call_on_change(self._mask_logs)

    def _mask_logs(self) -> None:
        settings = self.control.configuration.loaded.settings.security.sanitization.logs
        if settings != self._masking:
            self._masking = settings
            self._masked_logs.use(rules_of(settings, self._secret) if settings.enabled else None)

    def _whence(self) -> str:
        """Say that a stored change wants it to listen where it cannot: no file would tell."""
        loaded = self.control.configuration.loaded
        origins = {loaded.origins.get(key) for key in ("server.address", "server.port")}
        if not any(origin and origin.source == f"version {loaded.stored}" for origin in origins):
            return ""
        return f"; that is what version {loaded.stored} says; to go back: jairouter rollback 0 --offline"

    def stopService(self) -> Deferred[Any]:
        """See `IService.stopService`."""
        stopped: Deferred[Any] = super().stopService()
        return stopped.addBoth(self._close)

    def _close(self, result: Any) -> Any:
        self.gateway.close()

        def stopped(_: Any) -> Any:
            self.logs.flush()
            atexit.unregister(self.logs.flush)
            return result

        sent = self.gateway.observing.tracing.closed()
        return sent.addBoth(lambda _: self.control.stop()).addBoth(stopped)

    def _take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)

    def _signalled(self, number: int, _frame: object) -> None:
        self._reactor.callFromThread(self._stop, number)

    def _reload(self, _number: int, _frame: object) -> None:
        self._reactor.callFromThread(self.control.reload, SIGHUP)

    def _reopen(self, _number: int, _frame: object) -> None:
        self._reactor.callFromThread(self.logs.reopen)
        self._reactor.callFromThread(self.gateway.security.auditing.reopen)

    def _stop(self, number: int) -> None:
        # Ctrl-C is a person at a terminal: nobody balances load onto that
        drained = self.gateway.listener.drain(at_once=self._stopping or number == signal.SIGINT)
        if not self._stopping:
            self._stopping = True
            drained.addBoth(lambda _: self._reactor.stop())


def default_paths() -> list[str]:
    """Where the configuration is looked for when none is named: where the package puts it."""
    return [DEFAULT_CONFIGURATION] if os.path.isdir(DEFAULT_CONFIGURATION) else []


def makeService(options: Options) -> GatewayService:
    """See `IServiceMaker.makeService`."""
    from twisted.internet import reactor  # noqa: TID251, PLC0415 - the one place that takes it

    if options.beginning is None:
        options.postOptions()
    reading, beginning = options.reading, options.beginning
    assert reading is not None
    assert beginning is not None
    assert isinstance(beginning.loaded, Checked)
    runtime: Any = reactor
    today = time.time  # noqa: TID251 - the one place that takes it
    keep_steady(runtime, today, time.monotonic)  # noqa: TID251 - the one place that takes it

    def run_in_thread(function: Any, *arguments: Any) -> Any:
        return deferToThreadPool(runtime, runtime.getThreadPool(), function, *arguments)

    runtime.installNameResolver(SystemResolver(run_in_thread))
    loaded = beginning.loaded
    store = loaded.settings.store
    directory = None if store.type == "memory" else Path(store.path)
    documents = Documents(directory, run_in_thread, store.lock_timeout, time.sleep)
    try:
        gateway = assemble(
            loaded.settings,
            runtime,
            SystemRandom(),
            run_in_thread,
            loaded.tls,
            today,
            documents,
            loaded.signing,
            development=loaded.development,
        )
    except (AuditUnusable, StoreUnavailable) as error:
        raise SystemExit(f"jairouter: {error}") from None
    control = ControlPlane(gateway, reading, beginning, runtime, run_in_thread, today)
    logs = Logs(loaded.settings, gateway.observing.levels, today, socket.gethostname(), _in_background)
    return GatewayService(gateway, runtime, control, logs)


def _in_background(job: Callable[[], Any]) -> None:
    """Compress old logs, which may take a minute, and is none of the pool's ten threads' business."""
    Thread(target=job, name="log archive", daemon=True).start()


def _collect_less_often() -> None:
    """Spare the garbage collector what will never be garbage.

    Python looks through all objects that survive, again and again; what was loaded until now (modules,
    settings, schemas) is by far most of them and stays for good. See the `gc` module on `freeze`.

    What is made anew, as a configuration is, is looked through in small portions: all threads stand still
    meanwhile, so that a portion is to take no longer than a few requests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


def _switch_often() -> None:
    """Let the reactor go on soon while a thread computes.

    Whenever the reactor has waited for a system call, a thread that is making a configuration goes on for so
    long, and there are some ten calls to a request: with Python's own 5 ms, requests that come meanwhile
    queue up. Where no thread computes, nothing is different.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)


def _allow_many_descriptors() -> None:
    """Raise the soft limit to the hard one: a stream takes two descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
