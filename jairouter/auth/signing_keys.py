"""The keys that the settings name: read, and checked for what makes them worth nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from jairouter.auth.algorithms import (
    CURVES,
    LEAST_BYTES,
    Key,
    Signer,
    Unfit,
    family_of,
    private_signer,
    public_key,
    secret_key,
    secret_signer,
)
from jairouter.auth.pem import private_key_of, public_key_of
from jairouter.config.naming import KeyPath, dotted, kebab
from jairouter.config.weak import weakness

if TYPE_CHECKING:
    from jairouter.config.faults import Findings, Origin
    from jairouter.config.settings.tokens import JwtSettings

T = TypeVar("T")

PLACE: Final[KeyPath] = ("security", "jwt")


class KeyReader:
    """Reads keys, and tells what is wrong with them.

    Args:
        settings: The settings.
        origins: Where each key was written.
        findings: Where faults and notices go.
        development: Whether a secret may be one that can be guessed.
    """

    def __init__(
        self,
        settings: JwtSettings,
        origins: Mapping[str, Origin],
        findings: Findings,
        development: bool,
    ) -> None:
        self._settings = settings
        self._origins = origins
        self._findings = findings
        self._development = development
        self._algorithm = settings.algorithm
        self._symmetric = settings.algorithm in LEAST_BYTES

    def keys(self) -> tuple[Signer | None, dict[str, Key], dict[str, Key]]:
        """What signs, what checks our own tokens, and what checks those of somebody else."""
        self._tell_useless()
        current = self._secret() if self._symmetric else self._pair()
        former = {key.kid: key for key in (*self._former_secrets(), *self._former_public())}
        if current is None:
            return None, {}, {}
        signer, key = current
        keys = {**former, key.kid: key}
        return (signer, keys, {}) if signer is not None else (None, {}, keys)

    def nothing(self) -> None:
        """Say that there is no key at all."""
        needed = "secret" if self._symmetric else "private-key or public-key"
        self.fault("algorithm", text=f"{self._algorithm} needs {needed}, unless there is jwks-url")

    def _tell_useless(self) -> None:
        """Say that keys were given in vain, which look like safety and are none."""
        useless = ("public_key", "private_key") if self._symmetric else ("secret",)
        for name in useless:
            if getattr(self._settings, name):
                self.notice(name, text=f"{dotted(_path(name))} has no effect with {self._algorithm}")

    def _secret(self) -> tuple[Signer | None, Key] | None:
        secret = self._settings.secret
        if not secret:
            return None
        text = secret.reveal()
        if not self._is_good(("secret",), text, LEAST_BYTES[self._algorithm]):
            return None
        return self._try(("secret",), lambda: secret_signer(text.encode("utf-8"), self._algorithm))

    def _pair(self) -> tuple[Signer | None, Key] | None:
        private, public = self._settings.private_key, self._settings.public_key
        allowed = frozenset((self._algorithm,))
        shown = None
        if public:
            shown = self._try(("public_key",), lambda: public_key(self._public(public), allowed))
        if not private:
            return None if shown is None else (None, shown)
        made = self._try(("private_key",), lambda: self._private_signer(private.reveal()))
        if made is None:
            return None
        if shown is not None and shown.kid != made[1].kid:
            self.fault("public_key", text="it does not belong to private-key, which is enough alone")
            return None
        return made

    def _public(self, written: str) -> Any:
        public = public_key_of(written)
        self._check_kind(public)
        return public

    def _private_signer(self, written: str) -> tuple[Signer, Key]:
        private = private_key_of(written)
        self._check_kind(private.public_key())
        return private_signer(private, self._algorithm)

    def _check_kind(self, public: object) -> None:
        if self._algorithm not in family_of(public):
            wanted = "on the curve " + CURVES[self._algorithm] if self._algorithm in CURVES else "for RSA"
            raise Unfit(f"{self._algorithm} needs a key {wanted}")

    def _former_secrets(self) -> Iterator[Key]:
        for index, secret in enumerate(self._settings.previous_secrets):
            at = ("previous_secrets", index)
            data = secret.reveal().encode("utf-8")
            fitting = frozenset(name for name, least in LEAST_BYTES.items() if len(data) >= least)
            if self._symmetric:
                fitting &= {self._algorithm}  # checked with what nobody has signed with: one guess more
            least = LEAST_BYTES[self._algorithm] if self._symmetric else min(LEAST_BYTES.values())
            if self._is_good(at, secret.reveal(), least):
                key = self._try(at, partial(secret_key, data, fitting))
                if key is not None:
                    yield key[0]

    def _former_public(self) -> Iterator[Key]:
        for index, written in enumerate(self._settings.previous_public_keys):
            key = self._try(("previous_public_keys", index), partial(_any_public, written))
            if key is not None:
                yield key

    def _is_good(self, at: tuple[str | int, ...], text: str, least: int) -> bool:
        size = len(text.encode("utf-8", "replace"))
        if size < least:
            self.fault(*at, text=f"it has {size} bytes; {self._needed(least)}")
            return False
        weak = weakness(text)
        if weak is None:
            return True
        told = f"{weak}, and can be guessed; take what `openssl rand -base64 48` prints"
        if self._development:
            self.notice(*at, text=f"{dotted(_path(*at))}: {told}")
        else:
            self.fault(*at, text=told)
        return self._development

    def _needed(self, least: int) -> str:
        name = self._algorithm if self._symmetric else min(LEAST_BYTES)
        return f"{name} needs {least} or more (RFC 7518, section 3.2)"

    def _try(self, at: tuple[str | int, ...], read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Unfit as error:
            self.fault(*at, text=str(error))
            return None

    def read_file(self, name: str) -> None:
        """Tell that a file is read."""
        self._findings.files.append(name)

    def fault(self, *at: str | int, text: str) -> None:
        """Tell what is wrong with a key of the settings."""
        path = _path(*at)
        self._findings.fault(self._origins.get(dotted(path)), path, text)

    def notice(self, *at: str | int, text: str) -> None:
        """Tell what is to be known about a key of the settings."""
        self._findings.notice(self._origins.get(dotted(_path(*at))), text)


def _path(*at: str | int) -> KeyPath:
    return (*PLACE, *(kebab(each) if isinstance(each, str) else each for each in at))


def _any_public(written: str) -> Key:
    public = public_key_of(written)
    return public_key(public, family_of(public))
