"""How traffic is controlled in a run: some of what can be configured, in values so small that it matters."""

from __future__ import annotations

from random import Random
from typing import Any

from jairouter.config.settings.root import Settings

ROUTES = {
    "chat": "/v1/chat/completions",
    "embedding": "/api/v1/embeddings",
    "tts": "/v1/audio/speech",
    "stt": "/v1/audio/transcriptions",
}
HELD = 300_000
"""Bytes of JSON that the gateway holds; some requests are larger."""

BALANCERS = (
    "random",
    "round-robin",
    "least-connections",
    "least-latency",
    "ip-hash",
    "consistent-hash",
    "prefix-affinity",
)
ALL_CLASSES = ("connect", "reset", "timeout", "429", "5xx")

Configuration = dict[str, Any]
"""The names of the settings' fields, and values: see `texts`."""
Address = tuple[str, int]


class Seconds(float):
    """A length of time, which is written with its unit."""


def texts(value: Any) -> Any:
    """Write values as they stand in a file."""
    if isinstance(value, dict):
        return {name: texts(each) for name, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [texts(each) for each in value]
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}s" if isinstance(value, Seconds) else str(value)


def settings_of(configuration: Configuration) -> Settings:
    """What a loader would make of it, without its cost."""
    return Settings.model_validate(texts(configuration))


def make_configuration(random: Random, used: tuple[Address, ...]) -> Configuration:
    """What a run begins with.

    Args:
        random: The seed's.
        used: The backends that there are.
    """
    server: Configuration = {
        "address": "127.0.0.1",
        "port": 8080,
        "drain": {"delay": Seconds(random.choice((0, 5))), "timeout": Seconds(random.choice((2, 30)))},
    }
    return {
        "server": server,
        "webclient": _webclient(random),
        "streaming": {
            "keep_alive_interval": Seconds(random.choice((0, 2, 15))),
            "keep_alive_before_first_event": Seconds(random.choice((0, 0, 0, 1))),
            "max_event_size": f"{random.choice((1000, 262144))}B",
        },
        "logging": {"access": {"enabled": False}},
        "model": make_model(random, used),
    }


def _webclient(random: Random) -> Configuration:
    pool: Configuration = {
        "max_connections": random.choice((1, 2, 4, 20, 20)),
        "pending_acquire_timeout": Seconds(random.choice((1, 8, 40))),
        "pending_acquire_max": random.choice((1, 1000, 1000, 1000)),
        "max_idle_time": Seconds(random.choice((1, 20))),
        "max_life_time": random.choice((None, Seconds(2))),
    }
    return {
        "connection_timeout": Seconds(random.choice((1, 5))),
        "read_timeout": Seconds(random.choice((6, 20))),
        "write_timeout": Seconds(random.choice((3, 10))),
        "max_in_memory_size": f"{HELD}B",
        "first_byte_timeout": random.choice((None, None, Seconds(30))),
        "total_timeout": random.choice((None, None, None, Seconds(12))),
        "connection_pool": pool,
    }


def make_model(random: Random, used: tuple[Address, ...]) -> Configuration:
    """The services, and what applies to them; each run has but some of what there is."""
    names = ["chat", *(name for name in ("embedding", "tts", "stt") if random.random() < 0.6)]
    wanted = {kind: random.random() < share for kind, share in _SHARES.items()}
    services = {}
    for name in names:
        service: Configuration = {"instances": _instances(random, name, used)}
        service["load_balance"] = _load_balance(random, wanted)
        service["retry"] = _retry(random, wanted)
        if wanted["breaker"]:
            service["circuit_breaker"] = _breaker(random)
        if wanted["limit"] and random.random() < 0.7:
            service["rate_limit"] = make_limit(random)
        if wanted["instance limit"]:
            random.choice(service["instances"])["rate_limit"] = _instance_limit(random)
        if wanted["fallback"]:
            service["fallback"] = _fallback(random, name)
        services[name] = service
    model: Configuration = {"services": services}
    if wanted["global limit"]:
        model["rate_limit"] = make_limit(random)
    return model


_SHARES = {
    "breaker": 0.45,
    "outliers": 0.25,
    "cool-down": 0.5,
    "health": 0.3,
    "hedge": 0.45,
    "limit": 0.4,
    "global limit": 0.15,
    "instance limit": 0.15,
    "fallback": 0.4,
    "retry": 0.7,
}
"""In which share of the runs there is what."""


def _instances(random: Random, service: str, used: tuple[Address, ...]) -> list[Configuration]:
    instances = []
    tiers = random.random() < 0.25
    for model in ("a", "b"):
        for host, port in random.sample(used, random.choice((1, len(used), len(used)))):
            instance: Configuration = {"name": f"{service}-{model}", "base_url": f"http://{host}:{port}"}
            instance["weight"] = random.choice((0, *(1,) * 8, 2, 3, 5))
            if random.random() < 0.3:
                instance["path"] = f"/served{ROUTES[service].removeprefix('/api')}"
            if tiers:
                instance["priority"] = random.choice((0, 0, 1, 2))
            instances.append(instance)
    return instances


