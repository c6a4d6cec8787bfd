"""`make run` without make: the demo as a new user meets it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import Process, wait_until
from tests.integration.wire import sse_events


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class DemoTests(SynchronousTestCase):
    """Starts the demo once for each way to end it."""

    def start(self, *arguments: str) -> Process:
        command = [sys.executable, "-m", "jairouter.simulator.demo", "--port", str(free_port()), *arguments]
        demo = Process(command)
        self.addCleanup(demo.stop)
        demo.wait_for("Ctrl-C ends it")
        return demo

    def shell(self, line: str) -> str:
        """Run a line as a user pastes it, and return what it prints."""
        ran = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(ran.returncode, 0, ran)
        return ran.stdout

    def assert_ends(self, demo: Process, children: Sequence[int]) -> None:
        """Status 0, without a traceback, and nothing that it started is left."""
        self.assertEqual(demo.wait(10), 0, demo)
        self.assertNotIn("Traceback", demo.output)
        wait_until(
            lambda: not any(Path(f"/proc/{child}").exists() for child in children), "all have ended", 2
        )

    def test_curl_lines(self) -> None:
        """It prints three lines, and each does what it shows; then Ctrl-C ends everything."""
        demo = self.start()
        children = demo.children()
        self.assertEqual(len(children), 3, demo)
        lines = [line.strip() for line in demo.output.splitlines() if line.strip().startswith("curl ")]
        self.assertEqual(len(lines), 3, demo)
        plain, streamed, health = map(self.shell, lines)
        self.assertIn("Hello!", json.loads(plain)["choices"][0]["message"]["content"])
        events = sse_events(streamed.encode())
        self.assertEqual(events[-1], "[DONE]")
        self.assertGreater(len(events), 10)
        self.assertEqual(json.loads(health)["status"], "UP")
        demo.signal_group(signal.SIGINT)  # what a terminal does on Ctrl-C
        self.assert_ends(demo, children)

    def test_every_model_that_it_names(self) -> None:
        """The table below the curl lines is true, as far as JSON goes; both backends answer."""
        demo = self.start()
        children = demo.children()
        url = demo.wait_for(r"ready on (http://127\.0\.0\.1:\d+),")[1]
        table = [line.split() for line in demo.output.splitlines() if line.strip().startswith("/v1/")]
        self.assertEqual(len(table), 7, demo)
        body: dict[str, object] = {
            "messages": [{"role": "user", "content": "x"}],
            "input": "x",
            "prompt": "x",
        }
        body |= {"query": "x", "documents": ["x"]}
        for path, model in table:
            form = "transcriptions" in path or "edits" in path
            sent = f"-F model={model} -F file=@/etc/hostname -F image=@/etc/hostname -F prompt=x"
            if not form:
                sent = f"-H 'Content-Type: application/json' -d '{json.dumps({**body, 'model': model})}'"
            status = self.shell(f"curl -s -o /dev/null -w '%{{http_code}}' {url}{path} {sent}")
            self.assertEqual(status, "200", path)
        names = set()
        for _ in range(40):
            chat = json.dumps({**body, "model": "demo-chat", "max_tokens": 1})
            head = self.shell(
                f"curl -s -D - {url}/v1/chat/completions -H 'Content-Type: application/json' -d '{chat}'"
            )
            names |= {
                line.split()[1] for line in head.splitlines() if line.lower().startswith("x-simulator:")
            }
            if len(names) == 2:
                break
        self.assertEqual(names, {"sim-1", "sim-2"})
        demo.send_signal(signal.SIGTERM)
        self.assert_ends(demo, children)

    def test_ctrl_c_while_a_stream_is_open(self) -> None:
        """It does not hang, and the stream is ended in good order: complete, or with an error inside it."""
        demo = self.start()
        children = demo.children()
        line = next(line for line in demo.output.splitlines() if line.strip().startswith("curl -N"))
        curl = Process(["sh", "-c", f"exec {line.strip()} -sS"])
        self.addCleanup(curl.stop)
        curl.wait_for("data: ")
        demo.send_signal(signal.SIGINT)
        self.assert_ends(demo, children)
        self.assertEqual(curl.wait(), 0, curl)
        last = sse_events(curl.output.encode())[-1]
        self.assertTrue(last == "[DONE]" or "error" in last, curl)

    def test_port_in_use(self) -> None:
        """Said in words, with what to do about it."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            demo = Process([sys.executable, "-m", "jairouter.simulator.demo", "--port", str(port)])
            self.addCleanup(demo.stop)
            self.assertEqual(demo.wait(), 1, demo)
        self.assertIn(f"port {port}", demo.output)
        self.assertNotIn("Traceback", demo.output)
