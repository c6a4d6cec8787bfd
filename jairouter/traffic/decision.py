"""A decision in retrospect: where a request went, and why there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jairouter.exchange import Attempt
    from jairouter.traffic.group import Excluded


class Decision(NamedTuple):
    """One request, as far as the choice of its backend is concerned.

    Attributes:
        at: When it came, in the clock's seconds.
        id: Of the request.
        path: The route.
        service: Which service.
        model: What the client asked for, or the model that stood in for it.
        status: What the client got; 499 when it left.
        error: The code of the error that it got, or nothing.
        waited: Seconds for which a limit held it back.
        seconds: From its arrival to the last byte of its answer.
        fallback: Who answered in place of the model, or nothing.
        attempts: In the order in which they began. Each says which instances were excluded and why, how many
            candidates there were, which one was picked, and when it came how far.
        excluded: Where no instance was found in the end, why each could not be used.
    """

    at: float
    id: str
    path: str
    service: str
    model: str
    status: int
    error: str
    waited: float
    seconds: float
    fallback: str
    attempts: Sequence[Attempt]
    excluded: Excluded = ()
