"""Which endpoints are at a path.

Fixed parts of a path win over parameters, wherever there are both: ``/api/config/version/current`` is not the
version called ``current``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jairouter.web.management.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class Found:
    """What is at a path.

    Attributes:
        template: As the endpoints write the path, but for the names of parameters, which may differ.
        methods: The endpoints by method.
        values: What stands in place of the parameters, in their order.
    """

    template: str
    methods: Mapping[str, Endpoint]
    values: tuple[bytes, ...]

    @property
    def allowed(self) -> tuple[str, ...]:
        """The methods that are possible, HEAD and OPTIONS among them."""
        head = ("HEAD",) if "GET" in self.methods else ()
        return (*sorted((*self.methods, *head)), "OPTIONS")


@dataclass(slots=True)
class _Step:
    """What can follow a part of a path."""

    fixed: dict[bytes, _Step] = field(default_factory=dict)
    any: _Step | None = None
    methods: dict[str, Endpoint] = field(default_factory=dict)
    template: str = ""


class Paths:
    """All endpoints, by path and method.

    Args:
        endpoints: What there is.

    Raises:
        ValueError: Two of them are the same, have the same name, or name a parameter of no path.
    """

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._root = _Step()
        names: set[str] = set()
        for endpoint in endpoints:
            if endpoint.name in names:
                raise ValueError(f"two endpoints are called {endpoint.name}")
            names.add(endpoint.name)
            self._add(endpoint)

    def _add(self, endpoint: Endpoint) -> None:
        step = self._root
        for part in endpoint.path.strip("/").split("/"):
            if part.startswith("{"):
                step.any = step = step.any or _Step()
            else:
                step = step.fixed.setdefault(part.encode("ascii"), _Step())
        if endpoint.method in step.methods:
            raise ValueError(f"two endpoints are {endpoint.method} {endpoint.path}")
        step.methods[endpoint.method] = endpoint
        step.template = step.template or endpoint.path

    def find(self, parts: Sequence[bytes]) -> Found | None:
        """What is at a path; with or without a slash at its end.

        Args:
            parts: Of the path, each decoded, so that one may hold slashes.
        """
        wanted = tuple(parts[:-1] if parts and not parts[-1] else parts)
        return _find(self._root, wanted, ())


def _find(step: _Step, parts: tuple[bytes, ...], values: tuple[bytes, ...]) -> Found | None:
    if not parts:
        return Found(step.template, step.methods, values) if step.methods else None
    part, rest = parts[0], parts[1:]
    fixed = step.fixed.get(part)
    found = _find(fixed, rest, values) if fixed is not None else None
    if found is None and step.any is not None and part:
        found = _find(step.any, rest, (*values, part))
    return found
