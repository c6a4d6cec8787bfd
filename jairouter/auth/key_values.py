"""Values of keys: what makes new ones, and what is kept of one."""

from __future__ import annotations

import re
from hashlib import sha256
from random import Random
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Any, Final

from jairouter.config.secret import Secret
from jairouter.config.settings.api_keys import LONGEST
from jairouter.refusals import AlreadyExists, InvalidRequest

if TYPE_CHECKING:
    from jairouter.auth.keys import KeyRing

SHORTEST: Final = 16
"""Characters of the shortest value that is taken from elsewhere."""

_VALUE: Final = re.compile(rf"[\x21-\x7e]{{{SHORTEST},{LONGEST}}}")
_ALPHABET: Final = ascii_letters + digits
_LENGTH: Final = 32
_HINT: Final = 4


class KeyValues:
    """See the module.

    Args:
        ring: Knows what is kept of a value, and those of the configuration.
        random: New values come from it.
    """

    def __init__(self, ring: KeyRing, random: Random) -> None:
        self._ring = ring
        self._random = random

    def new(self) -> Secret:
        """Another one."""
        return Secret("sk-" + "".join(self._random.choices(_ALPHABET, k=_LENGTH)))

    def kept(self, value: Secret) -> dict[str, Any]:
        """What is kept of a value."""
        text = value.reveal()
        digest = self._ring.digest(sha256(text.encode("ascii")).digest())
        return {"digest": digest.hex(), "hint": text[-_HINT:], "until": None}

    def give(self, name: str, value: str, document: dict[str, Any]) -> None:
        """Give a key a value that comes from elsewhere, in place of those it has.

        Args:
            name: Of the key.
            value: The new one.
            document: See `jairouter.auth.key_edits`; is changed.

        Raises:
            InvalidRequest: Nothing can have this value.
            AlreadyExists: Another key has it.
        """
        if _VALUE.fullmatch(value) is None:
            raise InvalidRequest(f"the value of {name}: expected {SHORTEST} to {LONGEST} visible characters")
        kept = self.kept(Secret(value))
        others = (each for other, each in document["keys"].items() if other != name)
        taken = any(each["digest"] == kept["digest"] for other in others for each in other["values"])
        if taken or self._ring.is_configured_value(bytes.fromhex(kept["digest"])):
            raise AlreadyExists(f"the value of {name} is that of another key")
        document["keys"][name]["values"] = [kept]
