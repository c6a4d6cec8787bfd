"""The ways in which a command fails, each with the status that the process ends with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

INTERRUPTED: Final = 130
"""The status after Ctrl-C: 128 and the number of the signal, as shells have it."""

PIPE_CLOSED: Final = 141
"""The status when nobody reads the output any more, likewise."""


class Failure(Exception):
    """What was asked for was not done.

    Args:
        message: Why, in one line; what can be done about it as well, where that is not plain.
        faults: What is wrong with a configuration, a line each, where that is the reason.
    """

    status: ClassVar[int] = 1

    def __init__(self, message: str, faults: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.faults: Sequence[str] = tuple(faults)


class Refused(Failure):
    """It was understood, and cannot or must not be done; nothing has changed."""


class Misused(Failure):
    """The arguments make no sense together."""

    status = 2


class Unreachable(Failure):
    """There is no gateway where one was looked for, or it gives no answer."""

    status = 3


class Denied(Failure):
    """The gateway does not know who asks, or does not allow it."""

    status = 4


class NotTaken(Denied):
    """The gateway does not take what it was shown, or not any more."""


class NoGateway(Unreachable):
    """Nothing listens there."""
