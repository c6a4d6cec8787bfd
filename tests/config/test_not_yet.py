"""Tests of notices about parts that do nothing yet, or nothing here."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config import not_applicable
from jairouter.config.loader import Text, load
from jairouter.config.not_yet import TABLE
from jairouter.config.settings.root import Settings
from jairouter.config.shape import Group, Listing, Naming, Shape
from tests.config.reading import read


def leads_somewhere(shape: Shape, steps: list[str]) -> bool:
    """Whether a place of the table is one of the settings tree."""
    for step in steps:
        match shape:
            case Group() if step in shape.members:
                shape = shape.members[step].shape
            case Naming():
                shape = shape.value
            case Listing():
                shape = shape.item
            case _:
                return step == "**"
    return True


class NotYetTests(SynchronousTestCase):
    """Switching on what does nothing yet is told."""

    def test_each_row_is_about_keys_that_exist(self) -> None:
        for row in TABLE:
            places = [leads_somewhere(Group(Settings), place.split(".")) for place in row.places]
            self.assertTrue(any(places), row.places)

    def test_defaults_give_no_notice(self) -> None:
        self.assertEqual(read("").notices, ())

    def test_what_is_switched_off_gives_no_notice(self) -> None:
        text = "model: {rate-limit.enabled: false, load-balance.type: random, adapter: normal}"
        self.assertEqual(read(text).notices, ())

    def test_one_part_gives_one_notice_at_its_first_place(self) -> None:
        text = "model:\n  adapter: ollama\n  services.chat: {adapter: vllm}"
        (notice,) = read(text).notices
        told = "a.yml:2: adapter ollama has no effect yet: requests and answers are passed on as they are"
        self.assertEqual(str(notice), told)

    def test_keys_of_one_row_give_one_notice_together(self) -> None:
        self.assertEqual(len(read("store.redis: {host: a, port: 1}").notices), 1)

    def test_what_a_placeholder_stands_for_is_not_told(self) -> None:
        """Whoever may see the notices may not know the variables of the gateway."""
        loaded = load([Text("a.yml", b"model.adapter: ${SOME}")], environ={"SOME": "planted"})
        self.assertIn("adapter ${SOME} has no effect yet", str(loaded.notices[0]))
        self.assertNotIn("planted", str(loaded.notices))


class NotApplicableTests(SynchronousTestCase):
    """Keys of other products are accepted with one notice each."""

    def test_one_notice_for_each_block(self) -> None:
        text = "server:\n  http2.enabled: true\n  tomcat:\n    threads: {max: 1, min-spare: 2}\n"
        text += "spring:\n  main: {a: 1, b: 2}\n  jpa.show-sql: true"
        found = [str(notice).partition(" has ")[0] for notice in read(text).notices]
        expected = ["a.yml:2: server.http2", "a.yml:4: server.tomcat.threads"]
        expected += ["a.yml:6: spring.main", "a.yml:7: spring.jpa"]
        self.assertEqual(found, expected)

    def test_metrics_are_not_sampled(self) -> None:
        """Files that say how they are to be are good enough, and are told once for each block."""
        text = (
            "monitoring.metrics:\n"
            "  sampling: {request-metrics: 0.5, backend-metrics: 1}\n"
            "  performance: {async-processing: true, batch-size: 5}\n"
            "  collection-interval: 10s"
        )
        notices = [str(notice) for notice in read(text).notices]
        self.assertEqual(len(notices), 3)
        for notice in notices:
            self.assertIn("not applicable", notice)

    def test_each_place_of_the_table_is_accepted(self) -> None:
        for place in not_applicable.KEYS:
            if ".instances." in place:
                continue
            key = place.replace("*", "chat") + ".surely-unknown"
            self.assertEqual(read(f"{key}: 1").settings.server, read("").settings.server, key)

    def test_a_misspelled_key_elsewhere_is_still_a_fault(self) -> None:
        self.assertIsNone(not_applicable.reason(("server", "prot")))
        self.assertIsNone(not_applicable.reason(("model", "services", "chat", "wieght")))
