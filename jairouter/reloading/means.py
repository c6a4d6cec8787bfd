"""What `Configuration` works with: everything that it does is done by one of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IReactorTime

    from jairouter.config.files import Sources
    from jairouter.config.loader import Loaded, Stored
    from jairouter.control import Difference, IConfigStore, Rerouted
    from jairouter.reloading.error_rate import ErrorRate

Swap = Callable[[], None]
"""Brings what was prepared into force, in one step."""


@dataclass(frozen=True, slots=True)
class Means:
    """See the module's docstring.

    Attributes:
        store: Keeps versions.
        read: Reads the files. Blocks.
        build: Makes a configuration of files and changes; without them, of the files alone. Blocks for up to
            100 ms. Raises `ConfigurationFaults`.
        prepare: Makes ready what a configuration needs, and leaves alone what is in force. Fails with
            `ConfigurationFaults`. What it fires with may be called, once, or forgotten.
        compare: What is different between two configurations.
        replay: Where recent requests would have gone.
        run_in_thread: For what blocks.
        today: Seconds since the epoch.
        clock: Tells when to look at a change that may be undone; in the seconds of requests.
        rate: How many requests fail.
    """

    store: IConfigStore
    read: Callable[[], Sources]
    build: Callable[[Sources, Stored | None], Loaded]
    prepare: Callable[[Loaded], Deferred[Swap]]
    compare: Callable[[Loaded, Loaded], Sequence[Difference]]
    replay: Callable[[Loaded, Loaded], Deferred[Sequence[Rerouted]]]
    run_in_thread: Callable[..., Deferred[Any]]
    today: Callable[[], float]
    clock: IReactorTime
    rate: ErrorRate
