"""The composition root: the only module that knows which class does what.

From settings, a reactor and a source of randomness it makes a gateway. Nothing else in the package reaches
for any of the three, so that a whole gateway runs in memory, under a fake clock, from a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from random import Random
from typing import TYPE_CHECKING, Any

from jairouter.adapters.normal import NormalAdapter
from jairouter.config.doors import exposes
from jairouter.filters.fallback import Fallback
from jairouter.filters.forward import Forward
from jairouter.filters.hedge import Hedge
from jairouter.filters.limit import Limit
from jairouter.filters.masking_rules import Maskings
from jairouter.filters.pick import Pick
from jairouter.filters.record import Record
from jairouter.filters.resolve import Groups, Resolve, Services
from jairouter.filters.retry import Retry
from jairouter.filters.sanitize import Tools
from jairouter.filters.timeout import Timeout
from jairouter.filters.validate import Validate
from jairouter.observing import Observing
from jairouter.part_settings import (
    connection_limits,
    drain_times,
    keep_alive,
    name_limits,
    phase_limits,
    pool_limits,
    spool_space,
)
from jairouter.pipeline import Wrap, build
from jairouter.policies import Means, Policies, make_policies
from jairouter.request_body.spool import RunInThread, Spool
from jairouter.security import Means as SecurityMeans
from jairouter.security import Security
from jairouter.store.document import Documents
from jairouter.telemetry.changes import Changes
from jairouter.telemetry.logs.often import Often
from jairouter.telemetry.masking_metrics import MaskingMetrics
from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.serving import Pooled, Serving
from jairouter.telemetry.tls_metrics import TlsMetrics
from jairouter.timers import TimerWheel
from jairouter.traffic.permits import Ledger
from jairouter.upstream.agent import Agent
from jairouter.upstream.names import Names
from jairouter.upstream.prober import Prober
from jairouter.upstream.probes import HttpProbe, TcpProbe
from jairouter.upstream.tls_settings import ReadTls, read_tls
from jairouter.web.actuator import Health, Info
from jairouter.web.client_address import trusted_proxies
from jairouter.web.cors import cors_of
from jairouter.web.data_plane import DataPlane
from jairouter.web.handshakes import Handshakes
from jairouter.web.listener import Listener
from jairouter.web.metrics_page import Prometheus
from jairouter.web.openai import Models
from jairouter.web.request_ids import RequestIds
from jairouter.web.root import build_tree
from jairouter.web.security_headers import headers_for
from jairouter.web.site import GatewaySite

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.web.resource import Resource

    from jairouter.auth.signing import Signing
    from jairouter.config.settings.balancing import HealthCheckSettings
    from jairouter.config.settings.root import Settings
    from jairouter.errors import GatewayError
    from jairouter.interfaces import IProbe, IResponder

SPOOL_IN_MEMORY = 256 * 1024
"""Bytes of a form kept in memory until somebody takes it."""


@dataclass(slots=True)
class Gateway:
    """A gateway, ready to listen.

    Attributes:
        listener: The service to start and stop.
        tree: The resources that it serves.
        health: The page that says how it is.
        site: What it serves.
        agent: The connections to backends.
        prober: Checks the instances, from its `start` on.
        ledger: What is lent out.
        observing: What is known of requests, and of the gateway.
        policies: How traffic is controlled now.
        tls: How connections are secured now, those to backends and those of clients.
        put_to_work: Has requests served under other settings.
        make_policies: Makes other ones, which go on where these stand.
        rehearse: Makes all that other settings ask for, from nothing; what is in force knows nothing of it.
            May be called in a thread.
        security: Knows callers.
    """

    listener: Listener
    tree: Resource
    health: Health
    site: GatewaySite
    agent: Agent
    prober: Prober
    ledger: Ledger
    observing: Observing
    policies: Policies
    tls: ReadTls
    put_to_work: Callable[[Settings, Policies], None]
    make_policies: Callable[[Settings, ReadTls, Policies], Policies]
    rehearse: Callable[[Settings, ReadTls], Policies]
    security: Security

    @property
    def services(self) -> Services:
        """The instances."""
        return self.policies.services

    def reload(
        self,
        settings: Settings,
        tls: ReadTls | None = None,
        signing: Signing | None = None,
        *,
        development: bool = False,
    ) -> None:
        """Serve by other settings from the next request on.

        Requests under way end on the settings they began with. What is known about instances that stay, and
        what limits have counted, goes on. What `server`, `logging` (but for levels), `management` and the
        connections of `webclient` say is read at start only.

        Args:
            settings: All of them.
            tls: What they say about TLS, if it was read already.
            signing: What they say about tokens.
            development: Whether this is no gateway that anybody relies on.

        Raises:
            ConfigurationFaults: A file that they name cannot be read; then nothing has changed.
        """
        tls = tls or read_tls(settings, old=self.tls)
        policies = self.make_policies(settings, tls, self.policies)
        self.security.prepare(settings.security)
        self.security.configure(settings.security, signing, development)
        self.put_to_work(settings, policies)
        self.policies, self.tls = policies, tls
        if tls.listener is not None and self.site.handshakes is not None:
            self.site.handshakes.use(tls.listener)

    def close(self) -> None:
        """Keep nothing any more: checks, connections to backends, lines that are not written yet."""
        self.prober.stop()
        self.agent.close()
        self.observing.stop()


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the gateway is made of, whatever the settings say."""

    settings: Settings
    reactor: Any
    random: Random
    run_in_thread: RunInThread
    wheel: TimerWheel
    ledger: Ledger
    observing: Observing
    today: Callable[[], float]
    maskings: Maskings
    security: Security
    often: Often


