"""A look at files: what they are like now, and which directories tell when that changes. Blocks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MOST_LINKS: Final = 40
"""As the kernel has it (path_resolution(7)); more of them are a loop."""

State = tuple[str, int, int, int, int, int]
"""Of one file: its name; device, inode, size, times of the last change of content and of anything else."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found.

    Attributes:
        signature: Another one when a file is another; equal again only when all are as they were.
        places: The directories to watch, by path, with what tells one from another of that path.
    """

    signature: tuple[State, ...]
    places: dict[str, tuple[int, int]]


def look(paths: Sequence[str | Path], counts: Callable[[str], bool]) -> Looked:
    """Look at files, and at what is in directories.

    What does not exist, or cannot be looked at, is a state like any other.

    Args:
        paths: Files and directories.
        counts: Which names in directories matter.
    """
    states: list[State] = []
    places: set[str] = set()
    for path in map(os.path.abspath, paths):
        for each in (path, *_inside(path, counts)):
            states.append(_state(each))
            if each == path or os.path.islink(each):
                places.update(_places(each))
    return Looked(tuple(states), {place: identity for place in places if (identity := _identity(place))})


def _inside(path: str, counts: Callable[[str], bool]) -> list[str]:
    try:
        return [os.path.join(path, name) for name in sorted(os.listdir(path)) if counts(name)]
    except OSError:
        return []


def _state(path: str) -> State:
    try:
        status = os.stat(path)
    except OSError as error:
        return (path, -1, error.errno or 0, 0, 0, 0)
    if os.path.isdir(path):
        return (path, status.st_dev, status.st_ino, 0, 0, 0)  # other files in it do not matter
    return (path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _places(path: str) -> Iterator[str]:
    """The directories in which something has to happen for a path to lead to something else.

    These are the one that it is, or is in; each that has a symbolic link on the way to it, as Kubernetes'
    volumes have (``application.yml -> ..data/application.yml``, ``..data -> ..2024_05_01``, of which the
    latter is exchanged); and for what does not exist, the last one on the way that does.
    """
    here, rest, links = "/", _reversed(path), 0
    while rest:
        step = rest.pop()
        if step == "..":
            here = os.path.dirname(here)
            continue
        there = os.path.join(here, step)
        try:
            target = os.readlink(there)
        except OSError:
            target = ""
        if target:
            yield here
            links += 1
            if links > _MOST_LINKS:
                return
            here = "/" if target.startswith("/") else here
            rest += _reversed(target)
        elif not os.path.isdir(there):
            yield here
            return
        else:
            here = there
    yield here


def _reversed(path: str) -> list[str]:
    return [step for step in reversed(path.split("/")) if step not in {"", "."}]
