"""Settings of what is answered when no instance could."""

from collections.abc import Collection, Mapping
from typing import Annotated, ClassVar

from jairouter.config.forms import OneOf, Switch, Template, Words
from jairouter.config.frozen import FrozenMapping, Named
from jairouter.config.numbers import Count, Integer
from jairouter.config.quantities import Millis, SomeBytes
from jairouter.config.settings.section import Section, refuse


class FallbackSettings(Section):
    """What is answered when no instance could answer."""

    aliases: ClassVar[Mapping[str, str]] = {
        "type": "strategy",
        "cache.size": "cache-size",
        "cache.ttl": "cache-ttl",
        "cache.key-generator": "cache-key-generator",
    }

    enabled: Switch = False
    """Whether there is an answer other than the error itself."""

    strategy: Annotated[str, OneOf(("default", "cache", "static", "mock"))] = "default"
    """`default` answers 503, `cache` the last good answer to the same request of the same caller, `static`
    (or `mock`) what `response` says. Whatever it is, it comes after the models named in `models`. The
    answer says where it came from in `X-Jairouter-Fallback`: `model:NAME`, `cache`, `static` or
    `default`. A 429 is only replaced by another model or from the cache."""

    models: Named[tuple[Words, ...]] = FrozenMapping[tuple[str, ...]]()
    """Other models of the same service that are asked in their order when no instance of a model could
    answer, by the name of that model; `"*"` is for all that are not named. Applies to JSON requests."""

    cache_size: Count = 100
    """Answers that are remembered per service; together they take no more than 64 MB. Only complete ones
    with status 2xx are, streams too."""

    cache_ttl: Millis = 300.0
    """How long an answer is remembered; a bare number is milliseconds."""

    cache_max_answer: SomeBytes = 1024 * 1024
    """Largest answer that is remembered."""

    cache_key_generator: Words | None = None
    """Accepted for compatibility: equal requests of one caller share an answer."""

    response: Annotated[str, Template()] | None = None
    """Body of the static answer: a text, or a mapping that is sent as JSON. A client that asked for a stream
    gets it as one event if it is a completion (with `choices`); else it gets the error, unless `status`
    is one."""

    status: Annotated[int, Integer(200, 599)] = 200
    """Status of the static answer."""

    def check_models(self, known: Collection[str], told: str, *place: str) -> None:
        """Refuse models that nobody could ask.

        Args:
            known: the names that there are; with none at all, they are yet to come.
            told: what is said of a name that is not among them.
            place: where this section stands.
        """
        for model, others in self.models.items() if known else ():
            if model != "*" and model not in known:
                raise refuse(told, *place, "models", model)
            for index, other in enumerate(others):
                if other not in known:
                    raise refuse(f"{told}: {other!r}", *place, "models", model, index)
