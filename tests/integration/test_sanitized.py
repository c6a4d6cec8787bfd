"""The official `openai` SDK, unmodified, through a gateway that masks; and what that gateway logs."""

from __future__ import annotations

from typing import Any

from openai import OpenAI
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import Gateway, Shared, configuration, simulator

PHONE = "13812345678"
TEXT = f"Please call {PHONE}, or write to bob@example.com: the keys are there, and 東京 too."
MASKED = "Please call 138****5678, or write to b**@example.com: the keys are there, and 東京 too."
STRATEGIES = {"phone": "keep-prefix-suffix", "email": "keep-domain"}


class _Pair:
    def __init__(self) -> None:
        self.simulator = simulator("--echo")
        tree = configuration(self.simulator.url)
        tree["logging"] = {"access": {"enabled": True}}
        tree["model"]["services"]["chat"] = {
            "instances": [
                {"name": name, "base-url": self.simulator.url} for name in ("llama3", f"call-{PHONE}")
            ]
        }
        tree["security"] = {
            "sanitization": {
                "request": {"enabled": False},
                "response": {"enabled": True, "strategies": STRATEGIES},
                "logs": {"enabled": True},
            }
        }
        try:
            self.gateway = Gateway(tree)
        except BaseException:
            self.simulator.stop()
            raise

    def stop(self) -> None:
        """End both."""
        self.gateway.stop()
        self.simulator.stop()


PAIR = Shared(_Pair, _Pair.stop)


class SanitizedTests(SynchronousTestCase):
    """A backend that says again what it is told, piece by piece."""

    def setUp(self) -> None:
        self.gateway = PAIR.get().gateway
        self.client = OpenAI(base_url=f"{self.gateway.url}/v1", api_key="sk-none", max_retries=0)
        self.addCleanup(self.client.close)

    def ask(self, **options: Any) -> Any:
        messages: Any = [{"role": "user", "content": TEXT}]
        return self.client.chat.completions.create(model="llama3", messages=messages, **options)

    def test_a_whole_answer(self) -> None:
        self.assertEqual(self.ask().choices[0].message.content, MASKED)

    def test_a_stream(self) -> None:
        pieces = [each.choices[0].delta.content or "" for each in self.ask(stream=True) if each.choices]
        self.assertEqual("".join(pieces), MASKED)
        self.gateway.wait_at_rest()

    def test_the_log(self) -> None:
        """The name of a model is part of the access log."""
        messages: Any = [{"role": "user", "content": "x"}]
        self.client.chat.completions.create(model=f"call-{PHONE}", messages=messages)
        self.gateway.wait_for(r'model="call-\*{11}"')
        self.assertNotIn(PHONE, self.gateway.output)
