r"""Masks the texts in an event stream, in which they arrive in pieces.

An event goes on as soon as no further piece could change what is masked in it, with its bytes as they were
unless something is. Those behind one that waits wait with it: their order stays::

    feed(events) -> [ event | event | event ] -> what can go on
                       |       |
                    pieces of texts, each known by its key: `TextInPieces`

A *piece* is a string that goes on in later events, such as ``choices[0].delta.content``. It is known by the
choice, item or block that it belongs to, as the events number them, and ends with that. All other strings are
whole texts.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

from jairouter.codec.event_lines import data_of, split, with_data
from jairouter.codec.event_texts import LEFT_ALONE, Key, ended_before, ended_with, is_arguments, key_of
from jairouter.codec.json_arguments import ArgumentsInPieces
from jairouter.codec.json_strings import NO_JSON, Places, Value, decoded, escaped, string_values
from jairouter.codec.masked_json import edits_in
from jairouter.codec.masking import Edit, Rule, Rules, applied
from jairouter.codec.patience import Patience, Unreadable
from jairouter.codec.text_in_pieces import (
    MAX_HELD,
    TextInPieces,
)

MAX_TEXTS: Final = 1000
"""Texts that may be under way at a time in one stream."""

MAX_WAITING: Final = 1024 * 1024
"""Bytes of events that may wait."""

NO_TEXT: Final = "utf-8"

_Text = TextInPieces | ArgumentsInPieces


class _Piece:
    """What of a text an event holds."""

    __slots__ = ("end", "start", "text", "value", "written")

    def __init__(self, text: _Text, size: int, value: Value, written: Sequence[int]) -> None:
        self.text = text
        self.start = text.size
        self.end = text.size + size
        self.value = value
        self.written = written

    @property
    def settled(self) -> bool:
        return self.text.settled >= self.end

    def edits(self) -> list[Edit]:
        """What is replaced here; of what goes on behind it, all stands where it begins."""
        found = []
        for edit in self.text.edits:
            start, end = max(edit.start, self.start), min(edit.end, self.end)
            if start < end:
                text = escaped(edit.text) if edit.start >= self.start else ""
                found.append(Edit(self._place(start), self._place(end), text))
        return found

    def _place(self, at: int) -> int:
        return self.value.start + self.written[at - self.start]


class _Event:
    """One that waits, or has no need to."""

    __slots__ = ("data", "edits", "pieces", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.data = ""
        self.edits: list[Edit] = []
        self.pieces: list[_Piece] = []

    @property
    def settled(self) -> bool:
        return all(piece.settled for piece in self.pieces)

    def masked(self) -> bytes:
        """Its bytes as they go on."""
        edits = self.edits + [edit for piece in self.pieces for edit in piece.edits()]
        for piece in self.pieces:
            kept = [edit for edit in piece.text.edits if edit.end > piece.end]
            piece.text.edits = kept
        if not edits:
            return self.raw
        return with_data(self.raw.decode(), applied(self.data, sorted(edits))).encode()


class EventMasker:
    """See the module's picture.

    Args:
        rules: What is masked.
        places: Members that are left alone.
        counts: Where it is counted what was masked.
        max_held: Characters of one text that may wait for more.
        strict: Whether an event that cannot be read is an error, and does not go on as it is.

    Attributes:
        unread: How many events went on as they are because they could not be read.
    """

    def __init__(
        self,
        rules: Rules,
        places: Places,
        counts: Counter[Rule],
        max_held: int = MAX_HELD,
        *,
        strict: bool = False,
    ) -> None:
        self.unread = 0
        self._strict = strict
        self._spilled = b""
        self._rules = rules
        self._places = places
        self._counts = counts
        self._max_held = max_held
        self._texts: dict[Key, _Text] = {}
        self._events: deque[_Event] = deque()
        self._size = 0

    @property
    def waiting(self) -> bool:
        """Whether there is an event that waits."""
        return bool(self._events)

    def feed(self, events: bytes, patience: Patience) -> bytes:
        """Take whole events.

        Args:
            events: One or more.
            patience: How long each of them may take.

        Returns:
            What can go on now.

        Raises:
            Unreadable: They are no text, or it takes too long. What waits can be had from `give_up`.
        """
        changed = bool(self._events)
        out: list[bytes] = []
        coming = deque(split(events))
        try:
            while coming:
                raw = coming.popleft()
                patience.renew()
                self._take(raw, patience)
                gone = self._gone()
                changed = changed or len(gone) != 1 or gone[0] is not raw
                out += gone
        except Unreadable:
            self._spilled = b"".join((*out, *(event.raw for event in self._events), *coming))
            self._events.clear()
            raise
        return b"".join(out) if changed else events

    def finish(self, patience: Patience) -> bytes:
        """Let go of all that waits, as if no more came.

        Raises:
            Unreadable: It takes too long.
        """
        self._settle(patience)
        return b"".join(self._gone())

    def give_up(self) -> bytes:
        """All that waits, as it came."""
        waiting = self._spilled + b"".join(event.raw for event in self._events)
        self._spilled = b""
        self._events.clear()
        self._texts.clear()
        self._size = 0
        return waiting

    def _settle(self, patience: Patience) -> None:
        for text in {piece.text: None for event in self._events for piece in event.pieces}:
            text.finish(patience)

    def _gone(self) -> list[bytes]:
        """Take out what need not wait."""
        gone = []
        while self._events and self._events[0].settled:
            event = self._events.popleft()
            self._size -= len(event.raw)
            gone.append(event.masked())
        return gone

    # -- reading ------------------------------------------------------------

    def _take(self, raw: bytes, patience: Patience) -> None:
        event = _Event(raw)
        self._events.append(event)
        self._size += len(raw)
        try:
            self._read(event, patience)
        except Unreadable as error:
            if self._strict or error.reason not in (NO_JSON, NO_TEXT):
                raise
            self.unread += 1
        if self._size > MAX_WAITING:
            self._settle(patience)

    def _read(self, event: _Event, patience: Patience) -> None:
        try:
            text = event.raw.decode()
        except UnicodeDecodeError:
            raise Unreadable(NO_TEXT) from None
        data = event.data = data_of(text)
        start = data.lstrip()[:1]
        if data == "[DONE]":
            self._finish((), patience)
        elif start and start in '{["':
            self._read_json(event, data, patience)
        elif data:
            event.edits = self._rules.edits(data, patience, self._counts)

    def _read_json(self, event: _Event, data: str, patience: Patience) -> None:
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            raise Unreadable(NO_JSON) from None
        for ended in ended_before(document):
            self._finish(ended, patience)
        for value in string_values(data, self._places):
            key = None if value.empty else key_of(document, value.path)
            if key == LEFT_ALONE:
                continue
            if key is None:
                event.edits += edits_in(data, value, self._rules, patience, self._counts)
            elif value.end > value.start:
                self._add(event, key, value, patience)
        for ended in ended_with(document):
            self._finish(ended, patience)

    def _add(self, event: _Event, key: Key, value: Value, patience: Patience) -> None:
        text = self._texts.get(key)
        if text is None:
            if len(self._texts) >= MAX_TEXTS:
                raise Unreadable("texts")
            kind = ArgumentsInPieces if is_arguments(key, value) else TextInPieces
            text = self._texts[key] = kind(self._rules, self._counts, self._max_held)
        meant, written = decoded(event.data[value.start : value.end])
        event.pieces.append(_Piece(text, len(meant), value, written))
        text.feed(meant, patience)

    def _finish(self, prefix: Key, patience: Patience) -> None:
        for key in [key for key in self._texts if key[: len(prefix)] == prefix]:
            self._texts.pop(key).finish(patience)
