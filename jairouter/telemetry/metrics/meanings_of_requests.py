"""Metrics that are counted when a request is over."""

from __future__ import annotations

from typing import Final

from jairouter.telemetry.metrics.meaning import (
    BUSINESS,
    COUNTER,
    HISTOGRAM,
    INFRASTRUCTURE,
    Meaning,
    counter,
    histogram,
)

_HTTP: Final = ("method", "uri", "status")

REQUESTS: Final = (
    Meaning("http_server_requests", COUNTER, _HTTP, BUSINESS, "Requests answered.", foreign=True),
    Meaning(
        "http_server_requests_seconds",
        HISTOGRAM,
        _HTTP,
        BUSINESS,
        "From a request's head to the last byte of its answer.",
        foreign=True,
    ),
    counter(
        "requests",
        "service method status",
        BUSINESS,
        "Requests for models by how they were answered; 499 for clients that left.",
    ),
    histogram(
        "request_duration_seconds",
        "service method",
        BUSINESS,
        "From the head of a request for a model to the last byte of its answer.",
    ),
    histogram("request_size_bytes", "service", BUSINESS, "Bodies of requests for models."),
    histogram(
        "response_size_bytes", "service", BUSINESS, "Bodies of answers, as far as they were passed on."
    ),
    counter(
        "model_requests",
        "service model status",
        BUSINESS,
        "Requests by the model that was asked last; none for those that came to none.",
    ),
    counter(
        "ratelimit_requests",
        "service",
        BUSINESS,
        "Requests that some limit was asked about; the refused ones too.",
    ),
    counter("ratelimit_rejected", "service", BUSINESS, "Those of them that a limit has refused."),
    counter(
        "rate_limit_events",
        "service algorithm scope result",
        BUSINESS,
        "What limits have said: a request that several let through is one for each of them.",
    ),
    histogram(
        "queue_wait_seconds",
        "service where",
        BUSINESS,
        "For how long requests waited that had to wait: for their turn under a limit, for a connection.",
    ),
    histogram(
        "gateway_overhead_seconds",
        "service",
        BUSINESS,
        "Time that the gateway itself took for a request of one attempt or none, without all waits.",
    ),
    counter(
        "streams_interrupted",
        "service reason",
        BUSINESS,
        "Event streams that began and did not come to their end, by why.",
    ),
    counter("fallbacks", "service kind", BUSINESS, "Answers that were given in place of the model's."),
    histogram(
        "time_to_first_token_seconds",
        "service model",
        BUSINESS,
        "From a request's head to the first token of its event stream.",
    ),
    histogram(
        "time_per_output_token_seconds",
        "service model",
        BUSINESS,
        "From the first token of an event stream to its end, for each further token.",
    ),
    counter(
        "tokens",
        "service model kind source",
        BUSINESS,
        "Tokens, as backends have reported them, or estimated where they did not.",
    ),
)

BACKENDS: Final = (
    counter(
        "backend_calls",
        "service model backend adapter outcome status",
        INFRASTRUCTURE,
        "Attempts at instances by how they ended.",
    ),
    histogram(
        "backend_call_duration_seconds",
        "service model backend",
        INFRASTRUCTURE,
        "From the choice of an instance to the end of its answer.",
    ),
    counter(
        "loadbalancer_selections",
        "service strategy backend",
        INFRASTRUCTURE,
        "How often an instance was chosen.",
    ),
    counter(
        "circuit_breaker_events",
        "service model backend event",
        INFRASTRUCTURE,
        "What circuit breakers have counted, and changes of their states.",
    ),
    counter(
        "circuitbreaker_opened",
        "service model backend",
        INFRASTRUCTURE,
        "How often a circuit breaker has opened.",
    ),
    counter("retries", "service reason", INFRASTRUCTURE, "Further attempts, by what went wrong before."),
    counter(
        "retries_denied",
        "service reason",
        INFRASTRUCTURE,
        "Attempts that failed and were not followed by another one, by why.",
    ),
    counter("hedges", "service result", INFRASTRUCTURE, "Second attempts beside one that took long."),
)
