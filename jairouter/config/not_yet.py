"""Which parts of the configuration are accepted but do nothing yet.

This table is all there is about it: a part that begins to work is deleted from here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from jairouter.config.faults import Findings
from jairouter.config.naming import KeyPath, dotted
from jairouter.config.settings.root import Settings
from jairouter.config.shape import Group
from jairouter.config.tree import Members, leaves


def _given(value: object) -> bool:
    return True


def _other_than(*names: str) -> Callable[[object], bool]:
    return lambda value: value not in names


@dataclass(frozen=True)
class NotYet:
    """One part that does nothing yet.

    Attributes:
        places: keys whose being given says that the part is wanted; `*` stands for any one step,
            `**` at the end for any number of steps.
        text: what is said when it is; `{key}` and `{value}` stand for the first such key and its
            value.
        when: for which values of these keys it is said.
        partly: whether the keys themselves do something all the same.
    """

    places: tuple[str, ...]
    text: str = "{key} has no effect yet"
    when: Callable[[Any], bool] = _given
    partly: bool = False


def _levels(key: str) -> tuple[str, ...]:
    """Name a key of the model tree at all levels it can be given."""
    places = ("model", "model.services.*", "model.services.*.instances.*")
    return tuple(f"{place}.{key}" for place in places)


TABLE: Final[tuple[NotYet, ...]] = (
    NotYet(_levels("circuit-breaker.exceptions.**"), "circuit-breaker.exceptions has no effect yet"),
    NotYet(
        _levels("adapter"),
        "adapter {value} has no effect yet: requests and answers are passed on as they are",
        _other_than("normal"),
    ),
    NotYet(("model.services.*.instances.*.api-key",)),
    NotYet(("adapter-definitions.**",), "adapter-definitions has no effect yet"),
    NotYet(
        ("security.sanitization.request.enabled",),
        "security.sanitization.request does not look into forms: uploads for transcriptions, translations "
        "and edits of images are passed on as they are",
        bool,
        partly=True,
    ),
    NotYet(
        (
            "security.sanitization.request.preserve-json-structure",
            "security.sanitization.response.preserve-json-structure",
        ),
        "{key} has no effect: the names of members are never masked",
        lambda value: not value,
    ),
    NotYet(
        ("security.audit.include-request-body", "security.audit.include-response-body"),
        "{key} has no effect: bodies are never recorded",
        bool,
    ),
    NotYet(
        ("store.type",),
        "store.type redis has no effect yet: versions are kept in files",
        lambda value: value == "redis",
    ),
    NotYet(("store.redis.**",), "store.redis has no effect yet"),
    NotYet(("tracing.components.**",), "tracing.components has no effect: a trace has all its spans"),
    NotYet(
        ("tracing.exporter.type",),
        "tracing.exporter.type {value} has no effect: send otlp to it (Jaeger takes that itself, a collector "
        "does for Zipkin), to tracing.exporter.otlp.endpoint http://HOST:4318/v1/traces",
        lambda value: value in {"zipkin", "jaeger"},
        partly=True,
    ),
    NotYet(
        ("tracing.exporter.zipkin.**", "tracing.exporter.jaeger.**"), "{key} has no effect: see type otlp"
    ),
    NotYet(
        ("tracing.logging.include-trace-id", "tracing.logging.include-span-id"),
        "{key} has no effect: logging.pattern says what log lines show",
        lambda value: not value,
        partly=True,
    ),
    NotYet(
        ("tracing.logging.capture-headers", "tracing.logging.sanitize-enabled"),
        "{key} has no effect: headers are never recorded in spans",
    ),
    NotYet(("persistence.enabled",), "persistence has no effect yet", bool),
    NotYet(("call-history.enabled",), "call-history has no effect yet", bool),
    NotYet(("circuit-breaker.monitor.enabled",), when=bool),
    NotYet(("server.compression.enabled",), "server.compression has no effect yet", bool),
)


def tell(settings: Settings, tree: Members, findings: Findings) -> None:
    """Add a notice for each part that is switched on and does nothing yet.

    Args:
        settings: the settings.
        tree: what was given, with canonical keys.
        findings: where notices go.
    """
    told: set[NotYet] = set()
    known: dict[KeyPath, tuple[NotYet, ...]] = {}  # thousands of instances give the same few keys
    for path, scalar in leaves(tree):
        kind = tuple("0" if isinstance(step, int) else step for step in path)
        if kind not in known:
            known[kind] = tuple(row for row in TABLE if _fits_any(row.places, path))
        for row in known[kind]:
            if row not in told and row.when(value := _value(settings, path)):
                # What a placeholder stands for may be a secret, whatever key it was put into
                shown = value if scalar.raw is None else scalar.shown
                findings.notice(scalar.origin, row.text.format(key=dotted(path), value=shown))
                told.add(row)


def is_pending(path: KeyPath) -> bool:
    """Whether a key belongs to a part that does nothing yet; for the reference page."""
    return any(not row.partly and _fits_any(row.places, path) for row in TABLE)


def _fits_any(places: tuple[str, ...], path: KeyPath) -> bool:
    return any(_fits(place.split("."), path) for place in places)


def _fits(pattern: list[str], path: KeyPath) -> bool:
    if pattern[-1] == "**":
        pattern, path = pattern[:-1], path[: len(pattern) - 1]
    return len(pattern) == len(path) and all(
        wanted in {"*", str(step)} for wanted, step in zip(pattern, path, strict=True)
    )


def _value(settings: Settings, path: KeyPath) -> Any:
    """Return the value at a canonical path."""
    value: Any = settings
    for step in path:
        if isinstance(value, (tuple, dict)) or not hasattr(value, "model_fields_set"):
            value = value[step]
        else:
            value = getattr(value, Group(type(value)).members[str(step)].field)
    return value
