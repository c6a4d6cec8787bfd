"""Metrics that are read off the state of the gateway when somebody asks."""

from __future__ import annotations

from typing import Final

from jairouter.telemetry.metrics.meaning import (
    BUSINESS,
    INFRASTRUCTURE,
    SYSTEM,
    counter,
    gauge,
    histogram,
)

_BACKEND: Final = "service model backend"
_STATE: Final = "Where a circuit breaker stands: 0 closed, 1 open, 2 half-open."

STATE: Final = (
    gauge("circuitbreaker_state", _BACKEND, INFRASTRUCTURE, _STATE),
    gauge("circuit_breaker_state", _BACKEND, INFRASTRUCTURE, f"{_STATE} The same under another name."),
    gauge(
        "backend_health",
        _BACKEND,
        INFRASTRUCTURE,
        "1 if checks find an instance well, else 0; without checks there is none.",
    ),
    gauge("backend_usable", _BACKEND, INFRASTRUCTURE, "1 if an instance may get requests now, else 0."),
    gauge("backend_in_flight", _BACKEND, INFRASTRUCTURE, "Attempts under way at an instance."),
    gauge(
        "model_usable_backends",
        "service model",
        INFRASTRUCTURE,
        "Instances of a model that may get requests now.",
    ),
    counter("health_checks", f"{_BACKEND} result", INFRASTRUCTURE, "Checks of instances by what they found."),
    histogram(
        "health_check_duration_seconds", "service", INFRASTRUCTURE, "How long checks of instances took."
    ),
    gauge("client_connections", "", INFRASTRUCTURE, "Connections of clients that are open."),
    gauge("requests_in_flight", "service", BUSINESS, "Requests for models that are under way."),
    gauge("streams_open", "service", BUSINESS, "Event streams that are under way."),
    gauge("pool_connections", "origin state", INFRASTRUCTURE, "Connections to backends by what they do."),
    gauge("pool_waiting", "origin", INFRASTRUCTURE, "Attempts that wait for a connection."),
    gauge(
        "retry_budget_remaining",
        "service",
        INFRASTRUCTURE,
        "Further attempts that the retry budget would allow now; below 1 it is spent.",
    ),
    gauge("rate_limit_remaining", "service limit", BUSINESS, "Requests that a limit would let through now."),
    gauge(
        "rate_limit_capacity",
        "service limit",
        BUSINESS,
        "Most requests that a limit lets through at once, or in one window.",
    ),
    histogram(
        "event_loop_lag_seconds",
        "",
        SYSTEM,
        "By how much later than asked for the event loop called something.",
    ),
    gauge("ledger_outstanding", "kind", SYSTEM, "What is lent out now, by kind; zero at rest."),
    gauge("build_info", "version python twisted", SYSTEM, "Always 1; the labels say what runs."),
    gauge("start_time_seconds", "", SYSTEM, "When the gateway was started, in seconds since the epoch."),
    counter("log_lines_dropped", "", SYSTEM, "Log lines that could not be written in time and are lost."),
)
