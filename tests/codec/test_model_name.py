"""Tests of `jairouter.codec.model_name`."""

from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.model_name import fault_in


class FaultInTests(SynchronousTestCase):
    """What a model name may look like."""

    def test_usual_names_are_fit(self) -> None:
        """Slashes, colons, dots, spaces and letters of any script are fine."""
        for name in ("gpt-4o", "meta/llama-3.1:8b", "my model", "通义千问", "é\u00a0\U0001f600"):
            self.assertIsNone(fault_in(name), name)

    def test_empty_name(self) -> None:
        """No name is a fault."""
        self.assertEqual(fault_in(""), "must not be empty")

    def test_control_characters(self) -> None:
        """C0, DEL and C1 could forge log lines and headers."""
        for code in (*range(0x20), *range(0x7F, 0xA0)):
            self.assertIn("control characters", fault_in(f"a{chr(code)}b") or "", hex(code))

    def test_replacement_character(self) -> None:
        """U+FFFD means that something could not be decoded."""
        self.assertIn("undecodable", fault_in("a\ufffd") or "")
