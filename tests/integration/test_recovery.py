"""The guide's layout, lost and recovered; and its cluster, with one store.

Keys are only where the gateway is: whoever makes a backup, or restores one, has neither them nor the profile.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.api import call, instance_path
from tests.integration.processes import (
    BIN,
    PATIENCE,
    ROOT,
    TWISTD,
    Server,
    Shared,
    simulator,
    wait_until,
)

GUIDE = ROOT / "tests" / "config" / "guide" / "production" / "application-prod.yml"
SCRIPTS = ROOT / "etc" / "scripts"
KEYS = {"OPENAI_API_KEY": "sk-planted-1", "ANTHROPIC_API_KEY": "sk-planted-2"}
AT_ONCE = {"SERVER_DRAIN_DELAY": "0s", "SERVER_ADDRESS": "127.0.0.1", "SERVER_PORT": "0"}
NAMED = {"SECURITY_CHANGES_VARIABLES": "OPENAI_API_KEY"}


class GuideTestCase(SynchronousTestCase):
    """The directories of the guide's compose file, and its configuration as printed but for addresses."""

    backend = Shared(simulator, Server.stop)

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="jairouter-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.config, self.store = self.folder / "config", self.folder / "config-store"
        self.config.mkdir()
        text = GUIDE.read_text().replace("/app/", f"{self.folder}/")
        for host in ("https://api.openai.com", "https://api.anthropic.com"):
            text = text.replace(host, self.backend.get().url)
        (self.config / "application-prod.yml").write_text(text)
        self.gpt = instance_path("chat", f"gpt-4@{self.backend.get().url}")

    def start(self) -> Server:
        environment = {"SPRING_PROFILES_ACTIVE": "prod", **KEYS, **NAMED, **AT_ONCE}
        gateway = Server([*TWISTD, "--config", self.config], environment)
        self.addCleanup(gateway.stop)
        return gateway

    def end(self, gateway: Server) -> None:
        gateway.send_signal(signal.SIGTERM)
        gateway.wait()

    def run_it(self, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command as cron does, with next to nothing in its environment."""
        ran = subprocess.run(
            list(map(str, command)),
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": f"{BIN}:/usr/bin:/bin", "PYTHONPATH": str(ROOT), **environment},
            timeout=PATIENCE,
        )
        self.assertEqual(ran.returncode, 0, f"{ran.stdout}{ran.stderr}")
        return ran

    def effective(self, gateway: Server) -> Mapping[str, Any]:
        found: Mapping[str, Any] = call(gateway, "GET", "config", effective="true").data
        return found


class RecoveryTests(GuideTestCase):
    """The effective tree is what it was."""

    def setUp(self) -> None:
        super().setUp()
        gateway = self.start()
        self.change(gateway)
        self.before = self.effective(gateway)
        self.assertEqual(self.before["model"]["services"]["chat"]["rateLimit"]["capacity"], 77)
        self.gateway = gateway

    def change(self, gateway: Server) -> None:
        """One change of each kind."""
        key = {"headers": {"Authorization": "Bearer ${OPENAI_API_KEY}"}}
        added = {"name": "gpt-4o", "baseUrl": self.backend.get().url, "path": "/other", **key}
        self.assertEqual(call(gateway, "PATCH", self.gpt, {"weight": 3}).status, 200)
        self.assertEqual(call(gateway, "POST", "config/instance/add/chat", added).status, 201)
        services = {"chat": {"rate-limit": {"capacity": 77}}, "embedding": {"instances": [added]}}
        file = self.folder / "new.json"
        file.write_text(json.dumps({"model": {"services": services}}))
        self.run_it("jairouter", "apply", file, "--url", gateway.url)

    def lose(self) -> None:
        self.end(self.gateway)
        shutil.rmtree(self.config)
        shutil.rmtree(self.store)

    def assert_as_before(self) -> None:
        gateway = self.start()
        self.assertEqual(self.effective(gateway), self.before)
        self.assertTrue(call(gateway, "GET", "config/status").data["standing"]["good"])
        # And changes go on from there
        self.assertEqual(call(gateway, "PATCH", self.gpt, {"weight": 4}).data["version"], 4)

    def test_with_the_shipped_scripts(self) -> None:
        """With no variables but those that name the guide's directories here."""
        places = {"BACKUP_DIR": str(self.folder / "backup"), "CONFIG_DIR": str(self.config)}
        told = self.run_it(SCRIPTS / "backup-config.sh", **places).stdout
        self.assertIn("store/model-router-config@3.json", told)
        self.lose()
        services = {"STOP": "true", "START": "true", "HEALTH_URL": f"{self.backend.get().url}/health"}
        (archive,) = (self.folder / "backup").iterdir()
        self.run_it(SCRIPTS / "disaster-recovery.sh", archive, "--unchecked", **places, **services)
        self.assert_as_before()

    def test_with_tar(self) -> None:
        """As the guide's script does it, but with the store."""
        for name in ("config", "config-store"):
            self.run_it("tar", "-czf", self.folder / f"{name}.tar.gz", "-C", self.folder / name, ".")
        self.lose()
        for name in ("config", "config-store"):
            (self.folder / name).mkdir()
            self.run_it("tar", "-xzf", self.folder / f"{name}.tar.gz", "-C", self.folder / name)
        self.assert_as_before()

    def test_with_a_backup_that_the_gateway_has_made_itself(self) -> None:
        self.assertEqual(call(self.gateway, "POST", "config/merge/backup").status, 200)
        newest = max((self.store / "backups").glob("*.tar.gz"))
        archive = shutil.copy(newest, self.folder / "kept.tar.gz")
        self.lose()
        places = ("--config", self.config, "--profile", "prod", "--unchecked")
        self.run_it("jairouter", "restore", archive, *places)
        self.assert_as_before()

    def test_no_secret_is_in_a_backup(self) -> None:
        self.run_it(
            "jairouter", "backup", "-c", self.config, "--store", self.store, "-o", self.folder / "b.tar"
        )
        self.run_it("tar", "-xf", self.folder / "b.tar", "-C", self.folder / "config-store")
        for path in filter(Path.is_file, self.store.rglob("*")):
            self.assertNotIn(b"sk-planted", path.read_bytes(), str(path))


class ClusterTests(GuideTestCase):
    """Three gateways with one store, as deploy-cluster.sh starts them."""

    def setUp(self) -> None:
        super().setUp()
        self.store.mkdir()
        self.gateways = [self.start() for _ in range(3)]

    def weight(self, gateway: Server) -> int:
        found: int = call(gateway, "GET", self.gpt).data["weight"]
        return found

    def wait_for(self, weight: int, *gateways: Server) -> None:
        """Wait until all of them have it."""
        for each in gateways:
            wait_until(lambda each=each: self.weight(each) == weight, f"weight {weight} at {each}")  # type: ignore[misc]

    def change(self, gateway: Server, weight: int) -> None:
        self.assertEqual(
            call(gateway, "PATCH", self.gpt, {"weight": weight}).data["instance"]["weight"], weight
        )

    def test_what_one_changes_the_others_take(self) -> None:
        first, second, third = self.gateways
        self.change(first, 5)
        self.wait_for(5, second, third)
        self.assertEqual(self.effective(second), self.effective(first))
        self.change(third, 7)
        self.wait_for(7, first, second)
        self.run_it("jairouter", "rollback", "1", "--url", second.url)
        self.wait_for(5, *self.gateways)

    def test_one_is_killed_and_the_others_go_on(self) -> None:
        first, second, third = self.gateways
        self.change(first, 5)
        first.send_signal(signal.SIGKILL)
        first.wait()
        self.wait_for(5, second)
        self.change(second, 6)
        self.wait_for(6, third, self.start())

    def test_a_damaged_version_is_left_with_a_rollback_anywhere(self) -> None:
        first, second, third = self.gateways
        for weight in (5, 6):
            self.change(first, weight)
        self.wait_for(6, second, third)
        (self.store / "model-router-config@2.json").write_text("{")
        self.end(third)
        fresh = self.start()
        self.assertEqual((self.weight(fresh), self.weight(second)), (5, 6))
        self.assertIn("version 2 is damaged", call(fresh, "GET", "config/status").data["standing"]["reason"])
        self.run_it("jairouter", "rollback", "1", "--url", second.url)
        self.wait_for(5, first, second, fresh)
        wait_until(lambda: call(fresh, "GET", "config/status").data["standing"]["good"], f"health of {fresh}")
