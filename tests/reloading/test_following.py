"""Tests for `jairouter.reloading.following`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from jairouter.config.faults import Fault
from jairouter.config.files import Sources
from jairouter.refusals import StoreUnavailable
from jairouter.reloading.following import Following, is_configuration
from jairouter.reloading.looking import Looked, look
from jairouter.store.reading import number_of
from tests.reloading.test_watch import FakeNotices
from tests.reloading.workbench import Workbench, capacity

FILES, STORE = Path("/etc/jairouter"), Path("/var/lib/jairouter")


class FollowingTests(Workbench):
    """Changes outside come into force."""

    def setUp(self) -> None:
        super().setUp()
        self.looked: list[tuple[Path, ...]] = []
        self.opened: list[FakeNotices] = []
        self.store_count = self.written = 0
        self.following = self.follow()
        self.addCleanup(self.quiet)
        self.addCleanup(self.following.stop)

    def quiet(self) -> None:
        self.assertTrue(all(notices.closed for notices in self.opened))

    def follow(self) -> Following:
        counts: Callable[[str], bool] = lambda name: number_of(name) is not None  # noqa: E731
        return Following(self.configuration, (STORE, counts), self.clock, self.in_thread, self.open)

    def read(self) -> Sources:
        """Read the file, which is said to be in a directory."""
        sources = super().read()
        return Sources(
            sources.files, sources.profiles, sources.faults, sources.notices, (FILES,), sources.digest
        )

    def open(self, told: Callable[[bool], None]) -> FakeNotices:
        self.opened.append(FakeNotices(told, 100))
        return self.opened[-1]

    def in_thread(self, function: Any, *arguments: Any) -> Deferred[Any]:
        """Look at what the test has written."""
        self.assertIs(function, look)
        paths = arguments[0]
        self.looked.append(paths)
        state = len(self.stored()) if STORE in paths else hash((self.text, self.written, paths))
        place = str(paths[0])
        return self.run_in_thread(lambda: Looked(((place, 0, 0, 0, 0, state),), {place: (1, 1)}))

    def tell(self, directory: Path) -> None:
        """The kernel tells of it."""
        for notices in [each for each in self.opened if not each.closed]:
            if str(directory) in notices.watched:
                notices.tell(False)

    def start_following(self) -> None:
        self.following.start()
        self.clock.advance(0)

    def write(self, text: str) -> None:
        self.text = text
        self.tell(FILES)
        self.clock.advance(1)

    def debounce(self, seconds: int) -> str:
        return self.text.replace("debounce: 1s", f"debounce: {seconds}s")

    def test_files(self) -> None:
        self.start_following()
        self.write(self.debounce(2))
        self.assertEqual(self.configuration.loaded.settings.config.reload.debounce, 2.0)
        self.assertEqual(self.configuration.standing.cause, "files changed")

    def test_nothing_is_said_of_the_start(self) -> None:
        """It is looked whether something has happened since the start, and nothing has."""
        before = self.configuration.standing
        self.start_following()
        self.assertEqual((self.configuration.standing, self.configuration.counts.succeeded), (before, 1))

    def test_since_the_start(self) -> None:
        self.text = self.debounce(2)
        self.add_elsewhere(capacity(5))
        self.start_following()
        self.assertEqual(self.configuration.loaded.settings.config.reload.debounce, 2.0)
        self.assertEqual(self.in_force(), (1, 5))

    def test_files_that_fit_another_version(self) -> None:
        """Files that were refused are tried again when another version is in force, and only then."""
        self.change(capacity(5))
        self.start_following()
        self.write("model: {services: {chat: {instances: [{name: m, base-url: 'x'}]}}}")
        self.assertFalse(self.configuration.standing.good)
        self.clock.advance(5)
        url = {"model": {"services": {"chat": {"instances": {"m@x": {"base-url": "http://10.0.0.1:9000"}}}}}}
        self.change(url)
        self.assertFalse(self.configuration.standing.good)
        self.clock.advance(1)
        self.assertTrue(self.configuration.standing.good, self.configuration.standing)
        self.assertEqual(self.configuration.loaded.sources.digest, self.configuration.read.digest)

    def test_what_refused_files_name(self) -> None:
        """Is read anew with them when it is another: perhaps it alone was not there yet."""
        pem = Path("/etc/ssl/new.pem")
        self.faults, self.named = (Fault("is empty"),), (str(pem), "of\0no file", "\ud800")
        self.start_following()
        self.write(self.debounce(2))
        self.assertFalse(self.configuration.standing.good)
        self.clock.pump([1.0] * 30)
        self.assertEqual(self.looked[-1], (FILES, pem))
        built = len(self.built)
        self.clock.pump([1.0] * 30)
        self.assertEqual(len(self.built), built)
        self.faults, self.written = (), 1
        self.tell(FILES)
        self.clock.pump([1.0] * 30)
        self.assertEqual((self.configuration.standing.good, len(self.swapped)), (True, 1))
        self.assertEqual(self.looked[-1], (FILES,))

    def test_store(self) -> None:
        self.start_following()
        self.add_elsewhere(capacity(5))
        self.tell(STORE)
        self.clock.advance(1)
        self.assertEqual(self.in_force(), (1, 5))

    def test_store_is_back(self) -> None:
        """It is asked again by itself."""
        self.start_following()
        self.store.refusal["history"] = StoreUnavailable("no such disk")
        self.add_elsewhere(capacity(5))
        self.tell(STORE)
        self.clock.advance(1)
        self.assertEqual(self.configuration.standing.reason, "no such disk")
        self.store.refusal.clear()
        self.clock.pump([1.0] * 12)
        self.assertEqual((self.in_force(), self.configuration.standing.good), ((1, 5), True))

    def test_wrong(self) -> None:
        """It is not asked again and again: somebody has to write first."""
        self.start_following()
        self.write("model: {services: {chat: {instanc")
        self.assertFalse(self.configuration.standing.good)
        self.assertEqual(self.configuration.counts.failed, 1)
        built = len(self.built)
        self.clock.pump([1.0] * 30)
        self.assertEqual(len(self.built), built)

    def test_switched_off(self) -> None:
        """Files are left alone; the store is not."""
        self.start_following()
        self.change({"config": {"reload": {"watch": False}}})
        self.text = self.debounce(2)
        self.tell(FILES)
        self.clock.pump([1.0] * 30)
        self.assertEqual(self.configuration.loaded.settings.config.reload.debounce, 1.0)
        self.add_elsewhere(capacity(5))
        self.tell(STORE)
        self.clock.advance(1)
        self.assertEqual(self.configuration.version, 2)

    def test_switched_on(self) -> None:
        """What was written meanwhile comes into force."""
        self.start_following()
        self.change({"config": {"reload": {"watch": False}}})
        self.text = self.debounce(2)
        self.change({})
        self.assertEqual(self.configuration.loaded.settings.config.reload.debounce, 2.0)

    def test_stopped(self) -> None:
        self.start_following()
        self.following.stop()
        self.change(capacity(5))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_names(self) -> None:
        for name in ("application.yml", "jairouter.yaml", "application-prod.yml"):
            self.assertTrue(is_configuration(name), name)
        for name in ("app.yml", "application.yml.swp", ".application.yml", "..data"):
            self.assertFalse(is_configuration(name), name)
