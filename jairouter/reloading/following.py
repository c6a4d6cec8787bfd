"""Follows what changes outside: files, certificates, and the versions that other processes store."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed

from jairouter.config.profiles import STEMS, SUFFIXES
from jairouter.refusals import InvalidConfiguration, Refusal, StoreUnavailable
from jairouter.reloading.in_force import FILES_CHANGED
from jairouter.reloading.watch import Watch

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from jairouter.config.settings.state import ConfigReloadSettings
    from jairouter.control import Changed
    from jairouter.reloading.configuration import Configuration
    from jairouter.reloading.notices import OpenNotices
    from jairouter.tls.listener import ListenerTls


class Following:
    """Has changes brought into force as `config.reload` says.

    Args:
        configuration: Is told to.
        store: The directory of the store, and which names in it are versions; None if others cannot add any.
        clock: Runs this.
        run_in_thread: For what blocks.
        open_notices: Where notices of changes come from.
        certificates: What the listener shows, and where it was read.
    """

    def __init__(
        self,
        configuration: Configuration,
        store: tuple[str | Path, Callable[[str], bool]] | None,
        clock: IReactorTime,
        run_in_thread: Callable[..., Deferred[Any]],
        open_notices: OpenNotices,
        certificates: Callable[[], ListenerTls | None] = lambda: None,
    ) -> None:
        self._configuration = configuration
        self._clock = clock
        self._run_in_thread = run_in_thread
        self._open = open_notices
        self._running = False
        self._refused_over: int | None = None  # files were refused over the changes of this version
        self._named: Sequence[Path] = ()  # what these name, and was read for them
        self._listener = certificates
        self._certificates: Watch | None = None
        self._files: Watch | None = None
        self._store: Watch | None = None
        self._store_paths: Sequence[str | Path] = ()
        if store is not None:
            self._store_paths = (store[0],)
            self._store = self._watch(self._store_paths, store[1], self._stored)

    def start(self) -> None:
        """Begin."""
        self._running = True
        self._configuration.call_on_change(self._adapt)
        if self._store is not None:
            self._store.start()
        self._adapt()

    def stop(self) -> None:
        """Leave nothing behind."""
        self._running = False
        for watch in (self._files, self._store, self._certificates):
            if watch is not None:
                watch.stop()
        self._files = self._certificates = None

    @property
    def _settings(self) -> ConfigReloadSettings:
        return self._configuration.loaded.settings.config.reload

    @property
    def _paths(self) -> Sequence[Path]:
        """Where the files in force are, those that were read last and are no good, and what these name."""
        configuration = self._configuration
        paths = *configuration.loaded.sources.paths, *configuration.read.paths, *self._named
        return tuple(dict.fromkeys(paths))

    def _watch(
        self,
        paths: Sequence[str | Path],
        counts: Callable[[str], bool],
        changed: Callable[[], Deferred[bool]],
    ) -> Watch:
        times = self._settings.debounce, self._settings.interval
        return Watch(paths, counts, changed, self._clock, self._run_in_thread, self._open, *times)

    def _adapt(self) -> None:
        """Perhaps something else is to be watched, or for how long."""
        if not self._running:
            return
        times = self._settings.debounce, self._settings.interval
        if self._store is not None:
            self._store.adapt(self._store_paths, *times)
        self._adapt_certificates(*times)
        if not self._settings.watch:
            if self._files is not None:
                self._files.stop()
                self._files = None
        elif self._files is None:
            self._files = self._watch(self._paths, is_configuration, self._written)
            self._files.start()
        else:
            self._files.adapt(self._paths, *times)
            if self._refused_over not in {None, self._configuration.version}:
                self._refused_over = None
                self._files.again()  # they may fit this one

    def _adapt_certificates(self, debounce: float, interval: float) -> None:
        listener = self._listener()
        if listener is not None:
            if self._certificates is None:
                self._certificates = self._watch(listener.files, lambda _: False, self._renewed)
                self._certificates.start()
            else:
                self._certificates.adapt(listener.files, debounce, interval)

    def _renewed(self) -> Deferred[bool]:
        listener = self._listener()
        if listener is None:
            return succeed(True)
        differ: Deferred[bool] = self._run_in_thread(listener.files_differ)
        return differ.addCallback(self._renew)

    def _renew(self, differ: bool) -> Deferred[bool] | bool:
        if not differ and self._configuration.standing.good:
            return True
        return self._configuration.renew().addCallbacks(_done, _refused)

    def _written(self) -> Deferred[bool]:
        self._refused_over, self._named = None, ()
        done = self._configuration.reload(FILES_CHANGED).addCallbacks(_done, self._not_read)
        return done.addCallback(self._read)

    def _not_read(self, failure: Failure) -> bool | Failure:
        self._refused_over = self._configuration.version
        if isinstance(failure.value, InvalidConfiguration):
            self._named = tuple(Path(each) for each in failure.value.files if _can_be(each))
        return _refused(failure)

    def _read(self, done: bool) -> bool:
        self._adapt()  # what is no good may be in other places
        return done

    def _stored(self) -> Deferred[bool]:
        return self._configuration.catch_up().addCallbacks(_done, _refused)


def is_configuration(name: str) -> bool:
    """Whether a file in a directory is part of a configuration by its name."""
    return name.startswith(STEMS) and name.endswith(SUFFIXES)


def _can_be(name: str) -> bool:
    """Whether there could ever be a file of this name."""
    try:
        return b"\0" not in os.fsencode(name)
    except ValueError:
        return False


def _done(_: Changed) -> bool:
    return True


def _refused(failure: Failure) -> bool | Failure:
    """What is wrong is wrong until somebody writes again; a store may be back by itself."""
    if failure.check(Refusal):
        return not failure.check(StoreUnavailable)
    return failure
