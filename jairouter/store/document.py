"""Small things that outlive the process and change one at a time: keys, accounts, revoked tokens.

Each is one JSON object in a file of its own, read into memory as a whole. Several gateways may share them: a
change is made to what is on the disk at that moment, under a lock; the others see it when they look again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred, DeferredLock, maybeDeferred, succeed
from twisted.logger import Logger

from jairouter.refusals import StoreUnavailable
from jairouter.store.durable import (
    hand_over,
    is_temporary,
    make_directory,
    open_file,
    publish,
    reason_of,
    sync_directory,
    temporary,
    write_all,
)
from jairouter.store.lock import Held, locked

T = TypeVar("T")
Edit = Callable[[dict[str, Any]], T]
RunInThread = Callable[..., Deferred[Any]]

DIRECTORY: Final = "security"
"""Where documents lie, below the store's directory."""
_SECRETS: Final = "secrets"
_SHORTEST: Final = 16
"""Bytes of the shortest secret."""


class Document:
    """One of them.

    Args:
        name: Without what its file's name ends in.
        file: Where it is kept; None for one that is forgotten when the process ends.
        run_in_thread: For what blocks.
        beside: Another document that is never changed at the same time; see `Documents.open`.

    Attributes:
        value: As last read or written; not to be changed.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        file: DocumentFile | None,
        run_in_thread: RunInThread,
        beside: Document | None = None,
    ) -> None:
        self.name = name
        self.value: Mapping[str, Any] = {}
        self._file = file
        self._run = run_in_thread
        # Changes of this process, one behind the other
        self._turn: DeferredLock = DeferredLock() if beside is None else beside._turn
        self._watchers: list[Callable[[], None]] = []
        self._seen: object = None
        self._failed = False

    def call_on_change(self, function: Callable[[], None]) -> None:
        """Have `function` called whenever `value` is another one, also by another gateway's doing."""
        self._watchers.append(function)

    def load(self) -> None:
        """Read it. Blocks: for the start.

        Raises:
            StoreUnavailable: It is there and cannot be read.
        """
        if self._file is not None:
            self._adopt(*self._file.read())

    def latest(self) -> Mapping[str, Any]:
        """As it is now, whoever has changed it. Blocks: for edits of a document that has the same lock.

        Raises:
            StoreUnavailable: It cannot be read.
        """
        return self.value if self._file is None else self._file.read()[0]

    def change(self, edit: Edit[T]) -> Deferred[T]:
        """Change it, and keep it.

        Args:
            edit: Is called, in a thread, with a copy of the document as it is now, which it may change. It
                may raise a `Refusal` so that nothing changes.

        Returns:
            What `edit` has returned, once the change is on the disk. Fails with what it has raised, or with
            `StoreUnavailable`; then nothing has changed. Whoever cancels it does not wait any more; the
            change goes on.
        """
        return _undisturbed(self._turn.run(self._change, edit))

    def refresh(self) -> Deferred[None]:
        """Look whether another gateway has changed it. Never fails: what was known stays known."""
        if self._file is None:
            return succeed(None)
        return _undisturbed(self._turn.run(self._refresh, self._file))

    def _change(self, edit: Edit[T]) -> Deferred[T]:
        if self._file is None:
            return maybeDeferred(self._change_in_memory, edit)
        changing: Deferred[tuple[T, dict[str, Any], object]] = self._run(self._file.change, edit)
        return changing.addCallback(self._changed)

    def _change_in_memory(self, edit: Edit[T]) -> T:
        value = json.loads(_written(self.value))  # also those that somebody still holds stay as they were
        result = edit(value)
        self._adopt(json.loads(_written(value)), None)
        return result

    def _changed(self, outcome: tuple[T, dict[str, Any], object]) -> T:
        result, value, seen = outcome
        self._adopt(value, seen)
        return result

    def _refresh(self, file: DocumentFile) -> Deferred[None]:
        looking: Deferred[tuple[dict[str, Any], object] | None] = self._run(file.read_if_changed, self._seen)
        return looking.addCallbacks(self._looked, self._not_looked)

    def _looked(self, found: tuple[dict[str, Any], object] | None) -> None:
        self._failed = False
        if found is not None:
            self._adopt(*found)

    def _not_looked(self, failure: Any) -> None:
        if not self._failed:  # once, not every second
            self._log.error(
                "{name}: what another gateway may have changed is not known: {why}",
                name=self.name,
                why=failure.getErrorMessage(),
            )
        self._failed = True

    def _adopt(self, value: dict[str, Any], seen: object) -> None:
        changed = value != self.value
        self.value, self._seen = value, seen
        for watcher in self._watchers if changed else ():
            try:
                watcher()
            except Exception:  # what is on the disk is so, whatever somebody makes of it
                self._log.failure("{name}: not everybody could take the change", name=self.name)


