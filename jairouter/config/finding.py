"""Finding the service and the instance that somebody means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from jairouter.config.instance_key import key_of, key_of_node, keys_of, label_of, plain_url, text_of
from jairouter.config.loader import Loaded
from jairouter.config.naming import KeyPath, service_name
from jairouter.config.settings.model import InstanceSettings
from jairouter.config.tree import Items, Node, lookup
from jairouter.refusals import InstanceNotFound, NotPossible, ServiceNotFound

SERVICES: Final = ("model", "services")
_PLAIN: Final = "!#$&'()*+,/:;=?@[]~"
"""What of a label is not percent-encoded in the header of an answer."""


@dataclass(frozen=True, slots=True)
class Found:
    """An instance that somebody means.

    Attributes:
        index: its position in the settings, and in the tree.
        key: the key by which changes name it.
        settings: what applies to it.
    """

    index: int
    key: str
    settings: InstanceSettings


def known_service(loaded: Loaded, spelling: str) -> str:
    """Return the canonical name of a service that is configured.

    Args:
        loaded: the configuration in force.
        spelling: its name in any spelling.

    Raises:
        ServiceNotFound: it is not configured, or there is no such service at all.
    """
    service = service_name(spelling)
    if service is None or service not in loaded.settings.model.services:
        raise ServiceNotFound(f"the service {printable(spelling)} is not configured")
    return service


def instances_path(service: str) -> KeyPath:
    """Return the place of the instances of a service."""
    return (*SERVICES, service, "instances")


def instances_in(tree: Node | None, service: str) -> tuple[Node, ...]:
    """Return the instances of a service as they are written."""
    found = lookup(tree, instances_path(service))
    return found.items if isinstance(found, Items) else ()


def ids_of(instances: Sequence[Node]) -> tuple[str, ...]:
    """Return what each instance of a service is called in the management API (`instanceId`).

    That is its instance-id, if no other has the same; or its name and address, if no other has the same; or
    its full key.

    Args:
        instances: all of the service, as they are written.
    """
    given = [text_of(each, "instance-id") for each in instances]
    addresses = [_address(each) for each in instances]
    called, living = Counter(given), Counter(addresses)
    ids = []
    for node, own, address in zip(instances, given, addresses, strict=True):
        if own and called[own] == 1:
            ids.append(own)
        else:
            ids.append(address if living[address] == 1 else key_of_node(node))
    return tuple(ids)


def _address(node: Node) -> str:
    return key_of(text_of(node, "name") or "", text_of(node, "base-url") or "")


def find_instance(loaded: Loaded, service: str, which: str) -> Found:
    """Find an instance.

    Args:
        loaded: the configuration in force.
        service: name of its service, in any spelling.
        which: its `instanceId`, its full key, its name and address (`name@baseUrl`) if no other has the same,
            or what `X-Jairouter-Instance` says in answers. Addresses may be as they are written, with their
            placeholders, or what these stand for.

    Raises:
        ServiceNotFound: the service is not configured.
        InstanceNotFound: it has no such instance.
        NotPossible: several instances are meant.
    """
    service = known_service(loaded, service)
    instances = loaded.settings.model.services[service].instances
    nodes = instances_in(loaded.tree, service)
    keys = keys_of(lookup(loaded.tree, instances_path(service)))
    names = _names(service, instances, nodes, keys)
    for wanted in dict.fromkeys((which, which.rstrip("/"))):
        for rule in names:
            found = [index for index in range(len(instances)) if wanted == rule(index)]
            if len(found) > 1:
                told = f"several instances of {service} are meant by {printable(which)}"
                several = dict.fromkeys(names[0](index) or "" for index in found)
                if len(several) == len(found):
                    raise NotPossible(f"{told}: {', '.join(map(printable, several))}; say which")
                raise NotPossible(f"{told}; give them an instance-id each, in the files")
            if found:
                return Found(found[0], keys[found[0]], instances[found[0]])
    raise InstanceNotFound(f"{service} has no instance {printable(which)}")


def _names(
    service: str, instances: Sequence[InstanceSettings], nodes: Sequence[Node], keys: Sequence[str]
) -> tuple[Callable[[int], str | None], ...]:
    """Return what an instance may be called, what says the most first; each is asked by position."""
    ids = ids_of(nodes)

    def label(index: int) -> str:
        each = instances[index]
        return label_of(service, each.name, each.base_url, each.path, each.instance_id)

    def full(index: int) -> str:
        each = instances[index]
        return key_of(each.name, each.base_url, each.path, each.instance_id)

    return (
        lambda index: ids[index],
        lambda index: instances[index].instance_id,
        lambda index: key_of_node(nodes[index]),
        full,
        lambda index: keys[index],
        lambda index: _address(nodes[index]),
        lambda index: key_of(instances[index].name, instances[index].base_url),
        label,
        lambda index: quote(label(index), safe=_PLAIN),
    )


def by_model(loaded: Loaded, service: str, model_name: str, base_url: str) -> Found:
    """Find an instance by the model that it serves, and its address.

    Args:
        loaded: the configuration in force.
        service: name of its service, in any spelling.
        model_name: its name.
        base_url: its address, as it is written or as its placeholders say; a trailing slash does not matter.

    Raises:
        ServiceNotFound: the service is not configured.
        InstanceNotFound: it has no such instance.
        NotPossible: several instances are meant.
    """
    service = known_service(loaded, service)
    instances = loaded.settings.model.services[service].instances
    nodes = instances_in(loaded.tree, service)
    wanted = key_of(model_name, plain_url(base_url))
    found = [
        index
        for index, each in enumerate(instances)
        if wanted in {_address(nodes[index]), key_of(each.name, each.base_url)}
    ]
    if not found:
        raise InstanceNotFound(f"{service} has no instance {printable(wanted)}")
    if len(found) > 1:
        raise NotPossible(
            f"several instances of {service} are meant by {printable(wanted)}; use the instanceId"
        )
    keys = keys_of(lookup(loaded.tree, instances_path(service)))
    return Found(found[0], keys[found[0]], instances[found[0]])


def printable(text: str) -> str:
    """Return what somebody wrote as a message may show it."""
    return "".join(c if c.isprintable() else "?" for c in text[:200])
