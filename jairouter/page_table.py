"""Tables in pages of the documentation that are made from the code, each between two marks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class PageTable(NamedTuple):
    """Where a table stands.

    Attributes:
        page: The file.
        what: It is a table of, for messages.
        begin: The line above it.
        end: The line below it.
        table: Makes it.
    """

    page: Path
    what: str
    begin: str
    end: str
    table: Callable[[], str]

    def split(self, text: str) -> tuple[str, str, str]:
        """What stands before the table, the table, and what stands after it.

        Raises:
            ValueError: There is no place for it.
        """
        before, begin, rest = text.partition(self.begin)
        made, end, after = rest.partition(self.end)
        if not begin or not end:
            raise ValueError(f"{self.page} has no place for the table of {self.what}")
        return before, made, after

    def replaced(self, text: str) -> str:
        """The page with the table as it has to be.

        Raises:
            ValueError: There is no place for it.
        """
        before, _, after = self.split(text)
        return f"{before}{self.begin}\n{self.table()}\n{self.end}{after}"

    def main(self, arguments: list[str]) -> int:
        """Write the table into the page; with `--check`, only compare. Returns the exit status."""
        text = self.page.read_text("utf-8")
        wanted = self.replaced(text)
        if "--check" in arguments:
            if text != wanted:
                sys.stderr.write(f"{self.page}: the table of {self.what} is out of date: make docs\n")
            return int(text != wanted)
        self.page.write_text(wanted, "utf-8")
        return 0
