"""Which requests are traced: ``/api/tracing/sampling``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from jairouter.config.edits import merge
from jairouter.config.effective import effective_view
from jairouter.config.settings.tracing import TraceSamplingSettings
from jairouter.web.management.changing import CHANGING, REFUSALS, change, replied
from jairouter.web.management.endpoint import CHANGED, Endpoint, Later, Reply
from jairouter.web.management.live_schemas import COUNT, FLAG, TEXT, exactly, told
from jairouter.web.management.schemas import OBJECT, body_of
from jairouter.web.management.tracing import READ, TAG

if TYPE_CHECKING:
    from jairouter.telemetry.tracing.tracing import Tracing
    from jairouter.web.management.endpoint import Call
    from jairouter.web.management.parts import Parts

WRITE: Final = "tracing:write"
_SAMPLING: Final = "/api/tracing/sampling"
_SAMPLED: Final = exactly(
    strategy=TEXT,
    ratio=told({"type": "number"}, "The share of requests of which nothing else is said, as it is now."),
    adaptive=FLAG,
    sampled=COUNT,
    notSampled=COUNT,
    spans=told(COUNT, "That were made."),
)


class _Sampling:
    def __init__(self, parts: Parts, tracing: Tracing) -> None:
        self._parts, self._tracing = parts, tracing

    def get(self, call: Call) -> Reply:
        configuration = self._parts.configuration
        view = partial(effective_view, configuration.loaded, ("tracing", "sampling"))
        return Reply(Later(view), version=configuration.version)

    async def put(self, call: Call) -> Reply:
        done = "Changed which requests are traced"
        edit = merge({"tracing": {"sampling": call.body}})
        return replied(await change(self._parts, call, edit, "update-sampling", done), done)

    def statistics(self, call: Call) -> Reply:
        tracer, now = self._tracing.tracer, self._parts.configuration.loaded.settings.tracing.sampling
        return Reply(
            {
                "strategy": now.strategy,
                "ratio": tracer.ratio,
                "adaptive": now.adaptive.enabled or now.strategy == "adaptive",
                "sampled": tracer.sampled,
                "notSampled": tracer.not_sampled,
                "spans": tracer.recorded,
            }
        )


def endpoints(parts: Parts, tracing: Tracing) -> tuple[Endpoint, ...]:
    """What can be asked about sampling, and how it is changed.

    Args:
        parts: What endpoints work on.
        tracing: Traces.
    """
    sampling, path = _Sampling(parts, tracing), _SAMPLING + "/config"
    body = {**body_of(TraceSamplingSettings, "Sampling"), "type": "object"}
    return (
        Endpoint(
            "GET",
            path,
            "getSampling",
            TAG,
            "Show which requests are traced",
            sampling.get,
            data=OBJECT,
            permission=READ,
        ),
        Endpoint(
            "PUT",
            path,
            "updateSampling",
            TAG,
            "Change which requests are traced",
            sampling.put,
            "What the body does not name stays; a list is replaced. It makes a version, as each change does.",
            CHANGING,
            body,
            data=CHANGED,
            refusals=REFUSALS,
            permission=WRITE,
        ),
        Endpoint(
            "GET",
            _SAMPLING + "/statistics",
            "getSamplingStatistics",
            TAG,
            "How many requests were traced, and how many were not",
            sampling.statistics,
            data=_SAMPLED,
            permission=READ,
        ),
    )
