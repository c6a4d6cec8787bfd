"""The values that single parts are made with, as the settings say: a part of the composition root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jairouter.filters.timeout import PhaseLimits
from jairouter.request_body.spool import SpoolSpace
from jairouter.upstream.names import NameLimits
from jairouter.upstream.pool import PoolLimits
from jairouter.web.listener import DrainTimes
from jairouter.web.relay import KeepAlive
from jairouter.web.request_parser import HeadLimits
from jairouter.web.site import ConnectionLimits

if TYPE_CHECKING:
    from jairouter.config.settings.root import Settings

SPOOLS_IN_MEMORY = 64 * 1024 * 1024
"""Bytes of all forms kept in memory until somebody takes them."""


def phase_limits(settings: Settings) -> PhaseLimits:
    """How long each phase of an attempt may take."""
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


def name_limits(settings: Settings) -> NameLimits:
    """How long the addresses of names are remembered."""
    dns = settings.webclient.dns
    return NameLimits(dns.cache_ttl, dns.negative_ttl, dns.max_stale, dns.max_lookups)


def drain_times(settings: Settings) -> DrainTimes:
    """How the gateway stops."""
    drain = settings.server.drain
    return DrainTimes(drain.delay, drain.timeout)


def pool_limits(settings: Settings) -> PoolLimits:
    """How many connections there are to one backend, and for how long."""
    pool = settings.webclient.connection_pool
    return PoolLimits(pool.max_connections, pool.max_idle_time, pool.max_life_time, pool.pending_acquire_max)


def spool_space(settings: Settings) -> SpoolSpace:
    """How much of uploads is put aside."""
    # What would not fit even if it were alone would be told to try again for ever
    disk = max(settings.server.max_spooled_size, settings.security.validation.max_request_size)
    return SpoolSpace(SPOOLS_IN_MEMORY, disk)


def keep_alive(settings: Settings) -> KeepAlive:
    """When silent streams get a comment."""
    streaming = settings.streaming
    return KeepAlive(streaming.keep_alive_interval, streaming.keep_alive_before_first_event)


def connection_limits(settings: Settings) -> ConnectionLimits:
    """What a client may send, and how slowly."""
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
