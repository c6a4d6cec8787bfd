"""Tests for `jairouter.telemetry.logs.opening` and `.observer`: which line goes where. No file is opened."""

from __future__ import annotations

import io
import json
from typing import Any, ClassVar

from twisted.logger import ILogObserver, Logger, LogPublisher, textFileLogObserver
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.telemetry.logs import opening
from jairouter.telemetry.logs.levels import Levels
from jairouter.telemetry.logs.logger_names import ACCESS
from jairouter.telemetry.logs.observer import Filtered, LineObserver
from jairouter.telemetry.logs.opening import Logs, log_path
from jairouter.telemetry.logs.requests import Batch, Row
from jairouter.telemetry.logs.writer import Writer
from tests.config.reading import read

ROW: Row = (5.0, 0.1, "192.0.2.1", "/v1/chat/completions", 200, 1, "m", "-", 0, None, "", "req_1", None)


class MemoryFile:
    """Stands in for a file; what was written is in `files`, by name."""

    files: ClassVar[dict[str, str]] = {}

    def __init__(self, path: Any, rolling: Any, today: Any) -> None:
        self.name = str(path)
        self.files[self.name] = ""

    def write(self, data: bytes) -> None:
        self.files[self.name] += data.decode()

    def reopen(self) -> None:
        self.files[self.name] += "reopened\n"

    def close(self) -> None:
        self.files[self.name] += "closed\n"


class LogsTests(SynchronousTestCase):
    """What is configured, and where events are then."""

    def setUp(self) -> None:
        self.console, self.files = io.StringIO(), dict[str, str]()
        self.patch(MemoryFile, "files", self.files)
        self.patch(opening, "LogFile", MemoryFile)
        self.patch(Writer, "start", lambda writer: None)  # everything is written at once
        self.others: list[Any] = []
        note: Any = self.others.append
        self.publisher = LogPublisher(textFileLogObserver(self.console), note)
        self.log = Logger("jairouter.web.x", observer=self.publisher)

    def open(self, text: str) -> Logs:
        settings = read(text).settings
        logs = Logs(settings, Levels(settings.logging.level), lambda: 5.0, "here", lambda job: None)
        logs.open(self.publisher)
        return logs

    def requests(self) -> None:
        Logger(ACCESS, observer=self.publisher).info("{requests}", requests=Batch([ROW, ROW], 0.0))

    def test_interfaces(self) -> None:
        verifyObject(ILogObserver, LineObserver((), Levels()))
        verifyObject(ILogObserver, Filtered(self.publisher, Levels()))

    def test_console(self) -> None:
        self.open("logging.pattern.console: '%p %c{0} %m%n'")
        self.log.info("a")
        self.requests()
        lines = self.console.getvalue().splitlines()
        self.assertEqual(lines[0], "INFO x a")
        self.assertEqual([line[:26] for line in lines[1:]], ["INFO access 192.0.2.1 POST"] * 2)

    def test_console_as_json(self) -> None:
        """Where no file is."""
        self.open("logging.structured.enabled: true")
        self.log.info("a")
        self.requests()
        found = [json.loads(line) for line in self.console.getvalue().splitlines()]
        self.assertEqual([each["message"] for each in found], ["a", *["POST /v1/chat/completions 200"] * 2])

    def test_structured_as_text(self) -> None:
        self.open("logging: {structured: {enabled: true, format: text}, pattern.console: '%m'}")
        self.log.info("a")
        self.assertEqual(self.console.getvalue(), "a\n")

    def test_file(self) -> None:
        """The console goes on; errors have a file besides."""
        self.open("logging: {file.name: /l/gw.log, pattern: {console: 'C %m', file: 'F %m'}}")
        self.log.info("a")
        self.log.error("b")
        self.log.critical("c")
        self.assertEqual(self.console.getvalue(), "C a\nC b\nC c\n")
        self.assertEqual(self.files, {"/l/gw.log": "F a\nF b\nF c\n", "/l/gw-error.log": "F b\nF c\n"})

    def test_structured_file(self) -> None:
        """The console is for people then."""
        self.open("logging: {file.name: /l/gw.log, structured.enabled: true, pattern.console: 'C %m'}")
        self.log.info("a")
        self.assertEqual(self.console.getvalue(), "C a\n")
        self.assertEqual(json.loads(self.files["/l/gw.log"])["message"], "a")

    def test_access_file(self) -> None:
        """Lines about requests are there, and nowhere else; other lines are not."""
        self.open("logging: {file.name: /l/gw.log, access.file: /l/access.log, pattern.console: '%m'}")
        self.log.error("a")
        self.requests()
        self.assertEqual(self.files["/l/access.log"].count("req_1"), 2)
        self.assertNotIn("a\n", self.files["/l/access.log"])
        everywhere = self.console.getvalue() + self.files["/l/gw.log"] + self.files["/l/gw-error.log"]
        self.assertNotIn("req_1", everywhere)

    def test_levels(self) -> None:
        """They count for those who are told besides, such as syslog."""
        logs = self.open("logging: {level: {root: WARN}, pattern.console: '%m'}")
        self.log.info("a")
        self.log.warn("b")
        logs.levels.set("jairouter.web", "DEBUG")
        self.log.debug("c")
        self.assertEqual(self.console.getvalue(), "b\nc\n")
        self.assertEqual([event["log_format"] for event in self.others], ["b", "c"])

    def test_where(self) -> None:
        for text, path in {
            "{}": None,
            "logging.file.path: /l": "/l/jairouter.log",
            "logging.file: {path: /l, name: /m/x.log}": "/m/x.log",
        }.items():
            found = log_path(read(text).settings.logging)
            self.assertEqual(found and str(found), path)

    def test_reopen(self) -> None:
        self.open("logging: {file.name: /l/gw.log, access.file: /l/a.log}").reopen()
        self.assertEqual(set(self.files.values()), {"reopened\n"})
        self.assertEqual(len(self.files), 3)

    def test_close(self) -> None:
        """Those who wrote before write again."""
        logs = self.open("logging: {file.name: /l/gw.log, pattern.console: '%m'}")
        logs.close()
        self.log.info("a")
        self.assertEqual(self.files["/l/gw.log"], "closed\n")
        self.assertIn("[jairouter.web.x#info] a", self.console.getvalue())

    def test_a_file_that_fails(self) -> None:
        """It is said on the console, once; and what else there is to say is said there, too."""

        def full(file: MemoryFile, data: bytes) -> None:
            raise OSError(28, "No space left on device")

        self.patch(MemoryFile, "write", full)
        logs = self.open("logging: {file.name: /l/gw.log, pattern.console: '%p %m'}")
        for _ in range(3):
            self.log.info("a")
        lines = self.console.getvalue().splitlines()
        self.assertEqual(lines.count("INFO a"), 3)
        self.assertEqual(
            [line for line in lines if line != "INFO a"],
            ["WARN /l/gw.log cannot be written: no space left on device; it is tried again and again"],
        )
        self.assertEqual(logs.dropped, 0)
