"""The table of routes in docs/security.md, made from the tree that a gateway serves.

`python -m jairouter.route_page` writes it, and compares it with `--check`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random
from typing import Final

from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock

from jairouter.assembly import assemble
from jairouter.config.files import Text
from jairouter.control_plane import ControlPlane
from jairouter.reloading.reading import Reading
from jairouter.web.route_table import in_markdown, route_table

PAGE: Final = Path("docs/security.md")
BEGIN: Final = "<!-- routes: made by `make docs` -->"
END: Final = "<!-- end of routes -->"

_CONFIGURATION: Final = b"store: {type: memory}\nconfig: {reload: {watch: false}}\n"


def table() -> str:
    """The table of a gateway that serves all that there is, in Markdown."""
    reading = Reading([Text("routes.yml", _CONFIGURATION)], (), {}, lambda: 0.0)
    beginning, clock = reading.begin(), Clock()
    gateway = assemble(beginning.loaded.settings, clock, Random(0), maybeDeferred)  # noqa: S311 - nobody is served
    ControlPlane(gateway, reading, beginning, clock, maybeDeferred, clock.seconds)
    try:
        return in_markdown(route_table(gateway.tree))
    finally:
        gateway.close()


def split(text: str) -> tuple[str, str, str]:
    """What stands before the table, the table, and what stands after it.

    Raises:
        ValueError: There is no place for it.
    """
    before, begin, rest = text.partition(BEGIN)
    made, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} has no place for the table of routes")
    return before, made, after


def page(text: str) -> str:
    """The page with the table as it has to be.

    Raises:
        ValueError: There is no place for it.
    """
    before, _, after = split(text)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write the table into the page; with `--check`, only compare. Returns the exit status."""
    text = PAGE.read_text("utf-8")
    wanted = page(text)
    if "--check" in arguments:
        if text != wanted:
            sys.stderr.write(f"{PAGE}: the table of routes is out of date: make docs\n")
        return int(text != wanted)
    PAGE.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
