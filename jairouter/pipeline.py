"""The order of the filters, and why. The order is the design, so it is written once, here.

Outermost first. To the right of a filter stand the ones inside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jairouter.interfaces import IResponder

Wrap = Callable[["IResponder"], "IResponder"]
"""Makes a filter around the responder that it is given."""


def build(
    *,
    record: Wrap,
    authenticate: Wrap | None = None,
    validate: Wrap,
    charge: Wrap | None = None,
    resolve: Wrap,
    limit: Wrap | None,
    sanitize: Wrap | None = None,
    fallback: Wrap | None,
    retry: Wrap | None,
    hedge: Wrap | None,
    pick: Wrap,
    timeout: Wrap,
    forward: IResponder,
) -> IResponder:
    """Put the filters into their order.

    None stands for one that no service has any use for: what is not there takes no time.
    """
    order: tuple[Wrap | None, ...] = (
        record,  # outside all: refusals are counted too
        authenticate,  # outside Limit, which charges whoever asks; nothing is read for those who may not
        validate,  # refuse before anything is spent
        charge,  # outside Resolve: whether a model exists is not for those who may not use it
        resolve,  # what follows needs to know the service and its instances
        limit,  # outside Fallback and Retry: one request costs once, however many attempts it takes
        sanitize,  # inside Limit: a refusal costs nothing; outside Fallback: once, and sees all answers
        fallback,  # outside Retry: only when all attempts failed
        retry,  # what stands inside is done anew for each attempt
        hedge,  # inside Retry: two attempts at a time fail as one
        pick,  # innermost that knows of several instances: an attempt is one instance
        timeout,  # inside Pick: a timeout is the instance's failure, not the client's leaving
    )
    responder = forward
    for wrap in reversed(order):
        if wrap is not None:
            responder = wrap(responder)
    return responder
