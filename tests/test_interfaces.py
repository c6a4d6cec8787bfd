"""Tests for `jairouter.interfaces`: every class that claims an interface keeps it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementedBy
from zope.interface.interface import InterfaceClass
from zope.interface.verify import verifyClass

import jairouter
from jairouter import interfaces

OURS = {
    name: value
    for name, value in vars(interfaces).items()
    if isinstance(value, InterfaceClass) and value.__module__ == interfaces.__name__
}


def classes() -> Iterator[type]:
    """Every class that the package defines."""
    for module in pkgutil.walk_packages(jairouter.__path__, "jairouter."):
        if module.name.endswith("__main__"):
            continue  # it runs
        for value in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(value) and value.__module__ == module.name:
                yield value


class InterfaceTests(SynchronousTestCase):
    """The interfaces and who implements them."""

    def test_kept(self) -> None:
        """Methods are there, with the arguments that the interface gives them; Twisted's interfaces too."""
        for each in classes():
            for interface in implementedBy(each).declared:
                verifyClass(interface, each)

    def test_used(self) -> None:
        """An interface that nothing implements is a promise to nobody."""
        claimed = {interface.getName() for each in classes() for interface in implementedBy(each).declared}
        self.assertEqual(set(OURS) - claimed, set())

    def test_documented(self) -> None:
        """They are the manual: each of their methods says what it is for."""
        for name, interface in OURS.items():
            self.assertTrue(interface.__doc__, name)
            for member, description in interface.namesAndDescriptions():
                self.assertTrue(description.__doc__, f"{name}.{member}")
