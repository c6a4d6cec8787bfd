"""What a gateway writes to its logs: nothing is lost, nothing is forged, and no secret is in it."""

from __future__ import annotations

import grp
import gzip
import http.client
import json
import os
import pwd
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import (
    BIN,
    ROOT,
    TWISTD,
    Gateway,
    Server,
    configuration,
    simulator,
    wait_until,
    write_configuration,
)

LOGROTATE = "/usr/sbin/logrotate"
SHIPPED = ROOT / "etc" / "logrotate.d" / "jairouter"


class LogsCase(SynchronousTestCase):
    """A gateway with a directory for its logs.

    Attributes:
        folder: The directory.
    """

    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory(prefix="jairouter-test-")
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def start(self, logging: dict[str, Any], *options: str, **sections: Any) -> Gateway:
        """Start one."""
        backend = simulator()
        self.addCleanup(backend.stop)
        pid = self.folder / "gw.pid"
        command = (str(BIN / "twistd"), "-n", f"--pidfile={pid}", *options, "jairouter")
        gateway = Gateway(configuration(backend.url, logging=logging, **sections), command)
        self.addCleanup(gateway.stop)
        return gateway

    def end(self, gateway: Server) -> None:
        """Let it end in peace."""
        gateway.send_signal(signal.SIGTERM)
        self.assertEqual(gateway.wait(), 0)

    def lines(self, pattern: str = "jairouter.log*") -> list[str]:
        """Those of all files, in any order."""
        found: list[str] = []
        for path in self.folder.glob(pattern):
            data = path.read_bytes()
            found += (gzip.decompress(data) if path.suffix == ".gz" else data).decode().splitlines()
        return found


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(client: http.client.HTTPConnection, model: str = "org/chat") -> str:
    """Ask for a chat completion. Returns the id of the request."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "PLANTEDbody"}]})
    headers = {"Content-Type": "application/json", "Authorization": "Bearer PLANTEDkey"}
    client.request("POST", "/v1/chat/completions?key=PLANTEDquery", body, headers)
    response = client.getresponse()
    response.read()
    return response.headers["X-Request-Id"]


class LogrotateTests(LogsCase):
    """Debian's logrotate, by the file that we ship, with other paths."""

    def rotate(self) -> None:
        """What cron would do each day."""
        conf, state = self.folder / "logrotate.conf", self.folder / "state"
        user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
        text = SHIPPED.read_text().replace("/var/log/jairouter", str(self.folder))
        text = text.replace("/run/jairouter/jairouter.pid", str(self.folder / "gw.pid"))
        text = text.replace("jairouter jairouter\n", f"{user} {group}\n")
        conf.write_text(text)
        conf.chmod(0o644)
        command = [LOGROTATE, "--force", "--state", str(state), str(conf)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_no_line_is_lost_under_load(self) -> None:
        log = self.folder / "jairouter.log"
        gateway = self.start({"file": {"name": str(log), "rotate": False}, "structured": {"enabled": True}})
        ids: list[str] = []
        over = threading.Event()

        def load() -> None:
            client = gateway.connect()
            while not over.is_set():
                ids.append(ask(client))
            client.close()

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(4):
                wait_until(lambda: log.exists() and log.stat().st_size > 10_000, "lines in the new file")
                self.rotate()
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.end(gateway)
        logged = [json.loads(line).get("requestId") for line in self.lines()]
        self.assertEqual(sorted(each for each in logged if each), sorted(ids))
        files = list(self.folder.glob("jairouter.log*"))
        self.assertEqual(len(files), 5, files)
        for path in files:
            self.assertEqual(path.stat().st_mode & 0o777, 0o640, path)

    def test_names_in_the_shipped_file(self) -> None:
        """All logs but the audit's, which is a chain."""
        text = SHIPPED.read_text()
        self.assertNotIn("*.log {", text)
        self.assertNotIn("security-audit.log {", text)


class SignalTests(LogsCase):
    """SIGUSR1, with files of which somebody else has moved one away."""

    def test_all_files_are_opened_anew(self) -> None:
        """The audit's, too, and the console's where that is a file of twistd's."""
        audit, console = self.folder / "audit.log", self.folder / "console.log"
        logging = {
            "file": {"name": str(self.folder / "jairouter.log")},
            "access": {"file": str(self.folder / "access.log")},
            "audit": {"enabled": True, "file": str(audit)},
            "pattern": {"console": "CONSOLE %m%n"},
        }
        gateway = self.start(logging)
        files = [self.folder / name for name in ("jairouter.log", "access.log")]
        files.append(audit)
        ask(gateway.connect())
        wait_until(lambda: all(path.exists() for path in files), "the files")
        for path in files:
            path.rename(f"{path}.1")
        gateway.send_signal(signal.SIGUSR1)
        wait_until(lambda: all(path.exists() for path in files), "the files anew")
        request = ask(gateway.connect())
        wait_until(lambda: request in (self.folder / "access.log").read_text(), "the line")
        self.end(gateway)
        self.assertIn("drained", (self.folder / "jairouter.log").read_text())
        self.assertNotIn(request, gateway.output)
        self.assertIn("CONSOLE drained", gateway.output)
        self.assertFalse(console.exists())

    def test_logfile_of_twistd(self) -> None:
        """What logrotate has moved is opened anew; else twistd's own custom is kept, and it is put aside."""
        console = self.folder / "console.log"
        backend = simulator()
        self.addCleanup(backend.stop)
        command = (BIN / "twistd", "-n", "--pidfile=", f"--logfile={console}", "jairouter")
        process = _Quiet(configuration(backend.url), command, console)
        self.addCleanup(process.stop)
        console.rename(self.folder / "moved.log")
        process.send_signal(signal.SIGUSR1)
        wait_until(console.exists, "a new file")
        self.assertFalse((self.folder / "console.log.1").exists())
        process.send_signal(signal.SIGUSR1)
        wait_until((self.folder / "console.log.1").exists, "one that was put aside")
        self.end(process)
        self.assertIn("drained", console.read_text())

    def test_sighup_changes_levels(self) -> None:
        gateway = self.start({"level": {"root": "INFO"}})
        first = ask(gateway.connect())
        gateway.wait_for(first)
        tree = json.loads(gateway.file.read_text())
        tree["logging"]["level"] = {"org.unreal.modelrouter.controller": "OFF"}
        gateway.file.write_text(json.dumps(tree))
        gateway.send_signal(signal.SIGHUP)
        gateway.wait_for("SIGHUP")
        second = ask(gateway.connect())
        self.end(gateway)
        self.assertNotIn(second, gateway.output)


class _Quiet(Gateway):
    """One whose console is a file."""

    def __init__(self, tree: Any, command: Any, console: Path) -> None:
        self._console = console
        super().__init__(tree, command)

    @property
    def output(self) -> str:
        """What stands in that file."""
        return self._console.read_text() if self._console.exists() else ""


class TroubleTests(LogsCase):
    """The gateway goes on, whatever becomes of its logs."""

    def test_a_full_disk(self) -> None:
        gateway = self.start({"file": {"name": "/dev/full"}, "pattern": {"console": "%p %m%n"}})
        for _ in range(3):
            self.assertTrue(ask(gateway.connect()))
        gateway.wait_for("WARN /dev/full cannot be written: no space left on device")
        self.end(gateway)
        self.assertEqual(gateway.output.count("cannot be written"), 1)

    def test_it_works_again(self) -> None:
        place = self.folder / "logs"
        place.write_text("in the way")
        gateway = self.start({"file": {"path": str(place)}})
        request = ask(gateway.connect())
        gateway.wait_for("jairouter.log cannot be written")
        place.unlink()
        gateway.wait_for("jairouter.log can be written again")
        self.end(gateway)
        text = (place / "jairouter.log").read_text()
        self.assertIn("listening on", text, "what was logged meanwhile")
        self.assertIn(request, text)


class SecretTests(LogsCase):
    """What is planted in requests and settings is in no log, at the lowest level, in text and in JSON."""

    def test_none(self) -> None:
        hook = "http://PLANTEDuser:PLANTEDpass@127.0.0.1:9/PLANTEDpath"
        alerts = {
            "enabled": True,
            "global": {"min-occurrences": 1, "enabled-severities": ["info", "warning", "critical"]},
            "notification": {
                "enable-webhook": True,
                "webhook-url": hook,
                "webhook-headers": {"X-Key": "PLANTEDheader"},
            },
        }
        logging = {
            "level": {"root": "TRACE"},
            "file": {"name": str(self.folder / "jairouter.log")},
            "structured": {"enabled": True},
        }
        monitoring = {"thresholds": {"chat": "1us"}, "slow-query-alert": alerts}
        gateway = self.start(logging, monitoring=monitoring)
        client = gateway.connect()
        ask(client)
        ask(client, "no\nsuch \x1b[31mmodel")
        gateway.wait_for("alerts cannot be posted to the webhook")
        self.end(gateway)
        lines = self.lines("*.log")
        self.assertTrue(any("slow request" in line for line in lines))
        self.assertTrue(all(json.loads(line) for line in lines))
        self.assertNotIn("PLANTED", "\n".join([*lines, gateway.output]))
        self.assertNotIn("\x1b", gateway.output)


class StuckTests(LogsCase):
    """Somebody has the other end of the console, and does not read."""

    def test_the_gateway_goes_on(self) -> None:
        """It answers, its file has all lines, and it ends when it is told to."""
        backend = simulator()
        self.addCleanup(backend.stop)
        log = self.folder / "jairouter.log"
        tree = configuration(backend.url, logging={"file": {"name": str(log)}}, store={"type": "memory"})
        # The port has to be known without its console
        port = free_port()
        tree["server"]["port"] = port
        command = [*map(str, TWISTD), "--config", str(write_configuration(tree, self.folder))]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(lambda: log.exists() and "listening on" in log.read_text(), "its start")
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        ids = [ask(client) for _ in range(800)]
        client.close()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)
        text = log.read_text()
        self.assertEqual([each for each in ids if each not in text], [])
        self.assertGreater(len(text), 1 << 17, "more than a pipe holds")
