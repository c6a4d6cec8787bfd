"""Settings of callers that are known by a key."""

from collections.abc import Mapping
from typing import Any, ClassVar

from jairouter.config.addresses import HeaderName
from jairouter.config.forms import Hush, Name, Switch, Words
from jairouter.config.frozen import FrozenMapping, Named
from jairouter.config.numbers import Positive
from jairouter.config.quantities import Seconds
from jairouter.config.settings.section import Section

_NO_WORDS: FrozenMapping[Any] = FrozenMapping()


class KeySettings(Section):
    """One API key."""

    aliases: ClassVar[Mapping[str, str]] = {"name": "key-id", "id": "key-id", "value": "key-value"}

    key_id: Name
    """What the key is called in logs and metrics; never the key itself."""

    key_value: Hush
    """The key."""

    permissions: tuple[Words, ...] = ()
    """What the key may do, as `<resource>:<action>` (`chat:read`, `config:*`) or as one of the
    older words `read`, `write`, `delete`, `admin`."""

    enabled: Switch = True
    """With false, the key is refused."""

    description: Words = ""
    """What the key is for."""

    expires_at: Words | None = None
    """Date and time after which the key is refused, as in `2030-01-31T12:00:00`."""

    metadata: Named[Words] = _NO_WORDS
    """Notes of your own about the key."""


class ApiKeySettings(Section):
    """Callers that are known by a key in a header."""

    aliases: ClassVar[Mapping[str, str]] = {"header": "header-name"}

    enabled: Switch = False
    """Whether a key is asked for."""

    header_name: HeaderName = "X-API-Key"
    """Header that carries the key."""

    keys: tuple[KeySettings, ...] = ()
    """The keys."""

    default_expiration_days: Positive = 365
    """How long a key that is made through the management API is valid, in days."""

    cache_enabled: Switch = True
    """Whether looked-up keys are remembered."""

    cache_expiration_seconds: Seconds = 3600.0
    """How long a looked-up key is remembered."""
