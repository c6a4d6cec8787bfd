"""Prometheus and Alertmanager of Debian with the files below etc/, and who is told of alerts."""

from __future__ import annotations

import http.server
import json
import re
import socketserver
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from tests.integration.processes import ROOT, Process, wait_until
from tests.integration.proxies import free_ports, program

PROMETHEUS: Final = ROOT / "etc/prometheus"
ALERTMANAGER: Final = ROOT / "etc/alertmanager/alertmanager.yml"
GUIDE: Final = ROOT / "tests/monitoring/guide"
WINDOW: Final = "6s"
"""What takes the place of five minutes: scrapes are a second apart, and some of them may be late."""


class Told:
    """The webhook that Alertmanager tells of alerts, and the server that takes its mails.

    Attributes:
        port: Of the webhook.
        mail_port: Of the mail server.
        states: What was told last of each alert, by its labels: `firing` or `resolved`.
        fired: Names of all alerts that ever fired.
        paths: Where each of them was told, by name.
        mails: What was sent.
    """

    def __init__(self) -> None:
        self.states: dict[frozenset[tuple[str, str]], str] = {}
        self.fired: set[str] = set()
        self.paths: dict[str, set[str]] = {}
        self.mails: list[str] = []
        told = self

        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told._take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is printed."""

        class Post(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                told.mails.extend(_mails(self))

        self._servers = (
            http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook),
            socketserver.ThreadingTCPServer(("127.0.0.1", 0), Post),
        )
        self.port, self.mail_port = (each.server_address[1] for each in self._servers)
        for each in self._servers:
            threading.Thread(target=each.serve_forever, daemon=True).start()

    def _take(self, path: str, body: bytes) -> None:
        for alert in json.loads(body)["alerts"]:
            name = alert["labels"]["alertname"]
            self.states[frozenset(alert["labels"].items())] = alert["status"]
            self.paths.setdefault(name, set()).add(path)
            if alert["status"] == "firing":
                self.fired.add(name)

    def firing(self) -> set[str]:
        """Names of the alerts that are not over."""
        return {
            dict(labels)["alertname"] for labels, state in self.states.copy().items() if state == "firing"
        }

    def stop(self) -> None:
        """Listen no more."""
        for each in self._servers:
            each.shutdown()
            each.server_close()


def _mails(client: socketserver.StreamRequestHandler) -> list[str]:
    """Speak as much SMTP as it takes to be sent mails."""
    mails: list[str] = []

    def say(line: str) -> None:
        client.wfile.write(f"{line}\r\n".encode())

    say("220 here")
    while line := client.rfile.readline():
        verb = line[:4].upper().strip()
        if verb == b"DATA":
            say("354 go on")
            mails.append("".join(line.decode() for line in iter(client.rfile.readline, b".\r\n")))
        say("221 bye" if verb == b"QUIT" else "250 yes")
        if verb == b"QUIT":
            break
    return mails


def sooner(text: str) -> str:
    """Rules with everything in them that takes minutes."""
    return re.sub(r"\bfor: \w+", "for: 1s", text.replace("[5m]", f"[{WINDOW}]"))


class Watch:
    """Both programs with the shipped files, in which times are shorter, and names of hosts are other ones.

    Args:
        folder: For their files.
        targets: Gateways by scheme and port.
        told: Who is told.

    Attributes:
        rules: The groups of all rules, as Prometheus has read them, by file.
    """

    def __init__(self, folder: Path, targets: Mapping[int, str], told: Told) -> None:
        self._folder = folder
        self._ports = free_ports("prometheus", "alertmanager")
        self._started: list[Process] = []
        self._write_rules()
        self._write_prometheus(targets)
        self._write_alertmanager(told)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _write_rules(self) -> None:
        (self._folder / "rules").mkdir()
        for file in (PROMETHEUS / "rules").glob("*.yml"):
            (self._folder / "rules" / file.name).write_text(sooner(file.read_text()))
        for file in (GUIDE / "jairouter.yml", GUIDE / "prometheus-alerts.yml"):
            # Under names of their own, or nobody could tell them from ours
            text = sooner(file.read_text()).replace("alert: ", "alert: Guide")
            (self._folder / "rules" / f"guide-{file.name}").write_text(text)

    def _write_prometheus(self, targets: Mapping[int, str]) -> None:
        text = re.sub(
            r"(scrape_interval|evaluation_interval|scrape_timeout): \w+", r"\1: 1s", _text(PROMETHEUS)
        )
        tree = yaml.safe_load(text.replace("alertmanager:9093", f"127.0.0.1:{self._ports['alertmanager']}"))
        # Those of other programs are not here
        tree["scrape_configs"] = [job for job in tree["scrape_configs"] if job["job_name"] == "jairouter"]
        tree["scrape_configs"][0] |= {
            "tls_config": {"insecure_skip_verify": True},
            "static_configs": [
                {"targets": [f"127.0.0.1:{port}"], "labels": {"__scheme__": scheme}}
                for port, scheme in targets.items()
            ],
        }
        (self._folder / "prometheus.yml").write_text(json.dumps(tree))

    def _write_alertmanager(self, told: Told) -> None:
        password = self._folder / "password"
        password.write_text("not used: the server asks for none")
        text = ALERTMANAGER.read_text().replace(": 10s", ": 1s")
        text = text.replace("webhook-server:5001", f"127.0.0.1:{told.port}")
        text = text.replace(
            "'smtp.example.com:587'", f"'127.0.0.1:{told.mail_port}'\n  smtp_require_tls: false"
        )
        text = re.sub("smtp_auth_password_file: .*", f"smtp_auth_password_file: {password}", text)
        (self._folder / "alertmanager.yml").write_text(text)

    def _start(self) -> None:
        ports, folder = self._ports, self._folder
        self._run(
            "prometheus-alertmanager",
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{ports['alertmanager']}",
            "--cluster.listen-address=",
        )
        self._run(
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
        )
        for port in ports.values():
            wait_until(partial(_is_ready, port), lambda: "\n".join(map(str, self._started)))

    def _run(self, name: str, *options: str) -> None:
        self._started.append(Process([program(name), *options]))

    def ask(self, path: str, **query: str) -> Any:
        """Ask Prometheus' HTTP API for something. Raises AssertionError when it refuses."""
        url = f"http://127.0.0.1:{self._ports['prometheus']}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{query}: {error.read().decode()}") from None

    def look_back(self, expression: str, begin: float, end: float) -> Any:
        """All that an expression came to from one moment to another, in seconds since the epoch."""
        return self.ask("query_range", query=expression, start=f"{begin}", end=f"{end}", step="1")["result"]

    @property
    def output(self) -> str:
        """All that both have written."""
        return "".join(each.output for each in self._started)

    def stop(self) -> None:
        """End both."""
        for each in reversed(self._started):
            each.stop()

    def __str__(self) -> str:
        return "\n".join(map(str, self._started))


def _text(folder: Path) -> str:
    return (folder / "prometheus.yml").read_text()


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
