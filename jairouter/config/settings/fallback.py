"""Settings of what is answered when no instance could."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from jairouter.config.forms import OneOf, Switch, Template, Words
from jairouter.config.frozen import FrozenMapping, Named
from jairouter.config.numbers import Count
from jairouter.config.quantities import Millis, SomeBytes
from jairouter.config.settings.section import Section


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
    """`default` answers 503, `cache` the last good answer to the same request, `static` (or `mock`) the
    text of `response`. Whatever it is, it comes after the models named in `models`."""

    models: Named[tuple[Words, ...]] = FrozenMapping[tuple[str, ...]]()
    """Other models of the same service that are asked in their order when no instance of a model could
    answer, by the name of that model; `"*"` is for all that are not named. Applies to JSON requests;
    the answer says which model it came from in `X-Jairouter-Fallback`."""

    cache_size: Count = 100
    """Answers that are remembered per service."""

    cache_ttl: Millis = 300.0
    """How long an answer is remembered; a bare number is milliseconds."""

    cache_max_answer: SomeBytes = 1024 * 1024
    """Largest answer that is remembered."""

    cache_key_generator: Words | None = None
    """Accepted for compatibility: equal requests of one caller share an answer."""

    response: Annotated[str, Template()] | None = None
    """Body of the static answer: a text, or a mapping that is sent as JSON."""
