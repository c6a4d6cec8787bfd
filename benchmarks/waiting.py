"""Waiting for sockets with a timeout that is finer than the milliseconds of `epoll`."""

from __future__ import annotations

import select


def wait(poller: select.epoll, seconds: float | None) -> list[tuple[int, int]]:
    """Return what is ready, after at most `seconds`; None waits until something is.

    `epoll` rounds its timeout up to milliseconds, which is more than what is measured here. `select` takes
    microseconds, and an epoll object is itself something that it can wait for.
    """
    if seconds is None:
        return poller.poll()
    if seconds > 0:
        select.select([poller.fileno()], [], [], seconds)
    return poller.poll(0)
