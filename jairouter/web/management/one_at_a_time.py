"""Work in threads for replies: one piece at a time, however many ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock

RunInThread = Callable[..., Deferred[Any]]


def one_at_a_time(run_in_thread: RunInThread) -> RunInThread:
    """The same, but the next piece of work begins when the one before is done.

    Threads compute by turns, and the reactor is one of those that want a turn; and there are only so many
    threads, which find out the addresses of backends as well.

    Args:
        run_in_thread: Runs a piece of work.

    Returns:
        What runs it when its turn has come, unless nobody wants it any more by then.
    """
    lock = DeferredLock()

    def run(function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        waiting: Deferred[Any] = Deferred()  # once cancelled, it takes no notice of what comes later

        def begin() -> Deferred[Any] | None:
            if waiting.called:
                return None
            working = run_in_thread(function, *arguments)
            # (who has left does not end it, so its turn is not over either)
            return working.addCallbacks(waiting.callback, waiting.errback)

        lock.run(begin)
        return waiting

    return run
