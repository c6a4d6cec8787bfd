"""Which model an attempt belongs to: that of its instance, which lives on while it stays configured."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.simulation.configuration import Configuration

if TYPE_CHECKING:
    from jairouter.exchange import Attempt
    from jairouter.traffic.live import Live

Identity = tuple[str, str, str, str | None]


class Lives:
    """A model for each instance, across reloads.

    An instance that is removed and put back begins anew; what is still under way at the old one belongs to
    the old model.

    Args:
        configuration: To begin with.
        make: Makes the model of an instance, from the `model` tree, the service, the instance and the time.
    """

    def __init__(self, configuration: Configuration, make: Callable[..., Any]) -> None:
        self._make = make
        self._models: dict[Identity, Any] = {}
        self._gone: dict[Identity, Any] = {}
        self._of_lives: dict[Live, Any] = {}
        self._configure(configuration, 0.0)

    def reload(self, configuration: Configuration, now: float) -> None:
        """Other settings come into force."""
        self._configure(configuration, now)

    def of(self, attempt: Attempt, now: float) -> Any:
        """The model of the instance at which an attempt is made."""
        live = attempt.instance.live
        if live not in self._of_lives:
            identity = attempt.instance.identity  # which an exchange that began earlier may still know
            found = self._models.get(identity)
            self._of_lives[live] = self._gone[identity] if found is None else found
        return self._of_lives[live]

    def known(self, identity: Identity) -> Any:
        """The model of an instance that is configured now, or None."""
        return self._models.get(identity)

    def _configure(self, configuration: Configuration, now: float) -> None:
        before, self._models = self._models, {}
        self._gone.update(before)
        model = configuration["model"]
        for service, given in model["services"].items():
            for instance in given["instances"]:
                identity = (service, instance["name"], instance["base_url"], instance.get("path"))
                made = self._make(model, service, instance, now)
                kept = before.get(identity)
                if kept is not None:
                    kept.become(made, now)
                self._models[identity] = made if kept is None else kept
        for identity in before.keys() - self._models.keys():
            before[identity].gone()
