"""Tests for `jairouter.filters.cost`: what an attempt has cost, through the filter that writes it down."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.usage import StreamMeter
from jairouter.exchange import Exchange
from jairouter.filters.cost import of_answer, of_stream
from jairouter.request_body.held import HeldBody
from jairouter.routes import ROUTES
from jairouter.usage import Usage
from tests.filters.inner import attempted

ROUTE = {route.suffix: route for route in ROUTES}
SAID = b'{"usage":{"prompt_tokens":9,"completion_tokens":12}}'


def asked(suffix: str = "/chat/completions", status: int = 200) -> Exchange:
    """An exchange whose request has 40 bytes of body, and has been answered."""
    exchange = attempted()
    exchange.request = exchange.request._replace(route=ROUTE[suffix])
    exchange.body = HeldBody(b"x" * 40)
    exchange.attempt.status = status
    return exchange


class AnswerTests(SynchronousTestCase):
    """An answer in one piece."""

    def cost(self, exchange: Exchange, answer: bytes, *, readable: bool = True) -> Usage | None:
        of_answer(exchange, exchange.attempt, len(answer), answer, readable=readable)
        self.assertEqual(exchange.attempt.received, len(answer))
        return exchange.attempt.usage

    def test_said(self) -> None:
        self.assertEqual(self.cost(asked(), SAID), Usage(9, 12))

    def test_guessed(self) -> None:
        self.assertEqual(self.cost(asked(), b"x" * 80), Usage(10, 20, estimated=True))

    def test_vectors_are_no_tokens(self) -> None:
        self.assertEqual(self.cost(asked("/embeddings"), b"x" * 80), Usage(10, 0, estimated=True))

    def test_pictures_and_sounds_are_not_guessed(self) -> None:
        for suffix in ("/audio/speech", "/audio/transcriptions", "/images/generations"):
            self.assertIsNone(self.cost(asked(suffix), b"x" * 80), suffix)

    def test_errors_cost_nothing(self) -> None:
        self.assertIsNone(self.cost(asked(status=429), SAID))

    def test_compressed(self) -> None:
        self.assertIsNone(self.cost(asked(), SAID, readable=False))


class StreamTests(SynchronousTestCase):
    """An event stream."""

    def test_said(self) -> None:
        exchange, meter = asked(), StreamMeter()
        meter.see(b"data: " + SAID + b"\n\n")
        of_stream(exchange, exchange.attempt, 66, meter)
        self.assertEqual((exchange.attempt.usage, exchange.attempt.received), (Usage(9, 12), 66))

    def test_guessed(self) -> None:
        """An event for each token."""
        exchange, meter = asked(), StreamMeter()
        meter.see(b"data: {}\n\n" * 3)
        of_stream(exchange, exchange.attempt, 30, meter)
        self.assertEqual(exchange.attempt.usage, Usage(10, 3, estimated=True))

    def test_a_stream_of_sound_is_not_guessed(self) -> None:
        exchange, meter = asked("/audio/speech"), StreamMeter()
        meter.see(b"data: {}\n\n" * 3)
        of_stream(exchange, exchange.attempt, 30, meter)
        self.assertIsNone(exchange.attempt.usage)
