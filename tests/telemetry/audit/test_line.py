"""Tests for `jairouter.telemetry.audit.line` and `jairouter.telemetry.audit.texts`."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.auditing import Event
from jairouter.telemetry.audit.chain import Chain, Link, seal_of
from jairouter.telemetry.audit.line import FIELDS, Entry, Form
from jairouter.telemetry.audit.texts import LARGEST, LONGEST
from tests.fuzz.examples import examples
from tests.telemetry.audit.recording import LOGIN, NOW

TEXTS = st.text(st.characters(codec=None), max_size=40) | st.sampled_from(
    ('a\r\n{"event":"x"}', '","hash":"' + "0" * 64 + '"}', "\u2028\x1b[2J\x00", "\ud800", " hash=" + "0" * 64)
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
EVENTS = st.builds(
    Event,
    TEXTS,
    TEXTS,
    TEXTS,
    TEXTS,
    TEXTS,
    TEXTS,
    TEXTS,
    TEXTS,
    st.dictionaries(TEXTS, VALUES, max_size=3),
)
TEXT = Form(json=False)


def line_of(event: Event, form: Form | None = None, **more: Any) -> bytes:
    """The line of an event, the first one."""
    form = form or Form()
    body = form.written(Entry(NOW, "id", event)._replace(**more))
    return Chain().sealed(body, Link(), form.json)[0]


class JsonTests(SynchronousTestCase):
    """Lines as JSON objects."""

    def members(self, event: Event, form: Form | None = None, **more: Any) -> Any:
        return json.loads(line_of(event, form, **more))

    def test_what_the_guide_names_comes_first(self) -> None:
        members = self.members(LOGIN)
        self.assertEqual(
            list(members.items())[:7],
            [
                ("@timestamp", "2026-01-01T00:00:00.000Z"),
                ("level", "WARN"),
                ("event", "AUTHENTICATION_FAILURE"),
                ("user", "alice"),
                ("ip", "10.0.0.1"),
                ("resource", "/v1/chat"),
                ("result", "denied"),
            ],
        )

    def test_what_else_is_known(self) -> None:
        event = LOGIN._replace(request_id="r1", details={"a": [1, None, {"b": 0.5}]})
        members = self.members(event)
        names = ("eventId", "success", "action", "reason", "requestId", "details", "seq")
        expected = ["id", False, "POST", "INVALID_API_KEY", "r1", {"a": [1, None, {"b": 0.5}]}, 1]
        self.assertEqual([members[name] for name in names], expected)

    def test_what_says_nothing_is_left_out(self) -> None:
        members = self.members(Event("GATEWAY_STARTED"))
        self.assertEqual(set(members), {*FIELDS.values(), "eventId", "success", "seq", "prev", "hash"})
        self.assertEqual((members["level"], members["success"]), ("INFO", True))

    def test_many_events_in_one_line(self) -> None:
        members = self.members(LOGIN, number=7, first=NOW, last=NOW + 1)
        self.assertEqual(
            [members[name] for name in ("count", "first", "last")],
            [7, "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z"],
        )

    def test_other_names(self) -> None:
        form = Form(True, {**FIELDS, "timestamp": "time", "user": "who"})
        members = self.members(LOGIN, form)
        self.assertEqual(
            (members["who"], "user" in members, "@timestamp" in members), ("alice", False, False)
        )
        self.assertIn("time", members)

    def test_readable_characters_stay(self) -> None:
        self.assertIn("张三".encode(), line_of(LOGIN._replace(user="张三")))

    def test_long_fields_are_cut_and_that_is_said(self) -> None:
        members = self.members(LOGIN._replace(resource="x" * 9999, details={"a": "y" * 9999}))
        self.assertEqual((len(members["resource"]), members["cut"]), (LONGEST, ["resource", "details"]))

    def test_details_are_not_endless(self) -> None:
        deep: Any = []
        for _ in range(2000):
            deep = [deep]
        for details in ({"a": deep}, {str(each): "x" * 1000 for each in range(300)}, {"a": [0] * 10**5}):
            line = line_of(LOGIN._replace(details=details))
            self.assertLess(len(line), LARGEST + 4096)
            self.assertEqual(json.loads(line)["cut"], ["details"])

    def test_what_json_does_not_know(self) -> None:
        details: Any = {"a": float("nan"), "b": object(), "c": {1}, 4: b"secret"}
        shown = self.members(LOGIN._replace(details=details))["details"]
        self.assertEqual(shown, {"a": "nan", "b": "<object>", "c": [1], "4": "<bytes>"})

    def test_details_that_cannot_be_read(self) -> None:
        """A record that is incomplete is better than none."""

        class Odd(dict[str, Any]):
            def items(self) -> Any:
                raise RuntimeError("changed while it was read")

        members = self.members(LOGIN._replace(details=Odd(a=1)))
        self.assertEqual(members["details"], {"unreadable": "RuntimeError"})
        self.assertEqual(members["event"], LOGIN.kind)


class InjectionTests(SynchronousTestCase):
    """What comes from outside breaks no line, in either form."""

    @given(EVENTS, st.booleans())
    @examples(60)
    def test_any_event_is_one_line_that_reads_back(self, event: Event, as_json: bool) -> None:
        form = Form(as_json)
        line = line_of(event, form)
        self.assertEqual(line.count(b"\n"), 1)
        text = line.decode()[:-1]
        self.assertTrue(all(each >= " " and not "\x7f" <= each <= "\x9f" for each in text))
        self.assertEqual(len(text.splitlines()), 1)
        self.assertFalse(set(text) & set("\u2028\u2029\u202e\u2066\ufeff"))
        seal = seal_of(line[:-1])
        assert seal is not None
        self.assertEqual((seal.seq, seal.prev), (1, "0" * 64))
        self.assertTrue(Chain().holds(seal))
        found = form.read(line[:-1])
        self.assertEqual(
            found["user"], "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in event.user)
        )
        self.assertEqual((found["seq"], found["hash"]), (1, seal.digest))

    @given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
    @examples(40)
    def test_any_line_can_be_read(self, line: bytes) -> None:
        for form in (Form(), TEXT):
            self.assertIsInstance(form.read(line), dict)
        seal_of(line)

    def test_a_line_break_does_not_begin_a_line(self) -> None:
        forged = LOGIN._replace(user='x"}\n{"event":"forged')
        self.assertEqual(json.loads(line_of(forged))["user"], forged.user)

    def test_an_end_inside_a_text_is_not_the_end(self) -> None:
        end = f'","seq":9,"prev":"{"1" * 64}","hash":"{"2" * 64}"}}'
        for form in (Form(), TEXT):
            seal = seal_of(line_of(LOGIN._replace(details={"a": end}, reason=end), form)[:-1])
            assert seal is not None
            self.assertEqual(seal.seq, 1)


class TextTests(SynchronousTestCase):
    """Lines for people."""

    def test_the_line(self) -> None:
        line = line_of(LOGIN._replace(details={"a": "b c"}), TEXT).decode()
        expected = (
            "2026-01-01T00:00:00.000Z WARN AUTHENTICATION_FAILURE "
            'user="alice" ip="10.0.0.1" resource="/v1/chat" result="denied" eventId="id" success=false '
            'action="POST" reason="INVALID_API_KEY" details={"a":"b c"} seq=1 prev=' + "0" * 64 + " hash="
        )
        self.assertEqual(line[: len(expected)], expected)

    def test_read_back(self) -> None:
        found = TEXT.read(line_of(LOGIN._replace(details={"a": "b c=d"}), TEXT)[:-1])
        names = ("timestamp", "event", "user", "success", "details", "seq")
        expected = ["2026-01-01T00:00:00.000Z", LOGIN.kind, "alice", False, {"a": "b c=d"}, 1]
        self.assertEqual([found[name] for name in names], expected)


class ReadTests(SynchronousTestCase):
    """Lines are read under the names of the table, whatever they were called."""

    def test_names_that_were_others_when_it_was_written(self) -> None:
        found = Form(True, {**FIELDS, "user": "who"}).read(line_of(LOGIN)[:-1])
        self.assertEqual((found["user"], found["event"]), ("alice", LOGIN.kind))

    def test_no_line_of_ours(self) -> None:
        for line in (b"", b"{", b"[]", b"garbage", b"\xff\xfe x y z"):
            self.assertEqual(Form().read(line), {})
