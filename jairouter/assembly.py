"""The composition root: the only module that knows which class does what.

From settings, a reactor and a source of randomness it makes a gateway. Nothing else in the package reaches
for any of the three, so that a whole gateway runs in memory, under a fake clock, from a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from jairouter.adapters.normal import NormalAdapter
from jairouter.filters.fallback import Fallback
from jairouter.filters.fallback_plan import make_plans
from jairouter.filters.forward import Forward
from jairouter.filters.pick import Pick
from jairouter.filters.record import Record
from jairouter.filters.resolve import Resolve, Services
from jairouter.filters.timeout import PhaseLimits, Timeout
from jairouter.filters.validate import Validate
from jairouter.pipeline import Wrap, build
from jairouter.policies import make_services
from jairouter.request_body.spool import RunInThread, Spool, SpoolSpace
from jairouter.telemetry.access_log import AccessLog
from jairouter.telemetry.metrics import LedgerMetrics, RequestMetrics
from jairouter.timers import TimerWheel
from jairouter.traffic.permits import Ledger
from jairouter.upstream.agent import Agent
from jairouter.upstream.names import NameLimits, Names
from jairouter.upstream.pool import PoolLimits
from jairouter.upstream.tls_settings import ReadTls, read_tls
from jairouter.web.actuator import Health, Info, Prometheus
from jairouter.web.data_plane import DataPlane
from jairouter.web.listener import DrainTimes, Listener
from jairouter.web.openai import Models
from jairouter.web.relay import KeepAlive
from jairouter.web.request_ids import RequestIds
from jairouter.web.request_parser import HeadLimits
from jairouter.web.root import build_tree
from jairouter.web.site import ConnectionLimits, GatewaySite

if TYPE_CHECKING:
    from random import Random

    from twisted.web.resource import IResource, Resource

    from jairouter.config.settings.root import Settings
    from jairouter.errors import GatewayError
    from jairouter.interfaces import IRecorder, IResponder

SPOOL_IN_MEMORY = 256 * 1024
"""Bytes of a form kept in memory until somebody takes it."""
SPOOLS_IN_MEMORY = 64 * 1024 * 1024
"""Bytes of all such forms kept in memory."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway, ready to listen.

    Attributes:
        listener: The service to start and stop.
        site: What it serves.
        agent: The connections to backends.
        ledger: What is lent out.
        services: The instances.
        registry: The metrics.
        access_log: One line per request, if that is wanted.
    """

    listener: Listener
    site: GatewaySite
    agent: Agent
    ledger: Ledger
    services: Services
    registry: CollectorRegistry
    access_log: AccessLog | None

    def close(self) -> None:
        """Keep nothing any more: connections to backends, lines that are not written yet."""
        self.agent.close()
        if self.access_log is not None:
            self.access_log.flush()


@dataclass(frozen=True, slots=True)
class _Parts:
    """What both halves of the gateway are made of."""

    settings: Settings
    reactor: Any
    random: Random
    run_in_thread: RunInThread
    wheel: TimerWheel
    ledger: Ledger
    services: Services
    registry: CollectorRegistry


def assemble(
    settings: Settings,
    reactor: Any,
    random: Random,
    run_in_thread: RunInThread,
    tls: ReadTls | None = None,
) -> Gateway:
    """Make a gateway.

    Args:
        settings: What is configured.
        reactor: Connects, listens, and is the clock.
        random: For everything that is left to chance.
        run_in_thread: For what would block.
        tls: What the settings say about TLS, if it was read already.
    """
    wheel, ledger, registry = TimerWheel(reactor), Ledger(), CollectorRegistry()
    services = make_services(settings, random, (tls or read_tls(settings)).instances)
    parts = _Parts(settings, reactor, random, run_in_thread, wheel, ledger, services, registry)
    metrics, ids = _metrics(parts), RequestIds(random)
    access_log = AccessLog(wheel) if settings.logging.access.enabled else None
    recorders: tuple[IRecorder, ...] = (metrics,) if access_log is None else (metrics, access_log)
    agent = _agent(parts)

    def cutting() -> GatewayError | None:
        return data_plane.cutting

    def ready() -> bool:
        return listener.ready

    pipeline = _pipeline(parts, agent, partial(Record, recorders=recorders, cut=cutting))
    data_plane = DataPlane(
        pipeline,
        ledger,
        wheel,
        ids,
        _keep_alive(settings),
        routing_headers=settings.server.routing_headers,
    )
    tree = _tree(parts, data_plane, ready)
    site = GatewaySite(tree, wheel, reactor, _connection_limits(settings), ids, metrics.answered)
    server = settings.server
    times = DrainTimes(server.drain.delay, server.drain.timeout)
    listener = Listener(reactor, site, data_plane, server.address, server.port, times)
    return Gateway(listener, site, agent, ledger, services, registry, access_log)


def _agent(parts: _Parts) -> Agent:
    web, reactor, wheel = parts.settings.webclient, parts.reactor, parts.wheel
    dns = web.dns
    limits = NameLimits(dns.cache_ttl, dns.negative_ttl, dns.max_stale, dns.max_lookups)
    return Agent(
        reactor,
        wheel,
        parts.ledger,
        _pool_limits(parts.settings),
        web.connection_timeout,
        Names(lambda: reactor.nameResolver, wheel, limits),
        web.max_response_header_size,
    )


def _metrics(parts: _Parts) -> RequestMetrics:
    tags = parts.settings.management.metrics.tags
    parts.registry.register(LedgerMetrics(parts.ledger, tags))
    ProcessCollector(registry=parts.registry)
    GCCollector(registry=parts.registry)
    return RequestMetrics(parts.registry, parts.wheel.seconds, tags)


def _pipeline(parts: _Parts, agent: Agent, record: Wrap) -> IResponder:
    settings, adapter = parts.settings, NormalAdapter()
    forward = Forward(agent, adapter, settings.streaming.max_event_size)
    return build(
        record=record,
        validate=partial(
            Validate,
            max_held=settings.webclient.max_in_memory_size,
            max_size=settings.security.validation.max_request_size,
            new_spool=partial(Spool, SPOOL_IN_MEMORY, parts.run_in_thread, _spool_space(settings)),
        ),
        resolve=partial(Resolve, services=parts.services, adapter=adapter),
        fallback=partial(
            Fallback,
            plans=make_plans(settings.model, parts.wheel.seconds),
            group_of=Resolve(forward, parts.services, adapter).group_of,
            today=parts.reactor.seconds,
        ),
        pick=partial(Pick, ledger=parts.ledger, clock=parts.reactor),
        timeout=partial(Timeout, wheel=parts.wheel, limits=_phase_limits(settings)),
        forward=forward,
    )


def _tree(parts: _Parts, data_plane: DataPlane, ready: Callable[[], bool]) -> IResource:
    started = int(parts.reactor.seconds())
    models = Models(parts.services, lambda: started)
    web = parts.settings.management.endpoints.web
    pages: dict[str, Resource] = {
        "health": Health(ready),
        "info": Info(version("jairouter")),
        "prometheus": Prometheus(parts.registry),
    }
    included, excluded = web.exposure.include, web.exposure.exclude
    exposed = {
        name: page
        for name, page in pages.items()
        if (name in included or "*" in included) and name not in excluded and "*" not in excluded
    }
    return build_tree(data_plane, models, exposed, web.base_path)


def _phase_limits(settings: Settings) -> PhaseLimits:
    web = settings.webclient
    return PhaseLimits(
        queued=web.connection_pool.pending_acquire_timeout,
        connect=web.connection_timeout,
        send=web.write_timeout,
        first_byte=web.read_timeout if web.first_byte_timeout is None else web.first_byte_timeout,
        read=web.read_timeout,
        blocked=settings.server.send_timeout,
        total=web.total_timeout,
    )


def _pool_limits(settings: Settings) -> PoolLimits:
    pool = settings.webclient.connection_pool
    return PoolLimits(pool.max_connections, pool.max_idle_time, pool.max_life_time, pool.pending_acquire_max)


def _spool_space(settings: Settings) -> SpoolSpace:
    # What would not fit even if it were alone would be told to try again for ever
    disk = max(settings.server.max_spooled_size, settings.security.validation.max_request_size)
    return SpoolSpace(SPOOLS_IN_MEMORY, disk)


def _keep_alive(settings: Settings) -> KeepAlive:
    streaming = settings.streaming
    return KeepAlive(streaming.keep_alive_interval, streaming.keep_alive_before_first_event)


def _connection_limits(settings: Settings) -> ConnectionLimits:
    server = settings.server
    return ConnectionLimits(
        max_connections=server.max_connections,
        head=HeadLimits(server.max_header_size, server.max_headers, server.max_request_line),
        max_held_body=settings.webclient.max_in_memory_size,
        send_timeout=server.send_timeout,
        header_timeout=server.header_timeout,
        body_timeout=server.body_timeout,
        keep_alive_timeout=server.keep_alive_timeout,
        max_requests=server.max_requests_per_connection,
    )
