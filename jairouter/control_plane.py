"""The composition root of the control plane: the configuration, its store, the management API.

`jairouter.reloading.reading` is for before there is a gateway; `ControlPlane` is laid around one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from jairouter.actuator_pages import show_actuator
from jairouter.adapters.normal import NormalAdapter
from jairouter.config.loader import Loaded
from jairouter.refusals import NotPossible, Refusal
from jairouter.reloading.audited import audited
from jairouter.reloading.beginning import Beginning
from jairouter.reloading.configuration import Configuration
from jairouter.reloading.difference import differences
from jairouter.reloading.following import Following
from jairouter.reloading.means import Means
from jairouter.reloading.notices import kernel_notices
from jairouter.reloading.reading import Checked, Reading, open_files
from jairouter.reloading.replay import rerouted
from jairouter.store.backups import Backups, backup_directory
from jairouter.store.file import FileStore
from jairouter.store.memory import MemoryStore
from jairouter.store.reading import number_of
from jairouter.telemetry.configuration_metrics import ConfigurationMetrics
from jairouter.telemetry.metrics.families import Families
from jairouter.upstream.tls_settings import ReadTls
from jairouter.web.actuator import Component
from jairouter.web.management import (
    accounts,
    adapters,
    api_keys,
    auditing,
    balancing,
    breakers,
    decisions,
    health,
    instances,
    limiters,
    merging,
    models,
    planning,
    services,
    tokens,
    trace_sampling,
    tracing,
    transfer,
    versions,
    whoami,
)
from jairouter.web.management.access import Access
from jairouter.web.management.keys_accepted import while_accepted
from jairouter.web.management.one_at_a_time import one_at_a_time
from jairouter.web.management.parts import Parts
from jairouter.web.management.root import management_pages
from jairouter.web.management.serving import Service
from jairouter.web.management.token_answers import Guesses
from jairouter.web.management.whoami import Ways
from jairouter.web.root import put

if TYPE_CHECKING:
    from jairouter.assembly import Gateway
    from jairouter.control import Difference, IConfigStore, Rerouted
    from jairouter.policies import Policies
    from jairouter.reloading.means import Swap
    from jairouter.store.backup_directory import BackupDirectory
    from jairouter.store.backups import RunInThread
    from jairouter.web.management.endpoint import Endpoint

REPLAYED: Final = 1000
"""Recent requests that are replayed for a plan."""


class ControlPlane:
    """Everything by which a gateway's configuration changes while it runs.

    Args:
        gateway: The gateway.
        reading: What its configuration was read by.
        beginning: What it was begun with.
        reactor: Runs it.
        run_in_thread: For what blocks.
        today: Seconds since the epoch.

    Attributes:
        configuration: The one in force.
    """

    _log = Logger()

    def __init__(
        self,
        gateway: Gateway,
        reading: Reading,
        beginning: Beginning,
        reactor: Any,
        run_in_thread: RunInThread,
        today: Callable[[], float],
    ) -> None:
        settings = beginning.loaded.settings
        self._gateway, self._reading, self._run_in_thread = gateway, reading, run_in_thread
        files = open_files(settings.store, today)
        store: IConfigStore = (
            MemoryStore(today, settings.store.max_versions)
            if files is None
            else FileStore(files, run_in_thread)
        )
        means = Means(
            store,
            reading.read,
            reading.build,
            self._prepare,
            differences,
            self._replayed,
            run_in_thread,
            today,
            reactor,
            gateway.observing.rate,
        )
        self.configuration = Configuration(means, beginning)
        followed = None if files is None else (settings.store.path, lambda name: number_of(name) is not None)
        self._following = Following(
            self.configuration,
            followed,
            reactor,
            run_in_thread,
            kernel_notices(reactor),
            lambda: gateway.tls.listener,
        )
        self._backups: Backups | None = None
        self._archives: BackupDirectory | None = None
        if files is not None:
            self._archives = backup_directory(settings.store, today)
            if settings.store.file.auto_backup:
                interval = settings.store.file.backup_interval
                self._backups = Backups(reactor, run_in_thread, self._archives, interval, self._files)
                self.configuration.call_on_change(self._backups.changed)
        families = Families.of(settings)
        gateway.observing.registry.register(ConfigurationMetrics(lambda: self.configuration.counts, families))
        self._show(reactor, today)
        self._audited = audited(self.configuration, self._compare, gateway.security.audit)

    def start(self) -> None:
        """Follow what changes outside, and make backups."""
        self._following.start()
        self._gateway.security.start()
        if self._backups is not None:
            self._backups.start()

    def stop(self) -> Deferred[None]:
        """Leave nothing behind. Fires when a backup that is under way is made."""
        self._following.stop()
        self.configuration.close()
        backed_up = succeed(None) if self._backups is None else self._backups.stop()
        return backed_up.addBoth(lambda _: self._gateway.security.stop())

    def reload(self, cause: str) -> None:
        """Read everything again; what comes of it is in the log and on the health page."""
        self.configuration.reload(cause).addErrback(self._not_reloaded)

    def _not_reloaded(self, failure: Any) -> None:
        if not failure.check(Refusal):  # which is logged by whoever refuses
            self._log.failure("reloading failed", failure)

    def _prepare(self, loaded: Loaded) -> Deferred[Swap]:
        """Make everything once without consequence: what could fail, fails here."""
        assert isinstance(loaded, Checked)
        rehearsed: Deferred[Any] = self._run_in_thread(self._gateway.rehearse, loaded.settings, loaded.tls)
        return rehearsed.addCallback(lambda _: partial(self._swap, loaded))

    def _swap(self, loaded: Checked) -> None:
        development = loaded.development
        self._gateway.reload(loaded.settings, loaded.tls, loaded.signing, development=development)
        self._reading.tls = loaded.tls

    def _replayed(self, before: Loaded, after: Loaded) -> Deferred[Sequence[Rerouted]]:
        decisions = self._gateway.observing.decisions
        if decisions is None:
            return succeed(())

        def replay(planned: Policies) -> Sequence[Rerouted]:
            recent = decisions.recent(REPLAYED)
            return rerouted(recent, self._gateway.services, planned.services, NormalAdapter())

        rehearsed = self._run_in_thread(self._gateway.rehearse, after.settings, ReadTls({}, ()))
        return rehearsed.addCallback(replay)

    def _files(self) -> Sequence[Path]:
        return [path for path in self.configuration.loaded.sources.paths if path.is_file()]

    def _show(self, reactor: Any, today: Callable[[], float]) -> None:
        """Put what operators see into the tree."""
        gateway, management = self._gateway, self.configuration.loaded.settings.management
        given = "allow_from" in management.api.model_fields_set
        access = Access(management.api.allow_from, gateway.security, given=given)
        in_thread = one_at_a_time(self._run_in_thread)
        service = Service(access, management.api.max_body_size, today, in_thread)
        gateway.health.components["configuration"] = self._standing
        gateway.health.components["audit"] = self._auditing
        show_actuator(gateway, lambda: self.configuration.loaded, access, service)
        if not management.api.enabled:
            return
        pages = management_pages(self._endpoints(reactor, today), service, _version(), self._ways)
        for path, page in pages.items():
            put(gateway.tree, path, page)

    def _ways(self) -> Ways:
        security = self.configuration.loaded.settings.security
        return Ways(security.on, security.api_key.header_name)

    def _endpoints(self, reactor: Any, today: Callable[[], float]) -> tuple[Endpoint, ...]:
        gateway = self._gateway
        parts = Parts(
            self.configuration,
            lambda: gateway.policies,
            gateway.prober,
            gateway.observing.decisions,
            reactor.seconds,
            today,
        )
        archives = self._archives
        backup = None if archives is None else partial(self._run_in_thread, self._back_up, archives)
        plain = (
            services,
            instances,
            models,
            adapters,
            transfer,
            planning,
            balancing,
            breakers,
            limiters,
            decisions,
            health,
        )
        return (
            *(each for module in plain for each in module.endpoints(parts)),
            *self._security_endpoints(today),
            *tracing.endpoints(gateway.observing.tracing, today),
            *trace_sampling.endpoints(parts, gateway.observing.tracing),
            *versions.endpoints(parts, self._compare),
            *merging.endpoints(parts, backup),
            *whoami.endpoints(),
        )

    def _security_endpoints(self, today: Callable[[], float]) -> Iterator[Endpoint]:
        """Those about keys, tokens, accounts and the record."""
        security = self._gateway.security
        yield from while_accepted(api_keys.endpoints(security.keys), lambda: security.settings.keys_on)
        guessing, seconds = security.guessing, self._gateway.site.wheel.seconds
        guesses = Guesses(
            lambda address: guessing.refusal_of_tokens(address, seconds()),
            lambda address: guessing.failed_token(address, seconds()),
        )
        yield from tokens.endpoints(security.tokens_now, security.accounts.check, today, guesses)
        yield from accounts.endpoints(security.changes)
        yield from auditing.endpoints(security.auditing, self._run_in_thread, today)

    def _auditing(self) -> Component:
        """How it stands with the record, for the health page."""
        standing = self._gateway.security.auditing.standing()
        return Component(standing.status, dict(standing.details))

    def _back_up(self, archives: BackupDirectory) -> str:
        """Make a backup, if anything has changed since the last one. Blocks."""
        made = archives.make(self._files()) or archives.newest
        if made is None:
            raise NotPossible("nothing is stored, so there is nothing to keep")
        return str(made)

    def _compare(self, before: Loaded, after: Loaded) -> Deferred[Sequence[Difference]]:
        return self._run_in_thread(differences, before, after)

    def _standing(self) -> Component:
        """How it stands with the configuration, for the health page."""
        standing, configuration = self.configuration.standing, self.configuration
        details: dict[str, Any] = {
            "version": configuration.version,
            "cause": standing.cause,
            "at": datetime.fromtimestamp(standing.at, UTC).isoformat(timespec="milliseconds"),
        }
        if standing.good:
            return Component("UP", details)
        faults = [str(fault) for fault in standing.faults]
        return Component("DEGRADED", {**details, "reason": standing.reason, "faults": faults})


def _version() -> str:
    return version("jairouter")
