"""Who may ask for what: one line for each method at each path, read off the tree that is served.

What the tree holds and this module does not know has no line, and then there is no table at all: so nothing
is served of which nobody has said who may have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from jairouter.web.management.endpoint import KNOWN, PUBLIC
from jairouter.web.management.serving import Api
from jairouter.web.openai import Models, Operation
from jairouter.web.resources import Branch, Page

if TYPE_CHECKING:
    from twisted.web.resource import Resource

ANY_MODEL: Final = "any service:read"
"""In place of a permission: one of those to use the models of a service."""

_SHOWN: Final = {
    PUBLIC: "everybody",
    KNOWN: "any key or token",
    ANY_MODEL: "`read` of any service; shows those models only",
}


class Line(NamedTuple):
    """A line of the table.

    Attributes:
        method: Of HTTP; where it is GET, HEAD needs the same.
        path: With parameters in braces.
        permission: What a caller needs with security on: as `Endpoint.permission`, or `ANY_MODEL`.
    """

    method: str
    path: str
    permission: str


def route_table(tree: Resource) -> tuple[Line, ...]:
    """Everything that is served, by path and method.

    Args:
        tree: The root of what is served.

    Raises:
        ValueError: Of something there, nobody has said who may have it.
    """
    return tuple(sorted(_lines(tree, ""), key=lambda line: (line.path, line.method)))


def _lines(resource: Resource, path: str) -> Iterator[Line]:
    if isinstance(resource, Operation):
        yield Line("POST", path, resource.route.permission)
    elif isinstance(resource, Models):
        yield Line("GET", path, ANY_MODEL)
        yield Line("GET", path + "/{id}", ANY_MODEL)
    elif isinstance(resource, Api):
        for endpoint in resource.endpoints:
            yield Line(endpoint.method, endpoint.path, endpoint.permission)
    elif isinstance(resource, Page) and resource.everybody:
        yield Line("GET", path, PUBLIC)
    elif isinstance(resource, Page) and resource.permission:
        yield Line("GET", path, resource.permission)
        yield from (Line("GET", path + below, resource.permission) for below in resource.below)
    elif not isinstance(resource, Branch):
        raise ValueError(f"nobody has said who may ask for {path or '/'}")
    for name, below in resource.children.items():
        yield from _lines(below, f"{path}/{name.decode('ascii')}")


def in_markdown(lines: Iterable[Line]) -> str:
    """The table for the documentation."""
    rows = ["| method | path | needs |", "|---|---|---|"]
    for method, path, permission in lines:
        rows.append(f"| {method} | `{path}` | {_SHOWN.get(permission, f'`{permission}`')} |")
    return "\n".join(rows)


def of_markdown(table: str) -> tuple[Line, ...]:
    """The lines again, from what `in_markdown` has made."""
    permissions = {shown: permission for permission, shown in _SHOWN.items()}
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.strip().splitlines()[2:]]
    return tuple(
        Line(method, path.strip("`"), permissions.get(needs, needs.strip("`")))
        for method, path, needs in rows
    )
