"""Pages of the actuator that are not for everybody: what is logged, and what is configured.

They look as those of Spring Boot do: https://docs.spring.io/spring-boot/api/rest/actuator/loggers.html and
https://docs.spring.io/spring-boot/api/rest/actuator/configprops.html.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from twisted.logger import Logger

from jairouter.config.effective import effective_view
from jairouter.config.naming import kebab
from jairouter.config.settings.root import Settings
from jairouter.refusals import InvalidRequest
from jairouter.web.management.endpoint import Call, Endpoint, Later, Parameter, Reply

if TYPE_CHECKING:
    from jairouter.config.loader import Loaded

LEVELS: Final = ("OFF", "ERROR", "WARN", "INFO", "DEBUG", "TRACE")

_TAG: Final = "Actuator"
_ANY: Final = {"type": "object"}
_NAME: Final = Parameter(
    "name",
    "Of a logger: ours, such as `jairouter.web`, one of Java's, or `ROOT`.",
    {"type": "string", "maxLength": 200},
)
_BODY: Final = {
    "type": "object",
    "properties": {"configuredLevel": {"type": ["string", "null"], "maxLength": 10}},
    "additionalProperties": False,
}


class Levels(Protocol):
    """The lowest level that is logged, by logger."""

    def get(self, name: str) -> str | None:
        """The level that was given to exactly this one, or None."""

    def set(self, name: str, level: str | None) -> None:
        """Have it log from another level on; None for what is configured. Raises ValueError."""

    def effective(self, name: str) -> str:
        """The level from which on it logs."""

    def names(self) -> Sequence[str]:
        """Those that are known."""


def endpoints(base: str, levels: Levels, loaded: Callable[[], Loaded]) -> dict[str, tuple[Endpoint, ...]]:
    """What there is, by the name under which it is exposed.

    Args:
        base: What the paths of the actuator begin with.
        levels: What is logged.
        loaded: The configuration in force.
    """
    loggers = _Loggers(levels)
    return {
        "loggers": (
            Endpoint(
                "GET",
                f"{base}/loggers",
                "listLoggers",
                _TAG,
                "Show from which level on each logger logs.",
                loggers.all,
                data=_ANY,
                permission="monitoring:read",
                bare=True,
            ),
            Endpoint(
                "GET",
                f"{base}/loggers/{{name}}",
                "getLogger",
                _TAG,
                "Show from which level on one logger logs.",
                loggers.one,
                parameters=(_NAME,),
                data=_ANY,
                permission="monitoring:read",
                bare=True,
            ),
            Endpoint(
                "POST",
                f"{base}/loggers/{{name}}",
                "setLogger",
                _TAG,
                "Have a logger log from another level on, until the gateway is started anew.",
                loggers.change,
                parameters=(_NAME,),
                body=_BODY,
                status=204,
                permission="monitoring:write",
                bare=True,
                event="LOG_LEVEL_CHANGED",
            ),
        ),
        "configprops": (
            Endpoint(
                "GET",
                f"{base}/configprops",
                "listConfigurationProperties",
                _TAG,
                "Show the configuration in force; secrets are masked.",
                lambda _: Reply(Later(lambda: _properties(loaded()))),
                data=_ANY,
                bare=True,
            ),
        ),
    }


class _Loggers:
    _log = Logger()

    def __init__(self, levels: Levels) -> None:
        self._levels = levels

    def all(self, call: Call) -> Reply:
        loggers = {name: self._shown(name) for name in self._levels.names()}
        return Reply({"levels": LEVELS, "loggers": loggers, "groups": {}})

    def one(self, call: Call) -> Reply:
        return Reply(self._shown(call.path["name"]))

    def change(self, call: Call) -> Reply:
        name, level = call.path["name"], call.member("configuredLevel")
        try:
            self._levels.set(name, level)
        except ValueError as error:
            raise InvalidRequest(f"configuredLevel: {error}") from None
        effective = self._levels.effective(name)
        self._log.warn("{name} logs from {least} on, by {who}", name=name, least=effective, who=call.who)
        return Reply(status=204)

    def _shown(self, name: str) -> dict[str, Any]:
        given, effective = self._levels.get(name), self._levels.effective(name)
        shown = {"effectiveLevel": effective}
        return shown if given is None else {"configuredLevel": given, **shown}


def _properties(loaded: Loaded) -> dict[str, Any]:
    beans = {}
    for field in Settings.model_fields:
        section = effective_view(loaded, (kebab(field),))
        beans[f"jairouter.{kebab(field)}"] = {"prefix": kebab(field), "properties": section, "inputs": {}}
    return {"contexts": {"jairouter": {"beans": beans}}}
