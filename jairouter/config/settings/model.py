"""Settings of the services and of the instances behind them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import model_validator

from jairouter.config.addresses import BaseUrl, HeaderName, HeaderValue, RequestPath, ServerName
from jairouter.config.forms import Form, Hush, Name, OneOf, Switch, Unfit, Words
from jairouter.config.frozen import FrozenMapping, NamedBy
from jairouter.config.naming import SERVICES, service_name
from jairouter.config.numbers import Count, Integer
from jairouter.config.quantities import Seconds
from jairouter.config.secret import Secret
from jairouter.config.settings.balancing import LoadBalanceSettings
from jairouter.config.settings.breaking import CircuitBreakerSettings
from jairouter.config.settings.fallback import FallbackSettings
from jairouter.config.settings.limits import RateLimitSettings
from jairouter.config.settings.retrying import RetrySettings
from jairouter.config.settings.section import Inherits, Section, refuse
from jairouter.config.settings.webclient import BackendTlsSettings


@dataclass(frozen=True)
class ServiceName(Form):
    """The name of a service in any of its spellings; kept is the canonical one."""

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return f"a service ({', '.join(SERVICES)})"

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        name = service_name(value) if isinstance(value, str) else None
        if name is None:
            raise Unfit
        return name

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        return {"enum": [name for key, also in SERVICES.items() for name in (key, *also)]}


ServiceType = Annotated[str, ServiceName()]
"""The canonical name of a service: chat, embedding, rerank, tts, stt, imgGen or imgEdit."""


class InstanceTlsSettings(BackendTlsSettings):
    """TLS towards one backend."""

    enabled: Switch = True
    """With false, neither the other keys here nor `webclient.ssl` are used for this instance: the
    system's authorities are trusted, and no certificate is shown."""

    server_name: Annotated[str, ServerName()] | None = None
    """Name, or IP address, that the backend's certificate has to be for, and that the backend is
    told (SNI); not given means the host of `base-url`. For backends that are reached by an address
    that is not in their certificate."""


class InstanceSettings(Section):
    """One backend of a service."""

    aliases: ClassVar[Mapping[str, str]] = {"url": "base-url", "id": "instance-id", "ssl": "tls"}
    keyed: ClassVar[bool] = True

    name: Name
    """What the instance is called; for most backends also the name of the model it serves."""

    base_url: Annotated[str, BaseUrl()]
    """Address of the backend: `http` or `https`, a host name or IP address (IPv6 in brackets),
    perhaps a port and a path. A trailing slash is dropped."""

    path: Annotated[str, RequestPath()] | None = None
    """Path that requests are sent to, below `base-url`; not given means the path that the client
    asked for."""

    weight: Annotated[int, Integer(0, 1_000_000)] = 1
    """Share of the requests, relative to the other instances; 0 sends none."""

    headers: NamedBy[HeaderName, HeaderValue] = FrozenMapping[Secret]()
    """Headers that are set on each request to this backend, such as its API key. Values are never
    shown."""

    enabled: Switch = True
    """With false, the instance gets no requests."""

    status: Annotated[str, OneOf(("active", "inactive", "draining"))] = "active"
    """`inactive` is the same as `enabled: false`. With `draining` it gets no further requests, as with
    `weight: 0`; those under way end, and it is still checked."""

    instance_id: Words | None = None
    """What the instance is called in answers (`X-Jairouter-Instance`) and logs, and its identity among the
    instances of its name: what is known about it stays with it when its address changes. Made up of the
    address when not given."""

    tls: Annotated[InstanceTlsSettings, Inherits()] | None = None
    """TLS towards this backend, with the keys of `webclient.ssl`; what is not given here comes from
    there, if that is enabled. `enabled: false` uses none of it for this backend. Besides there is
    `server-name`: the host name or IP address that the backend's certificate has to be for, and that
    the backend is told (SNI), in place of the host of `base-url`."""

    adapter: Words | None = None
    """Dialect that the backend speaks; not given means the service's."""

    priority: Count = 0
    """Instances with a lower number are preferred."""

    timeout: Seconds | None = None
    """Longest time of one attempt at this instance; 0 or not given means `webclient.total-timeout`."""

    max_retries: Count | None = None
    """Most attempts of a request after one at this instance failed; not given means the service's
    `retry.max-retries`."""

    api_key: Hush | None = None
    """Key that is sent to the backend as its dialect asks for it."""

    rate_limit: Annotated[RateLimitSettings, Inherits()] | None = None
    """Limit of this instance alone; when it is reached, another instance is tried."""

    circuit_breaker: Annotated[CircuitBreakerSettings, Inherits()] | None = None
    """Circuit breaker of this instance; what is not given comes from the service."""

    @property
    def active(self) -> bool:
        """Whether the instance may get requests at all, its weight aside."""
        return self.enabled and self.status != "inactive"

    @model_validator(mode="after")
    def _check_headers(self) -> Self:
        seen: dict[str, str] = {}
        for name in self.headers:
            other = seen.setdefault(name.lower(), name)
            if other != name:
                raise refuse(f"the same header as {other}", "headers", name)
        return self


