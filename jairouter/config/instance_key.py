"""What changes and the management API name an instance by."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from jairouter.config.secret import MASK
from jairouter.config.tree import Items, Members, Node, Orphan, Scalar

IDENTITY: Final = ("name", "base-url", "path", "instance-id")
"""The keys of an instance that its key is made of."""


def key_of(name: str, base_url: str, path: str | None = None, instance_id: str | None = None) -> str:
    """Return the key of an instance.

    Example: `gpt-4@https://api.openai.com/v1/chat/completions`, or `gpt-4@first` of one whose instance-id is
    `first`.

    Args:
        name: what it is called, as it is written, perhaps with placeholders; likewise the others.
        base_url: its address.
        path: its path, if it has one. A query that holds no placeholder is masked: it may hold a key.
        instance_id: what the operator calls it, if anything.
    """
    if instance_id:
        return f"{name}@{instance_id}"
    return f"{name}@{plain_url(base_url)}{_plain_path(path or '')}"


def plain_url(text: str) -> str:
    """Write an address as the settings keep it, as far as its placeholders let that be told.

    No address has a user name or a query, but one that is refused may, and faults name instances by their
    key: so these are masked.
    """
    text = re.sub(r"//[^/]*@", f"//{MASK}@", text)
    if "${" not in text:
        text = re.sub(r"[?#].*", f"?{MASK}", text, flags=re.DOTALL)
    scheme, separator, rest = text.partition("://")
    if separator and scheme.isalpha():
        return f"{scheme.lower()}://{rest.rstrip('/')}"
    return text.rstrip("/")


def _plain_path(text: str) -> str:
    path, mark, query = text.partition("?")
    return path + mark + (query if "${" in query or not query else MASK)


def label_of(service: str, name: str, base_url: str, path: str | None, instance_id: str | None) -> str:
    """Return what clients and operators know an instance by (`X-Jairouter-Instance`).

    It tells instances of one name apart, also across gateways, and gives no address away unless the operator
    did so with an instance-id.

    Args:
        service: canonical name of its service.
        name: as it is used, without placeholders; likewise the others.
        base_url: its address.
        path: its path, if it has one.
        instance_id: what the operator calls it, if anything.
    """
    if instance_id:
        return instance_id
    about = repr((service, name, base_url, path)).encode()
    return f"{name}-{blake2b(about, digest_size=3).hexdigest()}"


def key_of_node(node: Node) -> str:
    """Return the key of an instance as it is written; nothing when it lacks a name or an address."""
    texts = {name: text_of(node, name) for name in IDENTITY}
    name, url = texts["name"], texts["base-url"]
    if name is None or url is None:
        return ""
    return key_of(name, url, texts["path"], texts["instance-id"])


def text_of(node: Node, name: str) -> str | None:
    """Return what is written in one place of an instance, or None."""
    node = node.node if isinstance(node, Orphan) else node
    inner = node.members.get(name) if isinstance(node, Members) else None
    return inner.text if isinstance(inner, Scalar) and not inner.is_null else None


def keys_of(instances: Node | None) -> tuple[str, ...]:
    """Return the keys that changes know the instances of a list by, in the order of the list."""
    if not isinstance(instances, Items):
        return ()
    return instances.keys or tuple(key_of_node(item) for item in instances.items)
