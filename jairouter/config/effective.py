"""All values that apply, whoever gave them: what is inherited and what nobody wrote stands where it counts.

This is for people to read. A limit of a service or an instance is only there where it is given, because only
then there is such a limit (see `jairouter.config.inheritance.rate_limit_for`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from jairouter.config.finding import ids_of, instances_in
from jairouter.config.inheritance import OF_SERVICES, adapter_for, circuit_breaker_for, rate_limit_for
from jairouter.config.naming import KeyPath, camel, dotted
from jairouter.config.shape import Group, Leaf, Listing, Member, Naming, Shape
from jairouter.config.shown import shown_value

if TYPE_CHECKING:
    from jairouter.config.loader import Loaded
    from jairouter.config.settings.model import InstanceSettings, ModelSettings, ServiceSettings
    from jairouter.config.settings.section import Section

_Places = tuple[KeyPath, ...]
_SERVICES: Final = ("model", "services")
_STANDING_IN: Final = {
    ("retry", "enabled"): ("load-balance", "failover", "enabled"),
    ("retry", "max-retries"): ("load-balance", "failover", "retry-attempts"),
    ("retry", "delay"): ("load-balance", "failover", "retry-delay"),
    ("circuit-breaker", "recovery-timeout"): ("circuit-breaker", "timeout"),
}
"""Keys of older files that count where others are not given; see `jairouter.config.inheritance`."""


def effective_view(loaded: Loaded, path: KeyPath = (), *, origins: bool = False) -> Any:
    """All values below a place, in camel case; secrets are masked, placeholders shown as written.

    Args:
        loaded: A configuration.
        path: The canonical place; it has to exist.
        origins: Whether each value is shown as ``{"value", "origin"}``.
    """
    shown: Any = _Showing(loaded, origins).section(loaded.settings, ((),))
    for step in path:
        shown = shown[camel(step.replace("-", "_")) if isinstance(step, str) else step]
    return shown


class _Showing:
    """Walks the settings beside the places where each value may have been written, the nearest first."""

    def __init__(self, loaded: Loaded, origins: bool) -> None:
        self._loaded = loaded
        self._model = loaded.settings.model
        self._origins = origins

    def section(
        self, section: Section, places: _Places, further: Mapping[str, _Places] | None = None
    ) -> dict[str, Any]:
        """Show all members of a section.

        Args:
            section: with the values that apply.
            places: where it may have been written.
            further: where else single fields may have been.
        """
        shown = {}
        for member in Group(type(section)).members.values():
            value = getattr(section, member.field)
            if value is not None or (isinstance(member.shape, Leaf) and member.shape.optional):
                outer = (further or {}).get(member.field, ())
                shown[camel(member.field)] = self._member(member, value, (*places, *outer))
        return shown

    def _member(self, member: Member, value: Any, places: _Places) -> Any:
        inner = tuple((*place, member.key) for place in places)
        if inner[0] == _SERVICES:
            return {name: self._service(name, each) for name, each in value.items()}
        if len(inner[0]) == 4 and inner[0][:2] == _SERVICES and member.key == "instances":
            service = str(inner[0][2])
            names = ids_of(instances_in(self._loaded.tree, service))
            pairs = enumerate(zip(value, names, strict=True))
            return [self._instance(service, index, each, name) for index, (each, name) in pairs]
        older = _STANDING_IN.get((str(places[0][-1:] and places[0][-1]), member.key))
        if older is not None:
            inner += tuple((*place[:-1], *older) for place in places)
        return self._value(member.shape, value, inner)

    def _value(self, shape: Shape, value: Any, places: _Places) -> Any:
        match shape:
            case Group():
                return self.section(value, places)
            case Listing():
                return [
                    self._value(shape.item, item, (*((*place, index) for place in places), *places))
                    for index, item in enumerate(value)
                ]
            case Naming():
                assert isinstance(value, Mapping)
                return {
                    name: self._value(shape.value, item, tuple((*place, name) for place in places))
                    for name, item in value.items()
                }
            case Leaf():
                return self._leaf(shape, value, places)

    def _leaf(self, shape: Leaf, value: Any, places: _Places) -> Any:
        keys = [dotted(place) for place in places]
        key = next((key for key in keys if key in self._loaded.origins), "") if value is not None else ""
        raw = self._loaded.placeholders.get(key)
        shown = None if value is None else shown_value(shape, value, raw)
        if not self._origins:
            return shown
        return {"value": shown, "origin": str(self._loaded.origins.get(key, "defaults"))}

    def _service(self, name: str, given: ServiceSettings) -> dict[str, Any]:
        model: ModelSettings = self._model
        fields = {key: member.field for key, member in Group(type(given)).members.items()}
        applies = {fields[key]: effective(model, name) for key, effective in OF_SERVICES.items()}
        if given.rate_limit is not None:
            applies["rate_limit"] = rate_limit_for(model, name)
        return self.section(given.model_copy(update=applies), ((*_SERVICES, name), ("model",)))

    def _instance(self, service: str, index: int, given: InstanceSettings, name: str) -> dict[str, Any]:
        model = self._model
        applies: dict[str, Any] = {
            "adapter": adapter_for(model, service, given),
            "circuit_breaker": circuit_breaker_for(model, service, given),
        }
        if given.rate_limit is not None:
            applies["rate_limit"] = rate_limit_for(model, service, given)
        own, outer = (*_SERVICES, service, "instances", index), ((*_SERVICES, service), ("model",))
        shown = self.section(given.model_copy(update=applies), (own,), {each: outer for each in applies})
        if given.instance_id is None:
            shown["instanceId"] = {"value": name, "origin": "defaults"} if self._origins else name
        return shown
