"""Settings of the endpoints that operators and monitoring use."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, ClassVar

from jairouter.config.forms import OneOf, Switch, Text, Words
from jairouter.config.frozen import FrozenMapping, NamedBy
from jairouter.config.networks import Network
from jairouter.config.quantities import Seconds, SomeBytes
from jairouter.config.settings.section import Section

_NONE: FrozenMapping[Any] = FrozenMapping()
_Show = Annotated[str, OneOf(("never", "when-authorized", "always"))]


class ExposureSettings(Section):
    """Which endpoints can be reached."""

    short_form: ClassVar[str | None] = "include"

    include: tuple[Words, ...] = ("health", "info", "metrics", "prometheus")
    """Endpoints that can be reached, as a list or with commas between; `*` for all."""

    exclude: tuple[Words, ...] = ()
    """Endpoints that cannot be reached although `include` names them."""


class WebEndpointSettings(Section):
    """Endpoints over HTTP."""

    base_path: Annotated[
        str,
        Text(r"(/[A-Za-z0-9\-._~]+)*/?", 'a path that begins with "/", such as /actuator'),
    ] = "/actuator"
    """What the paths of all endpoints begin with."""

    exposure: ExposureSettings = ExposureSettings()


class EndpointsSettings(Section):
    """Which endpoints there are."""

    web: WebEndpointSettings = WebEndpointSettings()


class ProbeSettings(Section):
    """Endpoints for orchestrators."""

    enabled: Switch = True
    """Whether `health/liveness` and `health/readiness` are answered."""


class HealthEndpointSettings(Section):
    """The health endpoint."""

    show_details: _Show = "never"
    """Who sees details, and so the parts: nobody; with `when-authorized`, callers with `monitoring:read`, or
    where nobody has to say who they are, those who may use the management API; or everybody."""

    show_components: _Show = "always"
    """Who sees the parts and their states, and so `health/NAME` for each of them; likewise."""

    probes: ProbeSettings = ProbeSettings()


class EndpointCacheSettings(Section):
    """How long an answer is used again."""

    time_to_live: Seconds = 0.0
    """How long an answer is used again; 0 makes each answer anew."""


class PrometheusEndpointSettings(Section):
    """The endpoint that Prometheus reads."""

    enabled: Switch = True
    """Whether the endpoint answers."""

    cache: EndpointCacheSettings = EndpointCacheSettings()


class EndpointSettings(Section):
    """Details of single endpoints."""

    health: HealthEndpointSettings = HealthEndpointSettings()
    prometheus: PrometheusEndpointSettings = PrometheusEndpointSettings()


class PrometheusExportSettings(Section):
    """How metrics are given to Prometheus."""

    enabled: Switch = True
    """Whether metrics can be read."""

    descriptions: Switch = True
    """Whether each metric comes with its description."""

    step: Seconds = 60.0
    """Accepted for compatibility: metrics are counted exactly, not per step."""


class MetricsExportSettings(Section):
    """To whom metrics are given."""

    prometheus: PrometheusExportSettings = PrometheusExportSettings()


_LabelName = Annotated[
    str,
    Text(
        "(?!(method|uri|status|service|model|backend|outcome|kind|le)$|__)[a-zA-Z_][a-zA-Z0-9_]*",
        "a label name (letters, digits and _) that no metric has of its own",
    ),
]


class MetricsSettings(Section):
    """Metrics in general."""

    tags: NamedBy[_LabelName, Words] = _NONE
    """Labels that every metric carries."""

    export: MetricsExportSettings = MetricsExportSettings()


_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


class ApiSettings(Section):
    """The management API below `/api`, by which the configuration is changed."""

    enabled: Switch = True
    """Whether it answers."""

    allow_from: tuple[Network, ...] = _LOOPBACK
    """Addresses and networks of the clients that may use it; by default this machine alone with security
    off, and everywhere with security on, where callers need a permission in any case. Where a proxy stands
    in front on this machine, its clients are told apart only if it is one of
    `server.forward-headers.trusted-proxies`."""

    max_body_size: SomeBytes = 4 * 1024 * 1024
    """Largest body of a request to it."""


class ManagementSettings(Section):
    """The endpoints that operators and monitoring use."""

    aliases: ClassVar[Mapping[str, str]] = {"prometheus.metrics.export": "metrics.export.prometheus"}

    endpoints: EndpointsSettings = EndpointsSettings()
    endpoint: EndpointSettings = EndpointSettings()
    metrics: MetricsSettings = MetricsSettings()
    api: ApiSettings = ApiSettings()
