"""HAProxy and nginx of Debian in front of gateways, and a backend that answers with what it was sent."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import shutil
import socket
import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import Any

from tests.integration.processes import Gateway, Process, configuration, wait_until

HAPROXY = """
defaults
    timeout connect 10s
    timeout client 30s
    timeout server 30s
    option httpchk GET /actuator/health

listen forwardfor
    mode http
    bind 127.0.0.1:{forwardfor}
    option forwardfor
    server gateway 127.0.0.1:{plain}

listen proxy_v1
    mode tcp
    bind 127.0.0.1:{proxy_v1}
    server gateway 127.0.0.1:{behind} send-proxy

listen proxy_v2
    mode tcp
    bind 127.0.0.1:{proxy_v2}
    server gateway 127.0.0.1:{behind} send-proxy-v2 proxy-v2-options unique-id,crc32c

listen both
    mode http
    bind 127.0.0.1:{both}
    option forwardfor
    http-check send meth GET uri /actuator/health/liveness
    server gateway 127.0.0.1:{behind} send-proxy-v2 check inter 200ms
"""

NGINX = """
daemon off; worker_processes 1; pid nginx.pid; {user}
events {{ worker_connections 100; }}
http {{
 access_log off;
 client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
 server {{
  listen 127.0.0.1:{nginx};
  location / {{
    proxy_pass http://127.0.0.1:{plain};
    proxy_set_header Host $host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
  }}
 }}
 server {{
  listen 127.0.0.1:{twice};
  location / {{
    proxy_pass http://127.0.0.1:{forwardfor};
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  }}
 }}
}}
"""


class Mirror(http.server.BaseHTTPRequestHandler):
    """Answers with the headers of the request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps([[name.lower(), value] for name, value in self.headers.items()]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


class Site:
    """Two gateways, of which one wants PROXY headers, and the proxies in front of them.

    Attributes:
        ports: Where clients connect, by name; `plain` and `behind` are the gateways themselves.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="jairouter-test-proxies-")
        self._backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
        threading.Thread(target=self._backend.serve_forever, daemon=True).start()
        self._started: list[Process] = []
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        trusted = {"trusted-proxies": ["127.0.0.1"], "to-backends": "chain"}
        self.plain = self._gateway({"forward-headers": trusted})
        self.behind = self._gateway({"forward-headers": trusted, "proxy-protocol": "required"})
        names = ("forwardfor", "proxy_v1", "proxy_v2", "both", "nginx", "twice")
        self.ports = {"plain": self.plain.port, "behind": self.behind.port, **free_ports(*names)}
        folder = Path(self._folder.name)
        (folder / "haproxy.cfg").write_text(HAPROXY.format(**self.ports))
        user = "user root;" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(NGINX.format(**self.ports, user=user))
        self._started.append(Process([program("haproxy"), "-db", "-f", folder / "haproxy.cfg"]))
        nginx: list[str | Path] = [
            program("nginx"),
            "-e",
            "stderr",
            "-p",
            folder,
            "-c",
            folder / "nginx.conf",
        ]
        self._started.append(Process(nginx))
        for name in names:
            wait_until(partial(listens, self.ports[name]), lambda: "\n".join(map(str, self._started)))

    def _gateway(self, server: dict[str, Any]) -> Gateway:
        url = f"http://127.0.0.1:{self._backend.server_port}"
        gateway = Gateway(configuration(url, server=server))
        self._started.append(gateway)
        return gateway

    def ask(self, through: str, client: str, number: int, **headers: str) -> dict[str, str]:
        """Send one request from an address of this machine. Returns the headers that the backend got."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.ports[through], timeout=30, source_address=(client, 0)
        )
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Content-Type": "application/json", "X-Request-Id": f"asked-{number}"}
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps({"model": "org/chat"}), sent)
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200, (response.status, body)
            return dict(json.loads(body))
        finally:
            connection.close()

    def stop(self) -> None:
        """End all of it."""
        for each in reversed(self._started):
            each.stop()
        self._backend.shutdown()
        self._backend.server_close()
        self._folder.cleanup()


def program(name: str) -> str:
    """Where Debian has it; the path of one who is not root lacks that."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert found is not None, (
        f"{name} is not installed: sh tools/bootstrap packages tools/debian-test-packages"
    )
    return found


def free_ports(*names: str) -> dict[str, int]:
    """A port for each that nobody listens on."""
    held = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
    ports = {name: each.getsockname()[1] for name, each in held.items()}
    for each in held.values():
        each.close()
    return ports


def listens(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
