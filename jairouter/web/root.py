"""The whole tree of resources, in one function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jairouter.routes import PREFIXES, ROUTES
from jairouter.web.openai import Models, Operation
from jairouter.web.resources import Branch

if TYPE_CHECKING:
    from twisted.web.resource import Resource

    from jairouter.web.data_plane import DataPlane


def build_tree(
    data_plane: DataPlane, models: Models, actuator: Mapping[str, Resource], actuator_path: str
) -> Resource:
    """Everything that the gateway serves.

    Args:
        data_plane: Answers the model routes.
        models: The list of models.
        actuator: The pages below `actuator_path` by name.
        actuator_path: Such as ``/actuator``.
    """
    root = Branch()
    for prefix in PREFIXES:
        for route in ROUTES:
            put(root, prefix + route.suffix, Operation(route, data_plane, models.guard))
        put(root, prefix + "/models", models)
    for name, page in actuator.items():
        put(root, f"{actuator_path}/{name}", page)
    if "health" in actuator:
        put(root, "/health", actuator["health"])
    return root


def put(root: Resource, path: str, resource: Resource) -> None:
    """Put a resource at a path; the folders on the way are made, and what lies below it stays."""
    *folders, name = path.strip("/").split("/")
    for folder in folders:
        child = root.children.get(folder.encode("ascii"))
        if child is None:
            child = Branch()
            root.putChild(folder.encode("ascii"), child)
        root = child
    before = root.children.get(name.encode("ascii"))
    root.putChild(name.encode("ascii"), resource)
    for below, page in before.children.items() if before is not None else ():
        if below not in resource.children:
            resource.putChild(below, page)