def assemble(
    settings: Settings,
    reactor: Any,
    random: Random,
    run_in_thread: RunInThread,
    tls: ReadTls | None = None,
    today: Callable[[], float] | None = None,
    documents: Documents | None = None,
    signing: Signing | None = None,
    *,
    development: bool = False,
) -> Gateway:
    """Make a gateway.

    Args:
        settings: What is configured.
        reactor: Connects, listens, and is the clock.
        random: For everything that is left to chance.
        run_in_thread: For what would block.
        tls: What the settings say about TLS, if it was read already.
        today: Seconds since the epoch, for what others read; by default what the reactor says.
        documents: What outlives the process; by default nothing does.
        signing: What the settings say about tokens.
        development: Whether this is no gateway that anybody relies on.

    Raises:
        AuditUnusable: The record cannot be written.
        StoreUnavailable: Keys, accounts or tokens cannot be read.
    """
    today = today or reactor.seconds
    wheel, ledger, ids = TimerWheel(reactor), Ledger(), RequestIds(random)

    def send(*sent: Any) -> Deferred[Any]:
        return agent.request(*sent)

    # What is left to chance for every request need not be asked of the system, as ids are
    chance = Random(random.getrandbits(128))  # noqa: S311 - there is nothing to guess
    observing = Observing(settings, reactor, wheel, run_in_thread, today, ledger, send, chance)
    knows = SecurityMeans(
        reactor,
        random,
        run_in_thread,
        today,
        observing.registry,
        documents or Documents(None, run_in_thread),
        lambda: agent.dialing,
        ledger,
    )
    security = Security(settings, signing, development, knows)
    parts = _Parts(
        settings,
        reactor,
        random,
        run_in_thread,
        wheel,
        ledger,
        observing,
        today,
        _maskings(settings, wheel, knows, security),
        security,
        Often(wheel.seconds),
    )
    agent, changes = _agent(parts), Changes(observing.metrics.breaker_changed)
    means = Means(chance, reactor.seconds, today, ledger, changes)
    prober = Prober(reactor, chance, partial(_probe, agent), observing.checks.checked)

    def cutting() -> GatewayError | None:
        return data_plane.cutting

    def ready() -> bool:
        return listener.ready

    def policies_of(settings: Settings, tls: ReadTls, old: Policies | None = None) -> Policies:
        return make_policies(settings, tls.instances, means, old)

    def pipeline_of(settings: Settings, policies: Policies) -> IResponder:
        all_recorders = (*observing.recorders_for(settings), *security.recorders(settings.security))
        record = partial(
            Record, recorders=all_recorders, cut=cutting, tracer=observing.tracing.tracer_for(settings)
        )
        return _pipeline(parts, settings, policies, agent, record)

    def rehearse(settings: Settings, tls: ReadTls) -> Policies:
        aside = replace(means, random=Random(0), ledger=Ledger())  # noqa: S311 - nobody is served by it
        made = make_policies(settings, tls.instances, aside)
        security.prepare(settings.security)
        pipeline_of(settings, made)
        return made

    def put_to_work(settings: Settings, policies: Policies) -> None:
        data_plane.pipeline = pipeline_of(settings, policies)
        models.services = policies.services
        prober.watch(policies.checks)
        groups = [each for models in policies.services.values() for each in models.values()]
        agent.keep(instance for group in groups for instance in group.instances)
        observing.configure(settings, policies)
        restrict(settings)

    def restrict(settings: Settings) -> None:
        """What is kept to outside the pipeline."""
        agent.restrict(settings.security.outbound.rules)
        site.cors = cors_of(settings.security.validation.cors)
        site.security_headers = headers_for(settings.security.headers)

    tls = tls or read_tls(settings)
    policies = policies_of(settings, tls)
    prober.watch(policies.checks)
    observing.configure(settings, policies)
    data_plane = DataPlane(
        pipeline_of(settings, policies),
        ledger,
        wheel,
        ids,
        keep_alive(settings),
        routing_headers=settings.server.routing_headers,
    )
    models = Models(policies.services, partial(int, today()), security)
    health, proxies = Health(ready, probes=_probes(settings)), trusted_proxies(settings.server)
    tree = _tree(parts, data_plane, models, health)
    limits, handshakes = connection_limits(settings), _handshakes(parts, tls)
    site = GatewaySite(
        tree, wheel, reactor, limits, ids, observing.metrics.answered, proxies, today, handshakes
    )
    restrict(settings)
    listener = Listener(reactor, site, data_plane, *_place(settings), drain_times(settings))
    gateway = Gateway(
        listener,
        tree,
        health,
        site,
        agent,
        prober,
        ledger,
        observing,
        policies,
        tls,
        put_to_work,
        policies_of,
        rehearse,
        security,
    )
    observing.watch(lambda: gateway.policies, partial(_serving, site, data_plane, agent))
    return gateway


