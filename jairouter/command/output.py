"""What the commands print: tables and YAML for people, JSON for scripts, one line when something is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import yaml


def printable(text: str) -> str:
    """Keep what a file or an answer contains from acting on the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def say(text: str = "") -> None:
    """Print one line of the result."""
    sys.stdout.write(_encodable(printable(text), sys.stdout) + "\n")


def tell(text: str) -> None:
    """Print one line that is not the result: a notice, or why there is none."""
    sys.stdout.flush()
    sys.stderr.write(_encodable(printable(text), sys.stderr) + "\n")


def say_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns that are as wide as they have to be."""
    cells = [[printable(str(cell)) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def say_json(value: Any) -> None:
    """Print a value for scripts."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def say_yaml(tree: Any) -> None:
    """Print a part of a configuration as it could stand in a file."""
    sys.stdout.write(yaml.safe_dump(tree, sort_keys=False, default_flow_style=False, allow_unicode=False))


def _encodable(text: str, stream: Any) -> str:
    """Keep the encoding of a terminal from being a reason to fail."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)