def _undisturbed(working: Deferred[T]) -> Deferred[T]:
    """What comes of work that goes on to its end, even if nobody waits for it any more.

    A thread cannot be cancelled: it would write what this process then knows nothing of, and the next one
    would begin beside it.
    """
    waiting: Deferred[T] = Deferred()  # once cancelled, it takes no notice of what comes later
    working.addCallbacks(waiting.callback, waiting.errback)
    return waiting


def _written(value: Mapping[str, Any]) -> bytes:
    """How a document is written.

    Raises:
        ValueError: It holds what JSON cannot say, such as infinity.
        TypeError: Likewise.
    """
    # (Half of a character that JSON came with is read back as it was)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1)
    return text.encode("utf-8", "surrogatepass") + b"\n"


class DocumentFile:
    """The file of one document. Blocks.

    Args:
        path: Where it is.
        lock_timeout: Seconds to wait for another process that is changing it.
        sleep: Waits so many seconds.
        lock: Whose lock counts, where it is not its own.
    """

    def __init__(
        self,
        path: Path,
        lock_timeout: float,
        sleep: Callable[[float], None],
        lock: Path | None = None,
    ) -> None:
        self._path = path
        self._lock = (lock or path).with_suffix(".lock")
        self._timeout = lock_timeout
        self._sleep = sleep

    def read(self) -> tuple[dict[str, Any], object]:
        """Read it; one that is not there is empty.

        Returns:
            What it says, and what tells it from any later one.

        Raises:
            StoreUnavailable: It cannot be read.
        """
        data, seen = self._read()
        return _parsed(data, self._path), seen

    def read_if_changed(self, seen: object) -> tuple[dict[str, Any], object] | None:
        """Read it unless it is the one that was seen."""
        try:
            mark = _mark(os.stat(self._path))
        except FileNotFoundError:
            mark = None
        except OSError as error:
            raise StoreUnavailable(f"{self._path} cannot be read: {reason_of(error)}") from None
        return None if mark == seen else self.read()

    def change(self, edit: Edit[T]) -> tuple[T, dict[str, Any], object]:
        """See `Document.change`.

        Raises:
            StoreUnavailable: It cannot be read or written.
            Refusal: `edit` has raised it.
        """
        try:
            make_directory(self._path.parent)
            with locked(self._lock, self._timeout, self._sleep):
                before, seen = self._read()
                value = _parsed(before, self._path)
                old = _written(value)
                result = edit(value)
                new = _written(value)
                if new != old:
                    self._clear()
                    seen = self._replace(new, before)
                # As it will be read: a tuple comes back as a list
                return result, json.loads(new), seen
        except Held:
            raise StoreUnavailable(f"{self._path} is held by another process") from None
        except OSError as error:
            raise StoreUnavailable(f"{self._path} cannot be written: {reason_of(error)}") from None

    def _read(self) -> tuple[bytes | None, object]:
        """What the file says, None where there is none; and what tells it from any later one."""
        try:
            opened = open_file(self._path)
            if opened is None:
                raise StoreUnavailable(f"{self._path} is not a file")
            with opened[0] as file:
                return file.read(), _mark(opened[1])
        except FileNotFoundError:
            return None, None
        except OSError as error:
            raise StoreUnavailable(f"{self._path} cannot be read: {reason_of(error)}") from None

    def _replace(self, new: bytes, before: bytes | None) -> object:
        """Put other data in place of those that are there, or leave these, whatever goes wrong."""
        mark = self._put(new)
        try:
            sync_directory(self._path.parent)
        except OSError:
            # Nobody knows what the disk will say after a power cut; until then it must say what is told
            with suppress(OSError):
                if before is None:
                    os.unlink(self._path)
                else:
                    self._put(before)
            raise
        return mark

    def _put(self, data: bytes) -> object:
        directory = self._path.parent
        with temporary(directory, self._path.name) as (file, path):
            write_all(file, data)
            hand_over(file.fileno(), directory)
            os.fsync(file.fileno())
            mark = _mark(os.fstat(file.fileno()))
            os.replace(path, self._path)
        return mark

    def _clear(self) -> None:
        """Delete what others have left that died while they wrote; called under the lock."""
        for each in os.scandir(self._path.parent):
            if is_temporary(each.name) and each.name.startswith(f".{self._path.name[:40]}."):
                with suppress(OSError):
                    os.unlink(each.path)


