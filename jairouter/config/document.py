"""YAML text into nodes that know their lines.

PyYAML's events are used, not its constructors: no tag can make an object, every key keeps its
line, and depth and size are bounded before anything is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import yaml

from jairouter.config.faults import Findings, Origin
from jairouter.config.tree import Entry, Items, Node, Scalar, Written

#: A configuration of a thousand instances has about 10 000 nodes and a depth of 8.
MOST_NODES: Final = 200_000
MOST_DEPTH: Final = 64
MOST_BYTES: Final = 4 * 1024 * 1024

_TAGS: Final = frozenset({"str", "int", "float", "bool", "null", "map", "seq", "timestamp"})
_PREFIX: Final = "tag:yaml.org,2002:"
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class _Refused(Exception):
    """The text cannot be read any further."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.text = text


def documents(content: bytes, source: str, findings: Findings) -> Iterator[Node]:
    """Read the documents of one file; what is wrong with it becomes a fault.

    Args:
        content: the bytes of the file, UTF-8.
        source: the file's name, as faults should name it.
        findings: where faults go.
    """
    if len(content) > MOST_BYTES:
        findings.fault(Origin(source), (), f"the file is larger than {MOST_BYTES} bytes")
        return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        findings.fault(Origin(source, line), (), "the file is not UTF-8 text")
        return
    try:
        yield from _Composer(text, source, findings).documents()
    except _Refused as refused:
        findings.fault(Origin(source, refused.line), (), refused.text)


def _explain(error: Exception, text: str) -> _Refused:
    """Word a YAML error without the text it was found in, which may hold a secret."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text[: error.position].count("\n") + 1
        return _Refused(line, "not valid YAML: a control character")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    # PyYAML quotes what it read; all but single characters could be part of a password.
    words = [getattr(error, "context", None), getattr(error, "problem", None)]
    problem = ", ".join(_QUOTED.sub(_unnamed, word) for word in words if word)
    line = mark.line + 1 if mark else 1
    return _Refused(line, f"not valid YAML: {problem or 'a number or escape out of range'}")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _unnamed(found: re.Match[str]) -> str:
    return found[0] if len(found[0]) <= 3 else "a name"


class _Composer:
    """Builds the nodes of one text."""

    def __init__(self, text: str, source: str, findings: Findings) -> None:
        self._text = text
        self._source = source
        self._findings = findings
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._count = 0
        self._last = Origin(source, 1)

    def documents(self) -> Iterator[Node]:
        events = self._events()
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors.clear()
                yield self._node(next(events), events, 0)

    def _events(self) -> Iterator[yaml.Event]:
        try:
            yield from yaml.parse(self._text, Loader=yaml.SafeLoader)
            return
        except (yaml.YAMLError, ValueError, OverflowError, IndexError) as error:
            refused = _explain(error, self._text)
        raise refused

    def _origin(self, event: yaml.Event) -> Origin:
        line = _line(event)
        if line != self._last.line:  # what stands in one line has one origin; there are many
            self._last = Origin(self._source, line)
        return self._last

    def _refuse(self, event: yaml.Event, text: str) -> _Refused:
        return _Refused(_line(event), text)

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        if depth > MOST_DEPTH:
            raise self._refuse(event, f"nested more than {MOST_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(event)
        before = self._count
        self._spend(event, 1)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = None
        node = self._built(event, events, depth)
        if anchor is not None:
            self._anchors[anchor] = (node, self._count - before)
        return node

    def _spend(self, event: yaml.Event, nodes: int) -> None:
        self._count += nodes
        if self._count > MOST_NODES:
            raise self._refuse(event, f"more than {MOST_NODES} values, counting aliases in full")

    def _aliased(self, event: yaml.AliasEvent) -> Node:
        if event.anchor not in self._anchors:
            said = "an alias (*name) without an anchor (&name); quote a text that begins with *"
            raise self._refuse(event, f"not valid YAML: {said}")
        found = self._anchors[event.anchor]
        if found is None:
            raise self._refuse(event, "not valid YAML: an alias inside what it stands for")
        node, nodes = found
        self._spend(event, nodes)
        return node

    def _built(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        self._check_tag(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(event, events, depth)
        return self._mapping(event, events, depth)

    def _check_tag(self, event: yaml.Event) -> None:
        tag = getattr(event, "tag", None)
        if tag in {None, "!"}:
            return
        if not tag.startswith(_PREFIX) or tag[len(_PREFIX) :] not in _TAGS:
            raise self._refuse(event, "a YAML tag (!name) has no meaning here; quote the text")

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        if _SURROGATE.search(event.value):
            raise self._refuse(event, "a surrogate escape is not a character")
        plain = event.style is None and event.tag is None
        return Scalar(event.value, self._origin(event), plain)

    def _list(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Items:
        items = []
        while not isinstance(following := next(events), yaml.SequenceEndEvent):
            items.append(self._node(following, events, depth + 1))
        return Items(tuple(items), self._origin(event))

    def _mapping(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Written:
        entries: dict[str, Entry] = {}
        merged: list[Entry] = []
        while not isinstance(following := next(events), yaml.MappingEndEvent):
            key = self._node(following, events, depth + 1)
            node = self._node(next(events), events, depth + 1)
            if not isinstance(key, Scalar):
                raise self._refuse(following, "a key must be a text")
            if key.plain and key.text == "<<":
                merged += self._merged(node, following)
            elif key.text in entries:
                first = entries[key.text].origin
                told = f"the key {key.text} is given twice, first at line {first.line}"
                self._findings.fault(self._origin(following), (), told)
            else:
                entries[key.text] = Entry(key.text, node, self._origin(following))
        for entry in merged:
            entries.setdefault(entry.key, entry)
        return Written(tuple(entries.values()), self._origin(event))

    def _merged(self, node: Node, event: yaml.Event) -> list[Entry]:
        mappings = node.items if isinstance(node, Items) else (node,)
        merged: list[Entry] = []
        for mapping in mappings:
            if not isinstance(mapping, Written):
                raise self._refuse(event, "a merge key (<<) needs a mapping or a list of them")
            merged += (Entry(e.key, e.node, e.origin, True) for e in mapping.entries)
        return merged
