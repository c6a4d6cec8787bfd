"""Everything that the OpenAPI document promises, asked in thousands of ways by schemathesis."""

from __future__ import annotations

import re
import subprocess
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import BIN, Gateway, Server, Shared, configuration

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
)
"""Not among them: whether all that fits a schema is accepted. Configurations have rules beyond a schema."""
EXAMPLES = 10
"""For each operation and phase; besides them there are those that are made from the schemas alone."""
SECONDS = 20
"""After which no more requests are made up."""


def start() -> Gateway:
    """What is asked: a gateway that has of everything something to show."""
    tree = configuration("http://127.0.0.1:1")
    tree["model"]["rate-limit"] = {"enabled": True, "capacity": 1000, "rate": 1000}
    tree["model"]["circuit-breaker"] = {"enabled": True}
    tree["model"]["load-balance"] = {"health-check": {"enabled": True, "interval": "1s", "timeout": "1s"}}
    return Gateway(tree)


KEY = "sk-Zcbde85rmAdemOf17B4OQ0Z39IItxjW5DntKgtkv"
PERMISSIONS = ("config:*", "monitoring:*", "audit:*", "security:read")
"""Not to write about security: schemathesis asks with what it has seen, and would switch off its own key."""


def start_closed() -> Gateway:
    """The same, where callers have to say who they are."""
    keys = [{"name": "asker", "value": KEY, "permissions": PERMISSIONS}]
    tree = configuration("http://127.0.0.1:1", security={"api-key": {"enabled": True, "keys": keys}})
    return Gateway(tree)


SHARED: Shared[Server] = Shared(start, Server.stop)
CLOSED: Shared[Server] = Shared(start_closed, Server.stop)


def status(server: Server, key: str) -> int:
    """What somebody with the key is answered who asks who they are."""
    connection = server.connect()
    try:
        connection.request("GET", "/api/auth/me", headers={"X-API-Key": key})
        return connection.getresponse().status
    finally:
        connection.close()


class OpenApiTests(SynchronousTestCase):
    """The served document against what serves it."""

    def test_all_answers_are_as_the_document_says(self) -> None:
        """No fault of ours, no status, header or member that the document does not know."""
        self.check(SHARED.get(), SECONDS)

    def test_all_answers_to_a_key(self) -> None:
        """Those that are refused to it, too."""
        self.check(CLOSED.get(), SECONDS // 2, "-H", f"X-API-Key: {KEY}")
        self.assertEqual(status(CLOSED.get(), KEY), 200)

    def check(self, server: Server, seconds: int, *more: str) -> None:
        command = [
            str(BIN / "schemathesis"),
            *("run", f"{server.url}/v3/api-docs"),
            *("--checks", ",".join(CHECKS)),
            *("--phases", "examples,coverage,fuzzing"),
            *("--max-examples", str(EXAMPLES), "--max-time", str(seconds)),
            *more,
            *("--generation-deterministic", "--no-shrink", "--no-color", "--warnings", "off"),
            *("--request-timeout", "30"),
        ]
        with tempfile.TemporaryDirectory() as folder:  # it leaves a cache where it runs
            done = subprocess.run(
                command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
            )
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{server}")
        tested = re.search(r"Tested: (\d+)", done.stdout)
        generated = re.search(r"(\d+) generated", done.stdout)
        assert tested is not None and generated is not None, done.stdout
        self.assertGreater(int(tested[1]), 0)
        self.assertGreater(int(generated[1]), 100)
        self.assertNotIn("Traceback", server.output)
