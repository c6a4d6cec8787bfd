"""One fault, as it is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


class UnknownFault(ValueError):
    """A specification names a fault, or gives a value, that there is not."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """One fault with its parameters.

    Attributes:
        name: One of `faults.known()`.
        parameters: The values as they were written.
    """

    name: str
    parameters: Mapping[str, str]

    def number(self, parameter: str, default: float) -> float:
        """Return a parameter as a number.

        Raises:
            UnknownFault: If it is written as none.
        """
        try:
            return float(self.parameters.get(parameter, default))
        except ValueError as error:
            raise UnknownFault(f"{self.name}: '{parameter}' must be a number") from error

    def whole_number(self, parameter: str, default: int) -> int:
        """Return a parameter as a whole number; see `number`."""
        return int(self.number(parameter, default))
