"""The side of a running gateway."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from jairouter.command.failures import Refused, Unreachable
from jairouter.command.http import Http
from jairouter.command.side import Answer, Offered, Terms

_CONFIG: Final = "/api/config"
_VERSION: Final = f"{_CONFIG}/version"
_YAML: Final = "application/yaml"
_JSON: Final = "application/json"
_BODY: Final = re.compile(r"the (request|body)(?=:|$)")
"""What the management API calls the place of faults in what was sent to it."""


class RunningGateway:
    """Asks a gateway over its management API; see `Side`.

    Args:
        http: Asks.
    """

    def __init__(self, http: Http) -> None:
        self._http = http
        self.name = f"the gateway at {http.url}"

    def history(self) -> Sequence[Answer]:
        """See `Side.history`."""
        data = self._http.ask("GET", f"{_VERSION}/info")
        listed = data.get("versions") if isinstance(data, Mapping) else data
        if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
            raise self._strange()
        return listed

    def current(self) -> int:
        """See `Side.current`."""
        number = self._http.ask("GET", f"{_VERSION}/current")
        if not isinstance(number, int):
            raise self._strange()
        return number

    def tree(self, number: int, what: str) -> Answer:
        """See `Side.tree`."""
        return self._mapping("GET", f"{_VERSION}/{number}", {"what": what})

    def compare(self, first: int, second: int) -> Answer:
        """See `Side.compare`."""
        return self._mapping("GET", f"{_VERSION}/compare/{first}/{second}")

    def plan(self, offered: Offered | None) -> Answer:
        """See `Side.plan`."""
        return self._offer("plan", offered, {})

    def apply(self, offered: Offered, terms: Terms) -> Answer:
        """See `Side.apply`."""
        return self._offer("apply", offered, _query(terms))

    def rollback(self, number: int, terms: Terms) -> Answer:
        """See `Side.rollback`."""
        return self._mapping("POST", f"{_VERSION}/rollback/{number}", _query(terms))

    def reload(self) -> Answer:
        """See `Side.reload`."""
        return self._mapping("POST", f"{_CONFIG}/reload")

    def _offer(self, verb: str, offered: Offered | None, query: Mapping[str, object]) -> Answer:
        path = f"{_CONFIG}/{verb}"
        if offered is None:
            return self._mapping("POST", path, query)
        mode = "replace" if offered.replace else "merge"
        kind = _JSON if offered.name.endswith(".json") else _YAML
        try:
            return _renamed(
                self._mapping("POST", path, {"mode": mode, **query}, offered.content, kind), offered.name
            )
        except Refused as refused:
            faults = (placed(fault, offered.name) for fault in refused.faults)
            raise Refused(refused.message, faults) from None

    def _mapping(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None = None,
        body: bytes | None = None,
        content_type: str = "",
    ) -> Answer:
        data = self._http.ask(method, path, query, body, content_type)
        if not isinstance(data, Mapping):
            raise self._strange()
        return data

    def _strange(self) -> Unreachable:
        told = "an answer that this command does not understand: is it of the same release?"
        return Unreachable(f"{self.name} gave {told}")


def _query(terms: Terms) -> dict[str, object]:
    within = None
    if terms.undo_within is not None:
        within = f"{terms.undo_within:.3f}".rstrip("0").rstrip(".") + "s"
    return {
        "description": terms.description or None,
        "version": terms.parent,
        "undoWithin": within,
        "undoMargin": terms.undo_margin,
    }


def placed(text: str, name: str) -> str:
    """Call the place of a fault what the user calls the file."""
    found = _BODY.match(text)
    return name + text[found.end() :] if found else text


def _renamed(plan: Answer, name: str) -> Answer:
    """Do the same for the faults of a plan."""
    faults: Any = plan.get("faults")
    if not isinstance(faults, list):
        return plan
    renamed = [
        {**each, "origin": placed(str(each["origin"]), name)} if each.get("origin") else each
        for each in faults
        if isinstance(each, Mapping)
    ]
    return {**plan, "faults": renamed}