def _parsed(data: bytes | None, path: Path) -> dict[str, Any]:
    """What a file says; one that is not there is empty.

    Raises:
        StoreUnavailable: It says nothing that could be understood.
    """
    if data is None:
        return {}
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise StoreUnavailable(f"{path} is damaged: it holds no JSON object")
    return value


def _mark(status: os.stat_result) -> object:
    # (The time of the last change of the inode is left out: a new name is one)
    return status.st_ino, status.st_mtime_ns, status.st_size


class Documents:
    """All documents of one gateway.

    Args:
        store: The store's directory; None where everything is forgotten when the process ends.
        run_in_thread: For what blocks.
        lock_timeout: Seconds to wait for another process.
        sleep: Waits so many seconds, in a thread.
    """

    def __init__(
        self,
        store: Path | None,
        run_in_thread: RunInThread,
        lock_timeout: float = 10.0,
        sleep: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._directory = None if store is None else store / DIRECTORY
        self._run = run_in_thread
        self._timeout = lock_timeout
        self._sleep = sleep
        self._open: list[Document] = []

    def open(self, name: str, beside: Document | None = None) -> Document:
        """One document, read from the disk if it is there. Blocks: for the start.

        Args:
            name: Of the document.
            beside: One with which it has a lock in common, so that no gateway changes one of them while
                another one changes the other: for what must hold of both.

        Raises:
            StoreUnavailable: It cannot be read.
        """
        file = None
        if self._directory is not None:
            lock = None if beside is None else self._directory / f"{beside.name}.json"
            file = DocumentFile(self._directory / f"{name}.json", self._timeout, self._sleep, lock)
        document = Document(name, file, self._run, beside)
        document.load()
        self._open.append(document)
        return document

    def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """A secret that stays the same: made when it is asked for first, and kept. Blocks: for the start.

        Args:
            name: Of the secret.
            make: Makes one.

        Raises:
            StoreUnavailable: It cannot be read or kept.
        """
        if self._directory is None:
            return make()
        path = self._directory / f"{_SECRETS}-{name}"
        with suppress(FileNotFoundError):
            return _read_secret(path)
        secret = make()
        if len(secret) < _SHORTEST:
            raise ValueError(f"a secret has {_SHORTEST} bytes at least")
        try:
            make_directory(self._directory)
            with suppress(FileExistsError), temporary(self._directory, path.name) as (file, unfinished):
                write_all(file, secret)
                hand_over(file.fileno(), self._directory)
                os.fsync(file.fileno())
                file.close()
                publish(unfinished, path)
        except OSError as error:
            raise StoreUnavailable(f"{path} cannot be written: {reason_of(error)}") from None
        return _read_secret(path)  # perhaps another gateway was faster

    def refresh(self) -> list[Deferred[None]]:
        """Look at each whether another gateway has changed it."""
        return [document.refresh() for document in self._open]


def _read_secret(path: Path) -> bytes:
    try:
        opened = open_file(path)
        if opened is None:
            raise StoreUnavailable(f"{path} is not a file")
        with opened[0] as file:
            secret = file.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be read: {reason_of(error)}") from None
    if len(secret) < _SHORTEST:
        raise StoreUnavailable(f"{path} is damaged: it is too short")
    return secret
