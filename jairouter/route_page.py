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
from jairouter.page_table import PageTable
from jairouter.reloading.reading import Reading
from jairouter.web.route_table import in_markdown, route_table

BEGIN: Final = "<!-- routes: made by `make docs` -->"
END: Final = "<!-- end of routes -->"

_CONFIGURATION: Final = b"""
store: {type: memory}
config: {reload: {watch: false}}
management: {endpoints: {web: {exposure: {include: "*"}}}}
"""


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


_PLACE: Final = PageTable(Path("docs/security.md"), "routes", BEGIN, END, table)
split = _PLACE.split
page = _PLACE.replaced


if __name__ == "__main__":
    raise SystemExit(_PLACE.main(sys.argv[1:]))
