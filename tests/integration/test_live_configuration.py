"""The configuration changes while requests are under way, and nobody notices."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.api import call, instance_path
from tests.integration.good_clients import working
from tests.integration.processes import Gateway, configuration, simulator, wait_until

RELOADS = 200
SECRET = "sk-planted-0123456789abcdef"
MODEL = "org/chat"


class ReloadsTests(SynchronousTestCase):
    """Many changes, of every kind and by every way, under load."""

    def setUp(self) -> None:
        self.random = random.Random(5)
        # A stream takes a tenth of a second, so several changes happen while it flows
        self.backends = [simulator("--tokens-per-second", "300") for _ in range(3)]
        for backend in self.backends:
            self.addCleanup(backend.stop)
        self.tree = configuration(self.backends[0].url)
        self.tree["config"] = {"reload": {"debounce": "50ms"}}
        self.tree["model"]["services"]["chat"]["instances"] = [self.instance(0), self.instance(1)]
        self.gateway = Gateway(self.tree)
        self.addCleanup(self.gateway.stop)

    def instance(self, which: int, **more: Any) -> dict[str, Any]:
        return {"name": MODEL, "base-url": self.backends[which].url, "instance-id": f"i{which}", **more}

    def weight(self) -> None:
        """Of one that is never taken away, so that there is always one."""
        path = instance_path("chat", "i0")
        self.assertEqual(call(self.gateway, "PATCH", path, {"weight": self.random.randint(1, 9)}).status, 200)

    def come_and_go(self) -> None:
        """An instance that is there, perhaps in the middle of a stream, is gone, or the other way round."""
        listed = call(self.gateway, "GET", "config/instance/type/chat").data
        if any(each["instanceId"] == "i2" for each in listed):
            self.assertEqual(call(self.gateway, "DELETE", instance_path("chat", "i2")).status, 200)
        else:
            added = call(self.gateway, "POST", "config/instance/add/chat", self.instance(2))
            self.assertEqual(added.status, 201)

    def drain(self) -> None:
        for verb in ("drain", "enable"):
            self.assertEqual(call(self.gateway, "POST", f"{instance_path('chat', 'i1')}/{verb}").status, 200)

    def back(self) -> None:
        versions = call(self.gateway, "GET", "config/version").data
        number = self.random.choice([0, *versions])
        self.assertEqual(call(self.gateway, "POST", f"config/version/apply/{number}").status, 200)

    def file(self) -> None:
        """A whole file, written and renamed; SIGHUP at once, before it is found out."""
        limit = {"enabled": True, "capacity": 100_000, "rate": self.random.randint(50_000, 90_000)}
        self.tree["model"]["rate-limit"] = limit
        beside = self.gateway.file.with_suffix(".new")
        beside.write_text(json.dumps(self.tree))
        os.replace(beside, self.gateway.file)
        self.gateway.send_signal(signal.SIGHUP)

    def test_no_request_fails(self) -> None:
        """Nothing is lent out in the end, and no memory is kept."""
        kinds: list[Callable[[], None]] = [self.weight, self.come_and_go, self.drain, self.back, self.file]
        memory: list[int] = []
        with working(self.gateway) as courses:
            for number in range(RELOADS):
                self.random.choice(kinds)()
                if number % 20 == 19:
                    memory.append(self.gateway.memory())
        for kind, course in courses.items():
            self.assertEqual(course.failures, [], kind)
            self.assertGreater(len(course.seconds), 20, kind)
        self.gateway.wait_at_rest()
        self.assertGreaterEqual(self.gateway.metric("jairouter_config_reloads_total", result="success"), 150)
        self.assertEqual(self.gateway.metric("jairouter_config_reloads_total", result="failure"), 0)
        # The first reloads fill caches and pools
        self.assertLess(memory[-1] - memory[4], 6 * 1024 * 1024, memory)


class EditorsTests(SynchronousTestCase):
    """Many editors at a time."""

    EDITORS = 50

    def setUp(self) -> None:
        self.gateway = Gateway(configuration("http://127.0.0.1:1"))
        self.addCleanup(self.gateway.stop)

    def test_each_change_is_there_or_was_refused(self) -> None:
        """All have seen version 0; one of them is first. Then they look again."""
        begin = threading.Barrier(self.EDITORS)

        def edit(number: int) -> list[tuple[int, int]]:
            told = []
            begin.wait()
            seen = 0
            for turn in range(3):
                body = {"name": f"m{number}-{turn}", "baseUrl": "http://localhost:9", "path": "/v1"}
                done = call(self.gateway, "POST", "config/instance/add/chat", body, match=seen)
                told.append((done.status, done.data["version"] if done.status == 201 else 0))
                seen = call(self.gateway, "GET", "config/version/current").data
            return told

        with ThreadPoolExecutor(self.EDITORS) as pool:
            told = list(pool.map(edit, range(self.EDITORS)))
        statuses = [status for each in told for status, _ in each]
        self.assertEqual(set(statuses), {201, 409})
        acknowledged = sorted(version for each in told for status, version in each if status == 201)
        self.assertEqual(call(self.gateway, "GET", "config/version").data, acknowledged)
        names = {each["name"] for each in call(self.gateway, "GET", "config/instance/type/chat").data}
        for number, turns in enumerate(told):
            for turn, (status, _) in enumerate(turns):
                self.assertEqual(f"m{number}-{turn}" in names, status == 201)

    def test_without_a_version_all_of_them_win(self) -> None:
        """Each edit is made upon what the others have made."""
        with ThreadPoolExecutor(self.EDITORS) as pool:
            bodies = [{"name": f"m{n}", "baseUrl": "http://localhost:9"} for n in range(self.EDITORS)]
            told = list(
                pool.map(lambda body: call(self.gateway, "POST", "config/instance/add/chat", body), bodies)
            )
        self.assertEqual({each.status for each in told}, {201})
        names = {each["name"] for each in call(self.gateway, "GET", "config/instance/type/chat").data}
        self.assertEqual(names, {MODEL, *(body["name"] for body in bodies)})
        self.assertEqual(len(call(self.gateway, "GET", "config/version").data), self.EDITORS)


class FirstEditTests(SynchronousTestCase):
    """A system that knew files alone, and its first change through the API."""

    def setUp(self) -> None:
        self.tree = configuration("http://127.0.0.1:1")
        headers = {"Authorization": "Bearer ${BACKEND_KEY}"}
        for service in self.tree["model"]["services"].values():
            service["instances"][0]["headers"] = headers
        self.environment = {"BACKEND_KEY": SECRET, "SECURITY_CHANGES_VARIABLES": "BACKEND_*"}
        self.gateway = Gateway(self.tree, environment=self.environment)
        self.addCleanup(self.stop)

    def stop(self) -> None:
        """End the one that runs, which need not be the first."""
        self.gateway.stop()

    def restart(self) -> None:
        self.assertEqual(self.gateway.get("/actuator/health")[0], 200)  # it runs, and has taken its signals
        self.gateway.send_signal(signal.SIGTERM)
        self.assertEqual(self.gateway.wait(), 0)
        folder = self.gateway.folder
        self.gateway = Gateway(self.tree, environment=self.environment, folder=folder)

    def test_other_services_stay(self) -> None:
        before = call(self.gateway, "GET", "config/type/services/batch").data
        added = {"name": "another", "baseUrl": "http://ollama:11434", "headers": {"X-Key": "${BACKEND_KEY}"}}
        self.assertEqual(call(self.gateway, "POST", "config/instance/add/chat", added).status, 201)
        after = call(self.gateway, "GET", "config/type/services/batch").data
        self.assertEqual({**after, "chat": None}, {**before, "chat": None})
        self.assertEqual([each["name"] for each in after["chat"]["instances"]], [MODEL, "another"])

    def test_restarts_add_no_version(self) -> None:
        """With nothing stored there is not even a directory; and what was stored is in force again."""
        self.restart()
        self.assertFalse(self.gateway.store.exists())
        path = instance_path("chat", f"{MODEL}@http://127.0.0.1:1")
        self.assertEqual(call(self.gateway, "PATCH", path, {"weight": 4}).data["version"], 1)
        for _ in range(3):
            self.restart()
        self.assertEqual(call(self.gateway, "GET", "config/version").data, [1])
        self.assertEqual(call(self.gateway, "GET", path).data["weight"], 4)

    def test_no_secret_is_stored(self) -> None:
        """Neither one that a placeholder stands for, nor one that somebody sends."""
        path = instance_path("chat", f"{MODEL}@http://127.0.0.1:1")
        shown = call(self.gateway, "GET", path)
        self.assertNotIn(SECRET, json.dumps(shown.envelope))
        self.assertEqual(call(self.gateway, "PUT", path, {**shown.data, "weight": 2}).status, 200)
        refused = call(self.gateway, "PATCH", path, {"headers": {"Authorization": f"Bearer {SECRET}"}})
        self.assertEqual((refused.status, refused.code), (400, "INVALID_CONFIGURATION"))
        self.assertEqual(call(self.gateway, "POST", "config/merge/backup").status, 200)
        wait_until(lambda: len(list(self.gateway.store.iterdir())) >= 1, "something stored")
        for file in self.gateway.store.rglob("*"):
            if file.is_file():
                self.assertNotIn(SECRET.encode(), file.read_bytes(), file)
        self.assertNotIn(SECRET, self.gateway.output)


class StoreTroubleTests(SynchronousTestCase):
    """The store cannot be written."""

    def test_refused_and_nothing_has_changed(self) -> None:
        tree = configuration("http://127.0.0.1:1")
        gateway = Gateway(tree)
        self.addCleanup(gateway.stop)
        gateway.store.write_text("a file where the directory should be")
        path = instance_path("chat", f"{MODEL}@http://127.0.0.1:1")
        refused = call(gateway, "PATCH", path, {"weight": 4})
        self.assertEqual((refused.status, refused.code), (503, "STORE_UNAVAILABLE"))
        self.assertEqual(call(gateway, "GET", path).data["weight"], 1)
        gateway.store.unlink()
        self.assertEqual(call(gateway, "PATCH", path, {"weight": 4}).status, 200)


class FilesTests(SynchronousTestCase):
    """Files that change while the gateway runs."""

    def setUp(self) -> None:
        self.tree = configuration("http://127.0.0.1:1")
        self.tree["config"] = {"reload": {"debounce": "50ms"}}
        self.gateway = Gateway(self.tree)
        self.addCleanup(self.gateway.stop)

    def weight(self) -> Any:
        path = instance_path("chat", f"{MODEL}@http://127.0.0.1:1")
        return call(self.gateway, "GET", path).data["weight"]

    def write(self, weight: object) -> None:
        self.tree["model"]["services"]["chat"]["instances"][0]["weight"] = weight
        self.gateway.file.write_text(json.dumps(self.tree, indent=1))

    def test_found_out(self) -> None:
        self.write(7)
        wait_until(lambda: self.weight() == 7, "the new weight")

    def test_faults(self) -> None:
        """What was in force stays, and health says why."""
        self.write("heavy")
        self.gateway.wait_for("model.services.chat.instances.0..weight: expected an integer")
        self.assertEqual(self.weight(), 1)
        status, page = self.gateway.get("/actuator/health")
        component = json.loads(page)["components"]["configuration"]
        self.assertEqual((status, component["status"]), (200, "DEGRADED"))
        self.assertEqual(self.gateway.metric("jairouter_config_last_reload_successful"), 0)
        self.write(2)
        wait_until(lambda: self.weight() == 2, "the new weight")
        self.assertEqual(self.gateway.metric("jairouter_config_last_reload_successful"), 1)

    def test_sighup(self) -> None:
        """Without a change: nothing happens, except that it is said."""
        self.gateway.send_signal(signal.SIGHUP)
        self.gateway.wait_for("SIGHUP")
        self.assertEqual(self.weight(), 1)

    def test_under_way(self) -> None:
        """A stream ends at the backend that it began at, though nobody gets there any more."""
        backend = simulator("--tokens-per-second", "20")
        self.addCleanup(backend.stop)
        self.tree["model"]["services"]["chat"]["instances"] = [{"name": MODEL, "base-url": backend.url}]
        self.write(1)
        wait_until(lambda: backend.url in str(call(self.gateway, "GET", "config/type").data), "the backend")
        client = self.gateway.connect()
        self.addCleanup(client.close)
        body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        client.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        response = client.getresponse()
        first = response.readline()
        self.tree["model"]["services"]["chat"]["instances"][0]["base-url"] = "http://127.0.0.1:1"
        self.write(1)
        wait_until(
            lambda: backend.url not in str(call(self.gateway, "GET", "config/type").data), "it is gone"
        )
        rest = first + response.read()
        self.assertTrue(rest.endswith(b"data: [DONE]\n\n"), rest)
