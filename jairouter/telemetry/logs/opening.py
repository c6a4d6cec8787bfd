"""How logs are made of settings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.logger import FileLogObserver, FilteringLogObserver

from jairouter.telemetry.logs.archive import Archive
from jairouter.telemetry.logs.console import Console
from jairouter.telemetry.logs.files import LogFile, Rolling, day_of
from jairouter.telemetry.logs.levels import NUMBERS
from jairouter.telemetry.logs.line import Line
from jairouter.telemetry.logs.observer import OWN, Filtered, Form, LineObserver, Output
from jairouter.telemetry.logs.pattern import CONSOLE, TextLines
from jairouter.telemetry.logs.structured import JsonLines
from jairouter.telemetry.logs.writer import Target, Writer

if TYPE_CHECKING:
    from twisted.logger import LogBeginner, LogPublisher

    from jairouter.config.settings.logging import LoggingSettings
    from jairouter.config.settings.root import Settings
    from jairouter.telemetry.logs.levels import Levels

NAME: Final = "jairouter.log"
"""The log file in a directory that `logging.file.path` names."""


class Logs:
    """All that is written to logs, from `open` to `close`.

    Args:
        settings: What is configured.
        levels: What is logged.
        today: Seconds since the epoch.
        host: The name of this machine.
        in_background: Runs what takes long in a thread of its own, which nobody waits for.
    """

    def __init__(
        self,
        settings: Settings,
        levels: Levels,
        today: Callable[[], float],
        host: str,
        in_background: Callable[[Callable[[], Any]], Any],
    ) -> None:
        self.levels = levels
        self._settings, self._today = settings.logging, today
        self._in_background = in_background
        apart = settings.logging.access.file
        self._path, self._apart = log_path(settings.logging), Path(apart).absolute() if apart else None
        service = settings.spring.application.name
        pattern, structured = settings.logging.pattern, settings.logging.structured
        began, level, dates = today(), pattern.level, pattern.dateformat
        as_json = structured.enabled and structured.format == "json"
        in_json = JsonLines(structured.fields, host, service)
        lines = pattern.console or CONSOLE
        console = TextLines(lines, began, service, level, dates)
        self._in_files: Form = in_json
        if not as_json:
            # (Where both look alike, each line is made once)
            alike = pattern.file in {None, "", lines}
            self._in_files = (
                console if alike else TextLines(pattern.file or lines, began, service, level, dates)
            )
        # With a file to read for programs, the console is for people
        self._on_console: Form = in_json if as_json and self._path is None else console
        self._outputs: list[Output] = []
        self._undo: Callable[[], None] = lambda: None
        self._tidying = threading.Lock()

    @property
    def dropped(self) -> int:
        """Lines that could not be written because they came too fast, since the start."""
        return sum(each.writer.queue.dropped for each in self._outputs)

    def open(self, publisher: LogPublisher) -> None:
        """Take over what is logged from those who have written it down until now.

        What twistd would have written on its console is written there in our form. Other observers are told
        of what is to be logged. Observers that come later are told of everything.

        Args:
            publisher: Tells of events.
        """
        before = list(publisher._observers)  # (there is no public way to ask for them)
        ours = [each for each in before if _file_of(each) is not None]
        others = [each for each in before if each not in ours]
        consoles = [found for each in ours if (found := _file_of(each)) is not None]
        self._outputs = [*self._files(), *map(self._console_of, consoles)]
        observer = LineObserver(self._outputs, self.levels)
        now: list[Any] = [Filtered(each, self.levels) for each in others]
        if self._outputs:
            now.append(observer)
        for each in self._outputs:
            each.writer.start()
        _exchange(publisher, before, now)
        self._undo = lambda: _exchange(publisher, now, before)

    def reopen(self) -> None:
        """Open all files anew, because somebody has moved them."""
        for each in self._outputs:
            each.writer.reopen()

    def flush(self) -> None:
        """Write all that there is. From now on lines are written at once. Blocks, but not for ever."""
        for each in self._outputs:
            each.writer.stop()

    def close(self) -> None:
        """Undo `open`, with everything written."""
        self._undo()
        self._undo = lambda: None
        self.flush()
        for each in self._outputs:
            each.writer.close()

    def _files(self) -> Iterator[Output]:
        """The log files that there are to be."""
        path, apart, in_files = self._path, self._apart, self._in_files
        if path is not None:
            yield Output(self._file(path), in_files, requests=apart is None)
            if path.is_file() or not path.exists():  # nothing is beside /dev/stdout, or a pipe
                error = path.with_name(f"{path.stem}-error{path.suffix}")
                yield Output(self._file(error), in_files, NUMBERS["ERROR"], requests=False)
        if apart is not None:
            yield Output(self._file(apart), in_files, events=False)

    def _file(self, path: Path) -> Writer:
        file = self._settings.file
        archive = Archive(path, file.max_history, file.total_size_cap)

        def tidy(day: date) -> None:
            def try_it() -> None:
                with suppress(OSError), self._tidying:  # (a full disk, above all: it is tried again later)
                    archive.tidy(day)

            self._in_background(try_it)

        def tell(text: str) -> None:
            self._tell(writer, text)

        if file.rotate:
            tidy(day_of(self._today()))  # what was left undone
        rolling = Rolling(file.max_size if file.rotate else 0, archive, tidy, tell)
        writer = self._writer(LogFile(path, rolling, self._today), self._in_files)
        return writer

    def _console_of(self, observer: FileLogObserver) -> Output:
        console = Console(observer._outFile, text=observer._encoding is None)
        writer = self._writer(console, self._on_console)
        return Output(writer, self._on_console, requests=self._apart is None)

    def _writer(self, target: Target, form: Form) -> Writer:
        def tell(text: str) -> None:
            self._tell(writer, text)

        writer = Writer(target, tell, lambda text: form.write(self._line(text)))
        return writer

    def _tell(self, about: Writer, text: str) -> None:
        """Say what is wrong with one of them where it can be read: on the console, or in the file."""
        line = self._line(text)
        for each in reversed(self._outputs):
            if each.writer is not about and each.events and not each.least:
                each.writer.put(each.form.write(line), important=True)
                return

    def _line(self, text: str) -> Line:
        return Line(self._today(), "WARN", OWN, text, "log")


def log_path(settings: LoggingSettings) -> Path | None:
    """Where the log is; None where there is none but the console. Made absolute: twistd may go elsewhere."""
    file = settings.file
    if file.name:
        return Path(file.name).absolute()
    return (Path(file.path) / NAME).absolute() if file.path else None


def has_begun(beginner: LogBeginner) -> bool:
    """Whether events are told to whoever writes them down, and not kept until somebody is there."""
    return beginner._temporaryObserver is None  # (there is no public way to ask)


def _file_of(observer: object) -> FileLogObserver | None:
    """The observer that writes on twistd's console, or on that of twist, which has it behind a filter."""
    if isinstance(observer, FilteringLogObserver):
        observer = observer._observer
    return observer if isinstance(observer, FileLogObserver) else None


def _exchange(publisher: LogPublisher, before: list[Any], after: list[Any]) -> None:
    # (One too many for a moment is better than none)
    for each in after:
        publisher.addObserver(each)
    for each in before:
        publisher.removeObserver(each)
