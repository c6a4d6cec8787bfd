"""``/actuator/metrics`` and ``/actuator/metrics/{name}``: metrics one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger

from jairouter.errors import BadRequest, RouteNotFound
from jairouter.telemetry.metrics.dotted import described, find, shown
from jairouter.web.metrics_page import answer_with
from jairouter.web.resources import Nowhere, Page, refuse, refuse_method, write_page

if TYPE_CHECKING:
    from prometheus_client.core import Metric
    from twisted.python.failure import Failure
    from twisted.web.resource import Resource

    from jairouter.telemetry.metrics.exposition import Exposition

PERMISSION: Final = "monitoring:read"

_LONGEST: Final = 200
"""Characters of a name."""

Use = Callable[[Sequence["Metric"]], "bytes | None"]
"""Makes the page, in a thread; None where there is nothing."""


Admit = Callable[[Any], Any]
"""Lets a request in, at once or by a Deferred; or fails with a `GatewayError`."""


class _Metrics(Page):
    """What both pages have in common."""

    permission = PERMISSION
    _log = Logger()

    def __init__(self, exposition: Exposition, admit: Admit) -> None:
        super().__init__()
        self._exposition = exposition
        self._admit = admit

    def render(self, request: Any) -> int:
        """See `Resource.render`."""
        if request.method not in (b"GET", b"HEAD"):
            return refuse_method(request, b"GET, HEAD")
        admitted = maybeDeferred(self._admit, request)
        return answer_with(request, admitted.addCallback(lambda _: self._answer(request)))

    def _answer(self, request: Any) -> Deferred[None]:
        use = self.use(request)

        def write(page: bytes | None) -> None:
            if page is None:
                refuse(request, RouteNotFound("there is no such metric, or none with these tags"))
            else:
                write_page(request, 200, b"application/json", page)

        reading = self._exposition.read(use)
        reading.addErrback(self._failed)
        return reading.addCallback(write)

    def _failed(self, failure: Failure) -> Failure:
        if not failure.check(CancelledError):
            self._log.failure("metrics cannot be shown", failure)
        return failure

    def use(self, request: Any) -> Use:
        """What is to be made of all metrics.

        Raises:
            BadRequest: It cannot be said.
        """
        raise NotImplementedError


class MetricNames(_Metrics):
    """The names of all metrics. Below it, each has a page of its own.

    Args:
        exposition: Reads them.
        admit: Says who may see them.
    """

    below = ("/{name}",)

    def getChild(self, path: bytes, request: Any) -> Resource:
        """See `Resource.getChild`."""
        if not path:
            return super().getChild(path, request)
        if request.postpath:
            return Nowhere()
        return OneMetric(self._exposition, self._admit, path)

    def use(self, request: Any) -> Use:
        """See `_Metrics.use`."""
        return _names


class OneMetric(_Metrics):
    """One metric.

    Args:
        exposition: Reads it.
        admit: Says who may see it.
        name: Its name, as it was asked for.
    """

    def __init__(self, exposition: Exposition, admit: Admit, name: bytes) -> None:
        super().__init__(exposition, admit)
        self._name = name.decode("utf-8", "replace")[:_LONGEST]

    def use(self, request: Any) -> Use:
        """See `_Metrics.use`."""
        tags = []
        for given in request.args.get(b"tag", ()):
            tag, colon, value = given.decode("utf-8", "replace").partition(":")
            if not tag or not colon:
                raise BadRequest("a tag is asked for as tag=NAME:VALUE", param="tag")
            tags.append((tag, value))
        return partial(_one, self._name, tags)


def _names(families: Sequence[Metric]) -> bytes:
    return _json({"names": sorted(shown(families))})


def _one(name: str, tags: Sequence[tuple[str, str]], families: Sequence[Metric]) -> bytes | None:
    found = find(families, name)
    page = None if found is None else described(found, tags)
    return None if page is None else _json(page)


def _json(page: Any) -> bytes:
    return json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
