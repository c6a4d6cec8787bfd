"""The instances as they are now, for the endpoints that show or steer what is live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jairouter.config.finding import find_instance, ids_of, instances_in
from jairouter.config.inheritance import load_balance_for
from jairouter.config.instance_key import text_of
from jairouter.traffic.instance import identity_of
from jairouter.traffic.snapshot import Moment, Named
from jairouter.web.management.schemas import configured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jairouter.config.loader import Loaded
    from jairouter.config.settings.balancing import HealthCheckSettings
    from jairouter.config.settings.model import InstanceSettings
    from jairouter.traffic.instance import Identity, Instance
    from jairouter.web.management.endpoint import Call
    from jairouter.web.management.parts import Parts

NOT_FOUND: Final = ("SERVICE_NOT_FOUND", "INSTANCE_NOT_FOUND")
"""How endpoints refuse that are about one instance."""


@dataclass(frozen=True, slots=True)
class Here:
    """An instance that a call is about.

    Attributes:
        service: Its service.
        id: Its ``instanceId``.
        name: Its model.
        instance: What lives; None while it is inactive.
    """

    service: str
    id: str
    name: str
    instance: Instance | None

    def about(self) -> dict[str, Any]:
        """What replies about it begin with."""
        instance = self.instance
        return {
            "service": self.service,
            "instanceId": self.id,
            "label": None if instance is None else instance.label,
            "name": self.name,
            "status": "inactive" if instance is None else "active" if instance.weight else "draining",
        }


class Present:
    """See the module.

    Args:
        parts: What there is.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._loaded: Loaded | None = None
        self._names: Mapping[Identity, Named] = {}

    def moment(self) -> Moment:
        """Now."""
        return Moment(self._parts.seconds(), self._parts.today())

    def named(self, instance: Instance) -> Named:
        """What the management API calls an instance."""
        # (one that is not configured any more is shown by nobody for long)
        return self._known().get(instance.identity) or Named(instance.label, instance.base_url)

    def service_of(self, call: Call) -> str:
        """The canonical name of the service that a path names.

        Raises:
            InvalidRequest: There is no such kind of service.
            ServiceNotFound: It is not configured.
        """
        return configured(self._parts.configuration.loaded, call)

    def find(self, call: Call) -> Here:
        """The instance that a path names.

        Raises:
            InvalidRequest: There is no such kind of service.
            ServiceNotFound: It is not configured.
            InstanceNotFound: It has no such instance.
            NotPossible: Several are meant.
        """
        service = self.service_of(call)
        found = find_instance(self._parts.configuration.loaded, service, call.path["instanceId"])
        return self._here(service, found.settings, self._live(service))

    def everywhere(self) -> Iterator[Here]:
        """All instances that are configured, those that are inactive too."""
        for service in self.services():
            yield from self.of_service(service)

    def services(self) -> tuple[str, ...]:
        """The canonical names of those that are configured."""
        return tuple(map(str, self._parts.configuration.loaded.settings.model.services))

    def of_service(self, service: str) -> Iterator[Here]:
        """All instances of a service, those that are inactive too."""
        live = self._live(service)
        for each in self._parts.configuration.loaded.settings.model.services[service].instances:
            yield self._here(service, each, live)

    def check_of(self, service: str) -> HealthCheckSettings:
        """How the instances of a service are checked."""
        return load_balance_for(self._parts.configuration.loaded.settings.model, service).health_check

    def health_of(self, instance: Instance) -> dict[str, Any]:
        """What the checks of an instance say."""
        health, moment = instance.live.health, self.moment()
        known = self._parts.prober.checked(instance)
        return {
            "checked": health is not None,
            "up": None if health is None else health.up,
            "since": None if known is None else moment.date(known.since),
            "at": None if known is None else moment.date(known.at),
            "duration": None if known is None else round(known.duration, 6),
            "reason": known.reason or None if known is not None else None,
        }

    def _live(self, service: str) -> Mapping[Identity, Instance]:
        models = self._parts.traffic().services.get(service, {})
        return {each.identity: each for group in models.values() for each in group.instances}

    def _here(self, service: str, settings: InstanceSettings, live: Mapping[Identity, Instance]) -> Here:
        identity = _identity(service, settings)
        return Here(service, self._known()[identity].id, settings.name, live.get(identity))

    def _known(self) -> Mapping[Identity, Named]:
        """What all instances are called; found out once for each configuration, since it takes a while."""
        loaded = self._parts.configuration.loaded
        if loaded is not self._loaded:
            self._loaded, self._names = loaded, dict(_names(loaded))
        return self._names


def _identity(service: str, settings: InstanceSettings) -> Identity:
    return identity_of(service, settings.name, settings.base_url, settings.path, settings.instance_id or "")


def _names(loaded: Loaded) -> Iterator[tuple[Identity, Named]]:
    for service, given in loaded.settings.model.services.items():
        nodes = instances_in(loaded.tree, service)
        ids = ids_of(nodes)
        for index, each in enumerate(given.instances):
            address = text_of(nodes[index], "base-url") or each.base_url
            yield _identity(service, each), Named(ids[index], address)
