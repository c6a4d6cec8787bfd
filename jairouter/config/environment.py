"""Environment variables that override keys.

`MODEL_SERVICES_CHAT_INSTANCES_0_WEIGHT` is `model.services.chat.instances[0].weight`. Variables
are matched against the tree, so that those of other programs are left alone. With `JAIROUTER_` in
front a variable can only be meant for the gateway, and then a name that leads nowhere is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from jairouter.config import not_applicable
from jairouter.config.addresses import HEADER_NAME
from jairouter.config.building import Builder
from jairouter.config.faults import Findings, Origin
from jairouter.config.forms import Hidden, Text, Unfit
from jairouter.config.naming import KeyPath
from jairouter.config.shape import Group, Leaf, Listing, Naming, Shape, at
from jairouter.config.tree import Members, Node, Scalar, child, leaves

PREFIX: Final = "JAIROUTER_"
#: Read by the programs that start the gateway, or that ask it, not by the configuration.
OWN_VARIABLES: Final = frozenset(
    {
        "JAIROUTER_CONFIG",
        "JAIROUTER_OPTS",
        "JAIROUTER_PROFILES",
        "JAIROUTER_URL",
        "JAIROUTER_API_KEY",
        "JAIROUTER_TOKEN",
        "JAIROUTER_PASSWORD",
    }
)
#: What Kubernetes sets for a service called "jairouter" or "server" in the same namespace.
_KUBERNETES: Final = re.compile(
    r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_LINK: Final = re.compile(r"(tcp|udp|sctp)://\S*")
_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*(\[[0-9]+\][A-Z0-9_]*)*")
_PROFILES: Final = ("spring", "profiles", "active")


def overrides(environ: Mapping[str, str], root: Group, known: Node | None, findings: Findings) -> Members:
    """Read the variables that stand for keys.

    Args:
        environ: the environment variables.
        root: the shape of the tree.
        known: the layers below, by which names that users chose are recognised.
        findings: where faults and notices go.
    """
    builder = Builder(Origin("environment"))
    taken: dict[KeyPath, str] = {}
    # Names with the prefix first: they are the more explicit ones.
    for name in sorted(environ, key=lambda name: (not name.startswith(PREFIX), name)):
        if name in not_applicable.VARIABLES and not _named(name, known):
            findings.notice(_origin(name), f"{name} {not_applicable.VARIABLES[name]}")
        path = _path(name, environ[name], root, known, findings)
        if path is None or path == _PROFILES or _says_nothing(at(root, path), environ[name]):
            continue
        if path not in taken:
            scalar = Scalar(environ[name], _origin(name), plain=False, literal=True)
            builder.put(path, scalar)
        elif environ[name] != environ[taken[path]] and not taken[path].startswith(PREFIX):
            findings.fault(_origin(name), path, f"also given by {taken[path]}, differently")
        taken.setdefault(path, name)
    return builder.built()


def _named(name: str, known: Node | None) -> bool:
    """Whether a value below names the variable, so that it has the effect that is wanted."""
    return isinstance(known, Members) and any(f"${{{name}" in scalar.text for _, scalar in leaves(known))


def _says_nothing(shape: Shape | None, value: str) -> bool:
    """Whether a variable is only passed on empty, as deployment files do with unset ones."""
    return not value and not (isinstance(shape, Leaf) and isinstance(shape.form, Text | Hidden))


def _origin(name: str) -> Origin:
    return Origin(f"environment variable {name}")


def _path(name: str, value: str, root: Group, known: Node | None, findings: Findings) -> KeyPath | None:
    """Return the key that a variable stands for, or None when it stands for none."""
    if not _NAME.fullmatch(name) or len(name) > 300 or name in OWN_VARIABLES:
        return None
    if _KUBERNETES.fullmatch(name) or (name.endswith("_PORT") and _LINK.fullmatch(value)):
        return None
    own = name.startswith(PREFIX)
    parts = tuple(re.split(r"_|\[|\]_?", name.removeprefix(PREFIX).removesuffix("]")))
    path = next(_matches(root, parts, known), None) if all(parts) else None
    if own and path is None and not _mentioned(name, known):
        told = "no key has this name, and variables that begin with JAIROUTER_ are all read"
        findings.fault(_origin(name), (), told)
    elif path is not None and _has_surrogate(value):
        findings.fault(_origin(name), path, "the value is not UTF-8 text")
        return None
    return path


def _mentioned(name: str, known: Node | None) -> bool:
    """Whether a placeholder in the layers below asks for this variable."""
    asked = re.compile(r"\$\{" + re.escape(name) + "[:}]")
    return known is not None and any(asked.search(scalar.text) for _, scalar in leaves(known))


def _has_surrogate(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)


def _matches(shape: Shape, parts: tuple[str, ...], known: Node | None) -> Iterator[KeyPath]:
    """Find the keys that the parts of a variable's name can stand for, the likeliest first."""
    match shape:
        case Leaf():
            if not parts:
                yield ()
        case Listing():
            yield from _list_matches(shape, parts, known)
        case Group():
            yield from _group_matches(shape, parts, known)
        case Naming():
            yield from _name_matches(shape, parts, known)


def _list_matches(shape: Listing, parts: tuple[str, ...], known: Node | None) -> Iterator[KeyPath]:
    if not parts:
        if isinstance(shape.item, Leaf):
            yield ()
    elif parts[0].isascii() and parts[0].isdecimal() and len(parts[0]) <= 4:
        index = int(parts[0])
        for rest in _matches(shape.item, parts[1:], child(known, index)):
            yield (index, *rest)


def _group_matches(shape: Group, parts: tuple[str, ...], known: Node | None) -> Iterator[KeyPath]:
    for length in range(len(parts), 0, -1):
        beginning = "".join(parts[:length]).lower()
        for spelling, target in shape.spellings.items():
            if spelling.replace(".", "") != beginning or not target:
                continue
            inner: Shape = shape
            below = known
            for step in target:
                assert isinstance(inner, Group)
                inner, below = inner.members[step].shape, child(below, step)
            for rest in _matches(inner, parts[length:], below):
                yield (*target, *rest)


def _name_matches(shape: Naming, parts: tuple[str, ...], known: Node | None) -> Iterator[KeyPath]:
    names = known.members if isinstance(known, Members) else {}
    for length in range(len(parts), 0, -1):
        if isinstance(shape.value, Leaf) and length < len(parts):
            return
        for name in (*_existing(names, parts[:length]), *_new(shape, parts[:length])):
            for rest in _matches(shape.value, parts[length:], child(known, name)):
                yield (name, *rest)


def _existing(names: Mapping[str, Node], parts: tuple[str, ...]) -> Iterator[str]:
    wanted = "".join(parts).lower()
    for name in names:
        if re.sub(r"[^a-z0-9]", "", name.lower()) == wanted:
            yield name


def _new(shape: Naming, parts: tuple[str, ...]) -> Iterator[str]:
    """Make up a name that no file has: upper case and separators do not survive in variables."""
    separator = "-" if shape.keys == HEADER_NAME else "_"
    try:
        yield str(shape.keys.parse(separator.join(parts).lower()))
    except Unfit:
        return
