"""Shorter turns of the reactor.

For each socket that is ready Twisted's epoll reactor enters a context in which its old log finds a prefix,
and leaves it again: four calls and a dictionary, about as much as reading the socket. Nothing here logs
that way (twisted.logger has namespaces), so a turn can do without.
"""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.logger import Logger

from jairouter.eager import collector

_log = Logger()


def shorten_turns(reactor: Any) -> None:
    """Let an epoll reactor go to its sockets directly; any other reactor is left as it is."""
    if type(reactor) is not EPollReactor:
        return
    poller, selectables = reactor._poller, reactor._selectables
    read_or_write = reactor._doReadOrWrite

    def do_poll(timeout: float | None) -> None:
        """As `EPollReactor.doPoll`."""
        try:
            ready = poller.poll(-1 if timeout is None else timeout, len(selectables))
        except OSError as error:
            if error.errno == errno.EINTR:
                return
            raise
        collector.collecting = len(ready) > 1
        try:
            for descriptor, event in ready:
                selectable = selectables.get(descriptor)
                if selectable is None:
                    continue  # closed by one that was ready before it
                try:
                    read_or_write(selectable, descriptor, event)
                except KeyboardInterrupt:
                    raise
                except BaseException:
                    _log.failure("a socket's protocol failed")
                if collector.full:
                    collector.flush()
        finally:
            collector.collecting = False
            collector.flush()

    epoll: Any = reactor
    epoll.doPoll = epoll.doIteration = do_poll
