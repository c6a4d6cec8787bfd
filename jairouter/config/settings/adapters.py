"""Settings of dialects that are made from others."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from jairouter.config.addresses import HeaderName, HeaderValue
from jairouter.config.forms import OneOf, Switch, Words
from jairouter.config.frozen import FrozenMapping, NamedBy
from jairouter.config.settings.section import Section

_NONE: FrozenMapping[Any] = FrozenMapping()
KINDS = ("openai-compatible", "ollama-compatible", "extend")


class CapabilitySettings(Section):
    """What backends of a dialect can do; what they cannot is answered with 501."""

    aliases: ClassVar[Mapping[str, str]] = {"stream": "streaming"}

    chat: Switch = False
    """Chat completions."""

    embedding: Switch = False
    """Embeddings."""

    rerank: Switch = False
    """Ranking of documents."""

    tts: Switch = False
    """Speech from text."""

    stt: Switch = False
    """Text from speech."""

    img_gen: Switch = False
    """Making images."""

    img_edit: Switch = False
    """Changing images."""

    streaming: Switch = False
    """Answers event by event."""


class AdapterAuthSettings(Section):
    """How a key is sent to backends of a dialect."""

    header_name: HeaderName = "Authorization"
    """Header that carries the key."""

    header_prefix: Words = "Bearer "
    """What stands before the key in that header."""


class AdapterDefinition(Section):
    """A dialect that is made from another."""

    type: Annotated[str, OneOf(KINDS)] = "openai-compatible"
    """Which dialect it is made from; `extend` means the one named as `parent`."""

    parent: Words | None = None
    """Name of the dialect to start from, with `type: extend`."""

    capabilities: CapabilitySettings = CapabilitySettings()
    auth: AdapterAuthSettings = AdapterAuthSettings()

    additional_headers: NamedBy[HeaderName, HeaderValue] = _NONE
    """Headers that are set on each request."""
