"""Tests of the settings of fallbacks: what is refused."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.inheritance import fallback_for
from tests.config.reading import faults_of, read

INSTANCES = """
  services:
    chat:
      instances: [{name: gpt-4, base-url: http://a}, {name: llama3, base-url: http://b, enabled: false}]
    tts:
      instances: [{name: speak, base-url: http://a}]
"""


class ModelsTests(SynchronousTestCase):
    """The models that are asked instead."""

    def of_chat(self, fallback: str) -> str:
        return f"model:\n{INSTANCES}".replace("    tts:", f"      fallback: {fallback}\n    tts:")

    def test_models_that_exist(self) -> None:
        """Also those that are switched off for now, and any model's."""
        given = read(self.of_chat('{models: {gpt-4: [llama3], "*": [gpt-4]}}')).settings.model
        self.assertEqual(fallback_for(given, "chat").models, {"gpt-4": ("llama3",), "*": ("gpt-4",)})

    def test_a_model_that_nobody_could_ask(self) -> None:
        told = "no instance of chat has this name: 'lama3'"
        (fault,) = faults_of(self.of_chat("{models: {gpt-4: [llama3, lama3]}}"))
        self.assertEqual(fault, f"a.yml:6: model.services.chat.fallback.models.gpt-4[1]: {told}")

    def test_a_model_of_another_service(self) -> None:
        (fault,) = faults_of(self.of_chat("{models: {gpt-4: [speak]}}"))
        self.assertIn("no instance of chat has this name: 'speak'", fault)

    def test_a_model_that_nobody_could_ask_for(self) -> None:
        (fault,) = faults_of(self.of_chat("{models: {gtp-4: [llama3]}}"))
        self.assertIn("model.services.chat.fallback.models.gtp-4: no instance of chat has this name", fault)

    def test_for_all_services(self) -> None:
        """There it is enough that one of them has it."""
        text = f"model:\n  fallback: {{models: {{gpt-4: [%s]}}}}{INSTANCES}"
        read(text % "llama3")
        (fault,) = faults_of(text % "other")
        self.assertEqual(fault, "a.yml:2: model.fallback.models.gpt-4[0]: no instance has this name: 'other'")


class ResponseTests(SynchronousTestCase):
    """The static answer."""

    def test_it_has_to_be_given(self) -> None:
        told = "the strategy static answers with response, which is not given"
        (fault,) = faults_of(f"model:\n  fallback: {{enabled: true, strategy: static}}{INSTANCES}")
        self.assertEqual(fault, f"a.yml:2: model.fallback: {told}")

    def test_it_may_be_given_further_out(self) -> None:
        near = INSTANCES.replace("    tts:", "      fallback: {enabled: true, strategy: mock}\n    tts:")
        read(f"model:\n  fallback: {{response: sorry}}{near}")
        (fault,) = faults_of(f"model:\n{near}")
        self.assertIn("a.yml:6: model.services.chat.fallback: the strategy mock answers", fault)

    def test_it_is_not_needed_where_nothing_falls_back(self) -> None:
        read(f"model:\n  fallback: {{strategy: static}}{INSTANCES}")