def _load_balance(random: Random, wanted: dict[str, bool]) -> Configuration:
    return {
        "type": random.choice(BALANCERS),
        "panic_threshold": random.choice((0, 0, 50)),
        "slow_start": Seconds(random.choice((0, 5))),
        "health_check": {
            "enabled": wanted["health"],
            "type": random.choice(("http", "http", "tcp")),
            "interval": Seconds(random.choice((1, 3, 5))),
            "timeout": Seconds(1),
            "failure_threshold": random.choice((1, 2)),
            "success_threshold": random.choice((1, 2)),
        },
        "outlier_detection": {
            "enabled": wanted["outliers"],
            "consecutive_failures": random.choice((1, 2)),
            "ejection_time": Seconds(3),
            "max_ejection_time": Seconds(8),
            "max_ejection_percent": random.choice((10, 50, 100)),
        },
        "cool_down": {"enabled": wanted["cool-down"], "default": Seconds(1), "max": Seconds(3)},
    }


def _retry(random: Random, wanted: dict[str, bool]) -> Configuration:
    ratio, least, window = random.choice(((0.2, 1, 10), (0.2, 1, 10), (0.1, 0.1, 10), (0, 0.2, 5)))
    return {
        "enabled": wanted["retry"],
        "max_retries": random.choice((1, 1, 2, 2, 5)),
        "on": list(
            random.choice((ALL_CLASSES, ALL_CLASSES, ("connect", "reset"), ("503", "timeout", "429")))
        ),
        "delay": Seconds(random.choice((0, 0.025, 0.5))),
        "max_delay": Seconds(1),
        "timeout": Seconds(random.choice((60, 60, 5))),
        "same_instance": random.random() < 0.2,
        "budget": {"ratio": ratio, "min_per_second": least, "window": Seconds(window)},
        "hedge": {
            "enabled": wanted["hedge"],
            "delay": Seconds(random.choice((0.01, 0.03, 0.3))),
            "max_extra_load": random.choice((0.2, 1, 1, 1)),
        },
    }


def _breaker(random: Random) -> Configuration:
    breaker: Configuration = {
        "enabled": True,
        "failure_threshold": random.choice((1, 2, 3)),
        "success_threshold": random.choice((1, 2)),
        "half_open_trials": random.choice((None, 1, 2)),
        "recovery_timeout": Seconds(random.choice((1, 2, 4))),
    }
    if random.random() < 0.3:
        least, most = Seconds(random.choice((1, 3))), Seconds(6)
        breaker["adaptive_recovery"] = {
            "enabled": True,
            "min_timeout": least,
            "max_timeout": most,
            "backoff_multiplier": 2,
        }
    if random.random() < 0.2:
        breaker["failure_rate_threshold"] = 50
        breaker["statistics"] = {
            "window_size": 6,
            "minimum_requests": 3,
            "sliding_window": random.random() < 0.5,
        }
    return breaker


def make_limit(random: Random) -> Configuration:
    """A limit that a run of some dozen requests reaches."""
    limit = _algorithm(random)
    limit["scope"] = random.choice(("service", "service", "model", "client-ip", "caller", "instance"))
    if random.random() < 0.25:
        limit["client_ip_enable"] = True
        limit["client_ip"] = random.choice(({}, {"capacity": 2, "rate": 0.5}))
    return limit


def _algorithm(random: Random) -> Configuration:
    limit: Configuration = {
        "enabled": True,
        "algorithm": random.choice(("token-bucket", "leaky-bucket", "sliding-window", "concurrency")),
        "capacity": random.choice((1, 2, 5)),
        "rate": random.choice((0.3, 1, 3)),
    }
    if limit["algorithm"] == "leaky-bucket":
        limit["max_wait"] = Seconds(random.choice((1, 4)))
    if limit["algorithm"] == "sliding-window":
        limit["window_size"] = Seconds(random.choice((1, 5)))
        limit["max_requests"] = random.choice((1, 3))
    return limit


def _instance_limit(random: Random) -> Configuration:
    return {**_algorithm(random), "scope": "service"}


def _fallback(random: Random, service: str) -> Configuration:
    fallback: Configuration = {
        "enabled": True,
        "strategy": random.choice(("default", "cache", "cache", "static")),
    }
    if fallback["strategy"] == "static":
        fallback["response"] = STATIC
        fallback["status"] = random.choice((200, 503))
    if fallback["strategy"] == "cache":
        fallback["cache_ttl"] = Seconds(random.choice((3, 20)))
        fallback["cache_size"] = random.choice((1, 100))
    if random.random() < 0.5:
        fallback["models"] = random.choice(({f"{service}-a": [f"{service}-b"]}, {"*": [f"{service}-b"]}))
    return fallback


STATIC = "nobody is here"
