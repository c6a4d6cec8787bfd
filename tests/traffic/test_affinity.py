"""Tests for `jairouter.traffic.affinity`."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.exchange import Exchange, HeaderPairs
from jairouter.interfaces import Affinity
from jairouter.request_body.held import HeldBody
from jairouter.traffic.affinity import key_for
from tests.filters.inner import exchange, request

ADDRESS = b"192.0.2.1"


def key(
    affinity: Affinity, sent: Exchange | None = None, header: bytes | None = None, prefix_messages: int = 1
) -> bytes:
    """The key of an exchange."""
    made = key_for(affinity, header=header, prefix_messages=prefix_messages)
    assert made is not None
    return made(sent or exchange())


def with_headers(*headers: tuple[bytes, bytes]) -> Exchange:
    """An exchange with these headers."""
    given: HeaderPairs = headers
    return exchange(request(headers=given))


def chat(*texts: str, model: str = "m", **more: Any) -> Exchange:
    """A conversation that begins with a system prompt."""
    roles = ["system", *["user", "assistant"] * len(texts)]
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    return exchange(request(body=json.dumps({**more, "messages": messages}).encode()), model)


class AffinityTests(SynchronousTestCase):
    """What equal requests have in common."""

    def test_nothing(self) -> None:
        self.assertIsNone(key_for(Affinity.NONE, header=b"x", prefix_messages=1))

    def test_client(self) -> None:
        self.assertEqual(key(Affinity.CLIENT), ADDRESS)

    def test_header(self) -> None:
        """In any case, the first that is not empty."""
        sent = with_headers(
            (b"Y-Session", b"no"), (b"x-sEssion", b""), (b"X-SESSION", b"s1"), (b"X-Session", b"s2")
        )
        self.assertEqual(key(Affinity.HEADER, sent, b"X-Session"), b"s1")

    def test_no_such_header(self) -> None:
        self.assertEqual(key(Affinity.HEADER, with_headers((b"X-Session", b"")), b"X-Session"), ADDRESS)
        self.assertEqual(key(Affinity.HEADER), ADDRESS)


class PrefixTests(SynchronousTestCase):
    """The model and the beginning of its prompt."""

    def same(self, one: Exchange, other: Exchange, prefix_messages: int = 1) -> bool:
        """Whether they have the same key."""
        keys = {key(Affinity.PREFIX, each, prefix_messages=prefix_messages) for each in (one, other)}
        self.assertEqual({len(each) for each in keys}, {16})
        return len(keys) == 1

    def test_a_conversation_that_goes_on(self) -> None:
        longer = chat("be brief", "hello", "hi", "and now?", temperature=1)
        self.assertTrue(self.same(chat("be brief", "hello"), longer))
        self.assertFalse(self.same(chat("be brief", "hello"), longer, prefix_messages=2))

    def test_conversations(self) -> None:
        self.assertFalse(self.same(chat("be brief", "hello"), chat("be brief", "hi")))
        self.assertTrue(self.same(chat("be brief", "hello"), chat("be brief", "hi"), prefix_messages=0))
        self.assertFalse(self.same(chat("be brief"), chat("be long")))

    def test_models(self) -> None:
        self.assertFalse(self.same(chat("be brief", model="m"), chat("be brief", model="n")))

    def test_parts_do_not_run_into_each_other(self) -> None:
        one, other = (
            exchange(request(body=b'{"instructions":%b,"input":%b}' % texts))
            for texts in ((b"1", b"23"), (b"12", b"3"))
        )
        self.assertFalse(self.same(one, other))

    def test_no_prompt(self) -> None:
        """The beginning of the body, whatever it is, and the model; not its end."""
        for body in (b'{"query":"q"', b"[1,2", b"\xff\x00"):
            begins, other = body + b"," * 5000, b'{"query":"r"' + b"," * 5000
            sent = exchange(request(body=begins + b"1"))
            self.assertTrue(self.same(sent, exchange(request(body=begins + b"2"))))
            self.assertFalse(self.same(sent, exchange(request(body=other))))
            self.assertFalse(self.same(sent, exchange(request(body=begins), "n")))

    def test_a_body_that_is_not_held(self) -> None:
        """A form is not, nor is one without a byte: the client's address."""
        form = HeldBody(b'{"prompt":"x"}')
        form.data = None
        self.assertEqual(key(Affinity.PREFIX, exchange(request(body=form))), ADDRESS)
        self.assertEqual(key(Affinity.PREFIX, exchange(request(body=b""))), ADDRESS)
