"""Settings of callers that are known by a key."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Self

from pydantic import model_validator

from jairouter.auth.permissions import UnknownPermission, granted
from jairouter.config.addresses import HeaderName
from jairouter.config.forms import Hidden, Name, Switch, Words
from jairouter.config.frozen import FrozenMapping, Named
from jairouter.config.moments import When
from jairouter.config.networks import Network
from jairouter.config.numbers import Integer, Positive
from jairouter.config.quantities import Seconds
from jairouter.config.secret import Secret
from jairouter.config.settings.section import Section, refuse

LONGEST = 512
"""Characters of the longest key."""

_NO_WORDS: FrozenMapping[Any] = FrozenMapping()
_HASH = "sha256:"

_Value = Annotated[Secret, Hidden(r"[\x21-\x7e]{1,512}", "1 to 512 visible ASCII characters, without spaces")]
_Hash = Annotated[
    Secret, Hidden(rf"{_HASH}[0-9A-Fa-f]{{64}}", "sha256: and the 64 hexadecimal digits of a SHA-256")
]


class KeyTerms(Section):
    """What a key is called, and what whoever holds it may: the same for keys made through the API."""

    key_id: Name
    """What the key is called in logs and metrics; never the key itself."""

    permissions: tuple[Words, ...] = ()
    """What the key may do, as `<resource>:<action>` (`chat:read`, `config:*`) or as one of the
    older words `read`, `write`, `delete`, `admin`."""

    enabled: Switch = True
    """With false, the key is refused."""

    description: Words = ""
    """What the key is for."""

    expires_at: When | None = None
    """From when on the key is refused: a date, which is its beginning, or a date and time, as in
    `2030-01-31T12:00:00`. UTC where no zone is given."""

    requests_per_minute: Positive | None = None
    """Most requests with this key per minute, in the long run."""

    burst: Positive | None = None
    """Most requests with this key in one go, under `requests-per-minute`; that number, where it is not
    given."""

    max_concurrent: Positive | None = None
    """Most requests with this key that are under way at a time, each to the last byte of its answer."""

    requests_per_day: Positive | None = None
    """Most requests with this key on one day, which begins at midnight UTC. Several gateways on one store
    add up what they have counted every half minute."""

    models: tuple[Words, ...] = ()
    """The only models that the key may ask for; `*` stands for any characters. None named means all."""

    allow_from: tuple[Network, ...] = ()
    """Addresses and networks that the key may be used from. None named means from everywhere."""

    metadata: Named[Words] = _NO_WORDS
    """Notes of your own about the key."""

    @model_validator(mode="after")
    def _check_permissions(self) -> Self:
        for index, word in enumerate(self.permissions):
            try:
                granted([word])
            except UnknownPermission as error:
                raise refuse(str(error), "permissions", index) from None
        return self

    @model_validator(mode="after")
    def _check_burst(self) -> Self:
        if self.burst is not None and self.requests_per_minute is None:
            raise refuse("means nothing without requests-per-minute", "burst")
        return self


class KeySettings(KeyTerms):
    """One API key. Either `value` or `value-hash` has to be there."""

    aliases: ClassVar[Mapping[str, str]] = {"name": "key-id", "id": "key-id", "value": "key-value"}

    key_value: _Value | None = None
    """The key."""

    value_hash: _Hash | None = None
    """The key's SHA-256 in its place, after `sha256:`, so that the file need not hold the key in the clear.
    `printf %s "$KEY" | sha256sum` makes it. Only for keys that nobody can guess: at least 32 random
    characters."""

    @property
    def fingerprint(self) -> bytes:
        """The SHA-256 of the key."""
        if self.key_value is not None:
            return sha256(self.key_value.reveal().encode("ascii")).digest()
        assert self.value_hash is not None  # `_check_there_is_one`
        return bytes.fromhex(self.value_hash.reveal().removeprefix(_HASH))

    @model_validator(mode="after")
    def _check_there_is_one(self) -> Self:
        if self.key_value is None and self.value_hash is None:
            raise refuse("needs a value, or a value-hash")
        if self.key_value is not None and self.value_hash is not None:
            raise refuse("value and value-hash are both given; one of them is enough", "value_hash")
        return self


class ApiKeySettings(Section):
    """Callers that are known by a key in a header."""

    aliases: ClassVar[Mapping[str, str]] = {"header": "header-name"}

    enabled: Switch = False
    """Whether a key is asked for."""

    header_name: HeaderName = "X-API-Key"
    """Header that carries the key."""

    keys: tuple[KeySettings, ...] = ()
    """The keys. Others can be made through the management API."""

    default_expiration_days: Annotated[int, Integer(1, 36_500)] = 365
    """How long a key that is made through the management API is valid, in days, where whoever makes it does
    not say."""

    cache_enabled: Switch = True
    """Accepted for compatibility: keys are always held in memory, and what changes counts at once."""

    cache_expiration_seconds: Seconds = 3600.0
    """Accepted for compatibility: see `cache-enabled`."""

    @model_validator(mode="after")
    def _check_keys_differ(self) -> Self:
        names: set[str] = set()
        values: dict[bytes, str] = {}
        for index, key in enumerate(self.keys):
            if key.key_id in names:
                raise refuse(f"two keys are called {key.key_id}", "keys", index, "key_id")
            names.add(key.key_id)
            other = values.setdefault(key.fingerprint, key.key_id)
            if other != key.key_id:
                at = "value_hash" if key.key_value is None else "key_value"
                raise refuse(f"{other} and {key.key_id} have the same value", "keys", index, at)
        return self
