"""The command `jairouter` as a process of its own: pipes, signals, scripts, and a gateway that runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import (
    BIN,
    PATIENCE,
    ROOT,
    Gateway,
    configuration,
    simulator,
)

COMMAND = (sys.executable, "-m", "jairouter.command")
SCRIPTS = ROOT / "etc" / "scripts"


class CommandTestCase(SynchronousTestCase):
    """Runs commands in a directory of its own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="jairouter-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.config, self.store = self.folder / "config", self.folder / "store"
        self.config.mkdir()

    def environment(self, **more: str) -> dict[str, str]:
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(self.folder), **more}

    def run_it(self, *command: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        """Run any program."""
        return subprocess.run(
            list(map(str, command)),
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            env=self.environment(**more),
            timeout=PATIENCE,
        )

    def ask(self, *arguments: str | Path, status: int = 0) -> str:
        """Run a command that ends with this status. Returns what it printed."""
        ran = self.run_it(*COMMAND, *arguments)
        self.assertEqual(ran.returncode, status, ran.stderr)
        self.assertNotIn("Traceback", ran.stderr)
        return ran.stdout if status == 0 else ran.stderr

    def write_files(self, **more: Mapping[str, Any]) -> None:
        tree = configuration("http://127.0.0.1:9", store={"path": str(self.store)}, **more)
        (self.config / "application.yml").write_text(json.dumps(tree))


class ProcessTests(CommandTestCase):
    """What only a process has: a standard output that is gone, signals, an installed name."""

    def test_nobody_reads_the_rest(self) -> None:
        """`jairouter versions | head -1`, with more output than a pipe holds."""
        script = (
            "import sys\n"
            "from jairouter.command import line, viewing\n"
            "class Many:\n"
            "    def history(self):\n"
            "        return [{'version': n, 'description': 'x' * 200} for n in range(5000)]\n"
            "viewing.side_of = lambda options, shell: Many()\n"
            "sys.exit(line.main(['versions']))\n"
        )
        command = f'{{ {sys.executable} -c "$SCRIPT"; echo $? >status; }} | head -1'
        ran = self.run_it("sh", "-c", command, SCRIPT=script)
        self.assertIn("VERSION", ran.stdout)
        self.assertEqual(ran.stderr, "")
        self.assertEqual((self.folder / "status").read_text(), "141\n")

    def test_nobody_reads_anything(self) -> None:
        """The little that there is stays in Python's own buffer until the end."""
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as out:
            ran = subprocess.run(
                [*COMMAND, "versions", "--store", self.folder],
                check=False,
                stdout=out,
                stderr=subprocess.PIPE,
                text=True,
                env=self.environment(),
                timeout=PATIENCE,
            )
        self.assertEqual((ran.returncode, ran.stderr), (141, ""))

    def test_ctrl_c(self) -> None:
        """While a gateway takes its time to answer."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"http://127.0.0.1:{server.getsockname()[1]}"
            process = subprocess.Popen(
                [*COMMAND, "versions", "--url", url],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=self.environment(),
            )
            self.addCleanup(process.kill)
            server.settimeout(PATIENCE)
            connection, _ = server.accept()
            with connection:
                connection.settimeout(PATIENCE)
                self.assertTrue(connection.recv(1))
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, out, err), (130, "", "jairouter: interrupted\n"))

    def test_a_disk_that_is_full(self) -> None:
        with open("/dev/full", "wb") as full:
            ran = subprocess.run(
                [*COMMAND, "versions", "--store", self.folder],
                check=False,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                env=self.environment(),
                timeout=PATIENCE,
            )
        self.assertEqual((ran.returncode, ran.stderr), (1, "jairouter: No space left on device\n"))

    def test_it_is_installed_under_its_name(self) -> None:
        ran = self.run_it("jairouter", "versions", "--store", self.folder)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))


class GatewayTests(CommandTestCase):
    """Commands on a gateway that runs."""

    KEY = "m@http://127.0.0.1:9"

    def setUp(self) -> None:
        super().setUp()
        chat = {"instances": [{"name": "m", "base-url": "http://127.0.0.1:9"}]}
        store = {"path": str(self.store)}
        self.tree = configuration("http://127.0.0.1:9", store=store, model={"services": {"chat": chat}})
        self.gateway = Gateway(self.tree)
        self.addCleanup(self.gateway.stop)

    def on_it(self, *arguments: str | Path, status: int = 0) -> str:
        return self.ask(*arguments, "--url", self.gateway.url, status=status)

    def file(self, text: str) -> Path:
        path = self.folder / "new.yml"
        path.write_text(text)
        return path

    def weight(self, weight: int) -> Path:
        return self.file(f'model.services.chat.instances: {{"{self.KEY}": {{weight: {weight}}}}}')

    def weight_in_force(self) -> int:
        shown = json.loads(self.on_it("show", "--json"))
        found: int = shown["model"]["services"]["chat"]["instances"][0].get("weight", 1)
        return found

    def test_changes_are_made_looked_at_and_gone_back_from(self) -> None:
        self.assertIn("no version is stored", self.on_it("versions"))
        told = f"the weight of {self.KEY} goes from 1 to 3"
        self.assertIn(told, self.on_it("plan", self.weight(3)))
        self.assertEqual(self.weight_in_force(), 1, "a plan changes nothing")
        applied = self.on_it("apply", self.weight(3), "-m", "more for it")
        self.assertIn(told, applied)
        self.assertIn("version 1 is in force", applied)
        self.assertEqual(self.weight_in_force(), 3)
        self.assertIn("more for it", self.on_it("versions"))
        self.assertIn(told, self.on_it("diff", "files"))
        self.assertIn(told, self.on_it("diff", "0", "1"))
        self.assertIn("weight: 3", self.on_it("show", "--changes"))
        self.assertIn("version 2 is in force", self.on_it("rollback", "files", "--if-version", "1"))
        self.assertEqual(self.weight_in_force(), 1)
        self.assertIn("nothing is different", self.on_it("rollback", "2"))

    def test_the_directory_says_the_same_as_the_gateway(self) -> None:
        for weight in (3, 5):
            self.on_it("apply", self.weight(weight), "-y")
        offline = ("--store", self.store, "--config", self.gateway.folder, "--json")
        for question in (("show",), ("show", "1", "--changes")):
            theirs = json.loads(self.on_it(*question, "--json"))
            self.assertEqual(json.loads(self.ask(*question, *offline)), theirs)
        theirs, ours = (
            json.loads(self.on_it("versions", "--json")),
            json.loads(self.ask("versions", *offline)),
        )
        for each in theirs:
            each.pop("digest")
        self.assertEqual(ours, theirs)
        theirs, ours = (
            json.loads(text) for text in (self.on_it("diff", "1", "--json"), self.ask("diff", "1", *offline))
        )
        self.assertEqual(ours["differences"], theirs["differences"])

    def test_faults_name_the_file(self) -> None:
        file = self.file("server.prot: 1")
        for command in ("plan", "apply"):
            told = self.on_it(command, file, status=1)
            self.assertIn(f"{file}", told)
            self.assertIn("server.prot: unknown key; did you mean port?", told)
        self.assertIn(f"{file}", self.on_it("apply", file, "--yes", status=1))

    def test_somebody_else_was_faster(self) -> None:
        self.on_it("apply", self.weight(3), "-y")
        told = self.on_it("apply", self.weight(5), "-y", "--if-version", "0", status=1)
        self.assertIn("version 1 is in force", told)

    def test_the_files_are_read_again(self) -> None:
        self.tree["model"]["services"]["chat"]["instances"][0]["weight"] = 4
        self.gateway.file.write_text(json.dumps(self.tree))
        self.on_it("plan")
        self.on_it("reload")
        self.assertEqual(self.weight_in_force(), 4)
        self.gateway.file.write_text("server.prot: 1")
        self.assertIn("did you mean port?", self.on_it("reload", status=1))
        self.assertIn("did you mean port?", self.on_it("plan", status=1))

    def test_a_change_that_is_watched_and_stays(self) -> None:
        self.on_it("apply", self.weight(3), "-y", "--undo-within", "1s", "--undo-margin", "5%", "--wait")
        self.assertEqual(self.weight_in_force(), 3)

    def test_a_backup_of_it_is_what_is_in_force_after_a_restore(self) -> None:
        """While it runs nothing is restored; then the effective tree is what it was."""
        self.on_it("apply", self.weight(3), "-y")
        archive = self.folder / "b.tar.gz"
        self.ask("backup", "--config", self.gateway.folder, "-o", archive)
        self.on_it("apply", self.weight(9), "-y")
        restore = ("restore", archive, "--config", self.gateway.folder)
        self.assertIn("stop it first", self.on_it(*restore, status=1))
        before = self.ask("show", "1", "--store", self.store, "--config", self.gateway.folder)
        self.gateway.send_signal(signal.SIGTERM)
        self.gateway.wait()
        self.on_it(*restore)
        self.addCleanup(self.forget_aside)
        after = self.ask("show", "--store", self.store, "--config", self.gateway.folder)
        self.assertEqual(after, before)
        self.assertIn("weight: 3", after)

    def forget_aside(self) -> None:
        for path in self.gateway.folder.parent.glob(f"{self.gateway.folder.name}.before-restore-*"):
            shutil.rmtree(path)


class ScriptsTests(CommandTestCase):
    """The guide's scripts, corrected."""

    def setUp(self) -> None:
        super().setUp()
        self.write_files()
        self.backups = self.folder / "back ups"
        self.ask("apply", self.change(3), "-y", "--offline", "-c", self.config)

    def change(self, weight: int) -> Path:
        path = self.folder / f"{weight}.yml"
        instances = {"org/chat@http://127.0.0.1:9": {"weight": weight}}
        path.write_text(json.dumps({"model": {"services": {"chat": {"instances": instances}}}}))
        return path

    def script(self, name: str, *arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        places = {"BACKUP_DIR": str(self.backups), "CONFIG_DIR": str(self.config)}
        return self.run_it(SCRIPTS / name, *arguments, **places, **more)

    def weight(self) -> int:
        shown = json.loads(self.ask("show", "--offline", "-c", self.config, "--json"))
        found: int = shown["model"]["services"]["chat"]["instances"][0]["weight"]
        return found

    def test_shellcheck_finds_nothing(self) -> None:
        if shutil.which("shellcheck") is None:
            self.fail("shellcheck is missing; tools/debian-test-packages has it")
        ran = self.run_it("shellcheck", *SCRIPTS.glob("*.sh"))
        self.assertEqual(ran.returncode, 0, ran.stdout)

    def test_what_was_backed_up_comes_back(self) -> None:
        """With the store, and with what was there put aside."""
        ran = self.script("backup-config.sh")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.ask("apply", self.change(7), "-y", "--offline", "-c", self.config)
        (self.config / "application.yml").write_text("not: a configuration")
        with _Healthy() as url:
            ran = self.script("disaster-recovery.sh", HEALTH_URL=url, STOP="echo stop", START="echo start")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertLess(ran.stdout.index("stop"), ran.stdout.index("start"))
        self.assertEqual(self.weight(), 3)
        aside = [name for name in os.listdir(self.folder) if "before-restore" in name]
        self.assertEqual(len(aside), 2)

    def test_a_backup_that_fails_deletes_nothing(self) -> None:
        self.backups.mkdir()
        old = self.backups / "jairouter-20200101T000000Z.tar.gz"
        old.touch()
        shutil.rmtree(self.config)
        self.assertEqual(self.script("backup-config.sh").returncode, 1)
        self.assertTrue(old.exists())
        self.config.mkdir()
        self.write_files()
        self.assertEqual(self.script("backup-config.sh").returncode, 0)
        self.assertFalse(old.exists())

    def test_a_damaged_backup_stops_nothing(self) -> None:
        damaged = self.folder / "damaged.tar.gz"
        damaged.write_bytes(b"x" * 1000)
        ran = self.script("disaster-recovery.sh", damaged, STOP="echo stop")
        self.assertEqual((ran.returncode, ran.stdout), (1, ""))
        self.assertIn("it is no tar archive, or it is damaged", ran.stderr)

    def test_the_service_is_started_again_if_nothing_can_be_restored(self) -> None:
        self.script("backup-config.sh")
        # The archive goes away while the service is stopped
        stop = f"rm '{self.backups}'/*"
        ran = self.script("disaster-recovery.sh", STOP=stop, START="echo started")
        self.assertEqual((ran.returncode, ran.stdout.splitlines()[-1]), (1, "started"), ran.stderr)

    def test_a_service_that_is_not_well(self) -> None:
        self.script("backup-config.sh")
        more = {"STOP": "true", "START": "true", "WAIT": "0", "HEALTH_URL": "http://127.0.0.1:9/"}
        ran = self.script("disaster-recovery.sh", **more)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("does not answer that all is well", ran.stderr)

    def test_the_archive_of_the_guides_own_script(self) -> None:
        """`tar -czf config-DATE.tar.gz -C CONFIG_DIR .`."""
        archive = self.folder / "config-20240115_100000.tar.gz"
        made = self.run_it("tar", "-czf", archive, "-C", self.config, ".")
        self.assertEqual(made.returncode, 0, made.stderr)
        (self.config / "application.yml").write_text("server.port: 1")
        self.ask("restore", archive, "--config", self.config)
        self.assertEqual(self.weight(), 3)

    def test_tar_unpacks_a_backup_too(self) -> None:
        self.script("backup-config.sh")
        (archive,) = self.backups.iterdir()
        with tarfile.open(archive) as tar:
            self.assertIn("store/model-router-config@1.json", tar.getnames())


class _Healthy:
    """The simulator lists its models, with 200."""

    def __enter__(self) -> str:
        self._server = simulator()
        return f"{self._server.url}/v1/models"

    def __exit__(self, *_: object) -> None:
        self._server.stop()
