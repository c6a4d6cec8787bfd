"""nginx twice: as the backend that answers at once, and as the proxy that the gateway is measured by."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from benchmarks.processes import Failure, Process, children, free_ports, wait_until

_MAIN = """
daemon off; worker_processes 1; pid nginx.pid; {user}
worker_rlimit_nofile {descriptors};
events {{ worker_connections {connections}; }}
http {{
 access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
 default_type application/json;
 client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
{http}
}}
"""

# `return` takes no text longer than 4 KB, but any number of variables
_ANSWER = """
 server {{
  listen 127.0.0.1:{port} backlog=4096;
  set $large "{part}";
  location = /status {{ stub_status; }}
  location / {{ return 200 '{{"id":"chatcmpl-1","object":"chat.completion","choices":[{{"index":0,\
"message":{{"role":"assistant","content":"{content}"}},"finish_reason":"stop"}}]}}'; }}
 }}
"""

# Buffers as large as the bodies, so that nothing is written to disk
_PROXY = """
 upstream {name} {{ server 127.0.0.1:{backend}; keepalive 1024; keepalive_requests 100000000; }}
 server {{
  listen 127.0.0.1:{port} backlog=4096;
  client_body_buffer_size 128k; proxy_buffers 32 4k;
  location / {{
   proxy_pass http://{name}; proxy_http_version 1.1; proxy_set_header Connection "";
   proxy_read_timeout 600s; {extra}
  }}
 }}
"""

SMALL_ANSWER = 600
LARGE_ANSWER = 64 * 1024
_PART = 4000


class Nginx(Process):
    """An nginx with one worker, whose CPU time and memory count.

    Args:
        name: What messages call it.
        http: The servers of its configuration.
        descriptors: How many it may open.
    """

    last_signal = "TERM"  # KILL would leave the worker behind

    def __init__(self, name: str, http: str, descriptors: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="jairouter-bench-nginx-")
        configuration = Path(self._folder.name, "nginx.conf")
        user = "user root;" if os.getuid() == 0 else ""
        configuration.write_text(
            _MAIN.format(user=user, descriptors=descriptors, connections=descriptors, http=http)
        )
        super().__init__(name, ["nginx", "-e", "stderr", "-p", self._folder.name, "-c", configuration])

    @property
    def pid(self) -> int:
        """The worker's: the master only waits."""
        master = super().pid
        workers = children(master)
        if len(workers) != 1:
            raise Failure(f"{self.name} has {len(workers)} workers instead of 1:\n{self.output[-1500:]}")
        return workers[0]

    def stop(self) -> None:
        """See `Process.stop`. The master is asked first, because it waits for its worker's end."""
        self._popen.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(2.0)
        super().stop()
        self._folder.cleanup()


class Backend(Nginx):
    """Answers every request at once: on one port with about 600 bytes, on another with 64 KB.

    Attributes:
        ports: By the name of the model that is behind each.
    """

    def __init__(self, descriptors: int) -> None:
        small, large = free_ports(2)
        self.ports = {"small": small, "large": large}
        copies, rest = divmod(LARGE_ANSWER - 130, _PART)
        # 130 bytes are the members around the content
        contents = {small: "p" * (SMALL_ANSWER - 130), large: "${large}" * copies + "p" * rest}
        servers = [
            _ANSWER.format(port=port, part="p" * _PART, content=content) for port, content in contents.items()
        ]
        super().__init__("the backend (nginx)", "".join(servers), descriptors)
        self.wait_for_port(large)
        self._asked = 0
        self._status = http.client.HTTPConnection("127.0.0.1", small)

    def answered(self) -> int:
        """How many requests it has had so far, besides the ones of this method."""
        self._asked += 1
        self._status.request("GET", "/status")
        lines = self._status.getresponse().read().decode().splitlines()
        return int(lines[2].split()[2]) - self._asked


class Yardstick(Nginx):
    """The proxy that the gateway is measured by.

    Args:
        backends: Ports to pass on to, by the name of the model behind them.
        descriptors: How many it may open.
        unbuffered: The models that stream events.

    Attributes:
        ports: Where each of them is reached through the proxy.
    """

    def __init__(self, backends: Mapping[str, int], descriptors: int, unbuffered: Collection[str]) -> None:
        self.ports = dict(zip(backends, free_ports(len(backends)), strict=True))
        servers = [
            _PROXY.format(
                name=f"{model}_backend",
                backend=backend,
                port=self.ports[model],
                # Whoever passes on events through nginx has to switch this off
                extra="proxy_buffering off;" if model in unbuffered else "",
            )
            for model, backend in backends.items()
        ]
        super().__init__("nginx", "".join(servers), descriptors)
        for port in self.ports.values():
            self.wait_for_port(port)
        wait_until(lambda: len(children(self._popen.pid)) == 1, "nginx's worker")