class ServiceSettings(Section):
    """One service: its instances, and what applies to this service alone."""

    aliases: ClassVar[Mapping[str, str]] = {"load-balancer": "load-balance"}

    adapter: Words | None = None
    """Dialect that the instances speak; not given means `model.adapter`."""

    load_balance: Annotated[LoadBalanceSettings, Inherits()] | None = None
    """Choice of an instance; what is not given comes from `model.load-balance`."""

    rate_limit: Annotated[RateLimitSettings, Inherits()] | None = None
    """Limit of this service; what is not given comes from `model.rate-limit`."""

    circuit_breaker: Annotated[CircuitBreakerSettings, Inherits()] | None = None
    """Circuit breakers of this service's instances; what is not given comes from
    `model.circuit-breaker`."""

    retry: Annotated[RetrySettings, Inherits()] | None = None
    """Further attempts; what is not given comes from `model.retry`."""

    fallback: Annotated[FallbackSettings, Inherits()] | None = None
    """Answer when no instance could; what is not given comes from `model.fallback`."""

    instances: tuple[InstanceSettings, ...] = ()
    """The backends."""

    @property
    def models(self) -> frozenset[str]:
        """The names of its instances, also of those that get no requests now."""
        return frozenset(instance.name for instance in self.instances)

    @model_validator(mode="after")
    def _check_instances(self) -> Self:
        seen: dict[tuple[str, str, str | None], int] = {}
        known: dict[tuple[str, str], int] = {}
        for index, instance in enumerate(self.instances):
            first = seen.setdefault((instance.name, instance.base_url, instance.path), index)
            if first != index:
                told = f"the same name, base-url and path as instances[{first}]"
                raise refuse(told, "instances", index)
            if instance.instance_id:
                named = known.setdefault((instance.name, instance.instance_id), index)
                if named != index:
                    raise refuse(f"the same name and instance-id as instances[{named}]", "instances", index)
        return self


_STATIC = ("enabled", "strategy", "response")
"""What a static answer depends on, from the nearest place that gives it."""


class ModelSettings(Section):
    """The services, and what applies to all of them unless they say otherwise."""

    aliases: ClassVar[Mapping[str, str]] = {"load-balancer": "load-balance"}

    adapter: Words = "normal"
    """Dialect that backends speak: `normal` is OpenAI's own."""

    load_balance: LoadBalanceSettings = LoadBalanceSettings()
    rate_limit: RateLimitSettings = RateLimitSettings()
    circuit_breaker: CircuitBreakerSettings = CircuitBreakerSettings()
    retry: RetrySettings = RetrySettings()
    fallback: FallbackSettings = FallbackSettings()

    services: NamedBy[ServiceType, ServiceSettings] = FrozenMapping[ServiceSettings]()
    """The services by name: `chat`, `embedding`, `rerank`, `tts`, `stt`, `imgGen`, `imgEdit`."""

    @model_validator(mode="after")
    def _check_fallbacks(self) -> Self:
        known = {name: service.models for name, service in self.services.items()}
        for name, service in self.services.items():
            place = ("services", name, "fallback")
            given = service.fallback if service.fallback is not None else FallbackSettings()
            given.check_models(known[name], f"no instance of {name} has this name", *place)
            self._check_response(given, place if service.fallback is not None else ("fallback",))
        everybody = frozenset[str]().union(*known.values())
        self.fallback.check_models(everybody, "no instance has this name", "fallback")
        return self

    def _check_response(self, given: FallbackSettings, place: tuple[str, ...]) -> None:
        near = [given if name in given.model_fields_set else self.fallback for name in _STATIC]
        enabled, strategy, response = (getattr(each, name) for each, name in zip(near, _STATIC, strict=True))
        if enabled and strategy in ("static", "mock") and response is None:
            raise refuse(f"the strategy {strategy} answers with response, which is not given", *place)