def _serving(site: GatewaySite, data_plane: DataPlane, agent: Agent) -> Serving:
    pools = [Pooled(str(origin), *pool.counts) for origin, pool in agent.pools.items()]
    return Serving(len(site.channels), data_plane.under_way, pools)


def _place(settings: Settings) -> tuple[str, int]:
    """Where to listen."""
    return settings.server.address, settings.server.port


def _maskings(settings: Settings, wheel: TimerWheel, means: SecurityMeans, security: Security) -> Maskings:
    masked = MaskingMetrics(means.registry, Families.of(settings))
    most = settings.webclient.max_in_memory_size
    return Maskings(Tools(wheel, means.run_in_thread, masked, security.audit, most), means.random)


def _handshakes(parts: _Parts, tls: ReadTls) -> Handshakes | None:
    if tls.listener is None:
        return None
    handshakes = Handshakes(tls.listener, parts.wheel.seconds)

    def expires() -> float:
        return handshakes.tls.expires.timestamp()

    observing = parts.observing
    observing.registry.register(TlsMetrics(handshakes.failures, expires, observing.families))
    return handshakes


def _agent(parts: _Parts) -> Agent:
    web, reactor, wheel = parts.settings.webclient, parts.reactor, parts.wheel
    return Agent(
        reactor,
        wheel,
        parts.ledger,
        pool_limits(parts.settings),
        web.connection_timeout,
        Names(lambda: reactor.nameResolver, wheel, name_limits(parts.settings)),
        web.max_response_header_size,
    )


def _probe(agent: Agent, settings: HealthCheckSettings) -> IProbe:
    dialing = replace(agent.dialing, timeout=settings.timeout)
    return TcpProbe(dialing) if settings.type == "tcp" else HttpProbe(dialing, settings.path)


def _pipeline(
    parts: _Parts, settings: Settings, policies: Policies, agent: Agent, record: Wrap
) -> IResponder:
    adapter, clock, ledger = NormalAdapter(), parts.reactor, parts.ledger
    retries, hedges, plans = policies.retries, policies.hedges, policies.fallbacks
    groups = Groups(policies.services, adapter)
    authenticate, charge = parts.security.filters(settings.security)
    return build(
        record=record,
        authenticate=authenticate,
        charge=charge,
        validate=partial(
            Validate,
            max_held=settings.webclient.max_in_memory_size,
            max_size=settings.security.validation.largest,
            max_depth=settings.security.validation.deepest,
            seconds=parts.wheel.seconds,
            new_spool=partial(Spool, SPOOL_IN_MEMORY, parts.run_in_thread, spool_space(settings)),
        ),
        resolve=partial(Resolve, groups=groups),
        limit=partial(Limit, limits=policies.limits, ledger=ledger, clock=clock) if policies.limits else None,
        sanitize=parts.maskings.wrap(settings.security.sanitization),
        fallback=partial(Fallback, plans=plans, group_of=groups.group_of, today=parts.today)
        if plans
        else None,
        retry=partial(Retry, clock=clock, policies=retries) if retries else None,
        hedge=partial(Hedge, clock=clock, policies=hedges) if hedges else None,
        pick=partial(Pick, ledger=ledger, clock=clock),
        timeout=partial(Timeout, wheel=parts.wheel, limits=phase_limits(settings)),
        forward=Forward(
            agent,
            adapter,
            settings.streaming.max_event_size,
            cors=settings.security.validation.cors.on,
            often=parts.often,
            levels=parts.observing.levels,
            tracer=parts.observing.tracing.tracer_for(settings),
        ),
    )


def _tree(parts: _Parts, data_plane: DataPlane, models: Models, health: Health) -> Resource:
    management = parts.settings.management
    pages: dict[str, Resource] = {"health": health, "info": Info(version("jairouter"))}
    if management.endpoint.prometheus.enabled and management.metrics.export.prometheus.enabled:
        pages["prometheus"] = Prometheus(parts.observing.exposition)
    shown = {name: page for name, page in pages.items() if exposes(parts.settings, name)}
    return build_tree(data_plane, models, shown, management.endpoints.web.base_path.rstrip("/"))


def _probes(settings: Settings) -> bool:
    return settings.management.endpoint.health.probes.enabled
