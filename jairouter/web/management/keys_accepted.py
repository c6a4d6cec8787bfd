"""What the endpoints for API keys answer while keys are not accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from jairouter.refusals import Refusal

if TYPE_CHECKING:
    from jairouter.web.management.endpoint import Call, Endpoint


class KeysDisabled(Refusal):
    """Keys are not accepted."""

    status = 409
    code = "API_KEY_DISABLED"


def while_accepted(endpoints: Iterable[Endpoint], accepted: Callable[[], bool]) -> Iterator[Endpoint]:
    """The same endpoints, which refuse as long as keys are not accepted.

    Args:
        endpoints: For keys.
        accepted: Whether they are.
    """
    for endpoint in endpoints:
        answer = partial(_answered, accepted, endpoint.answer)
        yield replace(endpoint, answer=answer, refusals=(*endpoint.refusals, KeysDisabled.code))


def _answered(accepted: Callable[[], bool], answer: Callable[[Call], Any], call: Call) -> Any:
    if not accepted():
        raise KeysDisabled("keys are not accepted: security.api-key.enabled is not true")
    return answer(call)
