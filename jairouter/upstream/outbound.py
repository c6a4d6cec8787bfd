"""Where connections go is checked at the last moment: when the address that is dialled is known.

Between a check of a name and its use the name may come to mean another address, which whoever answers for it
can have happen on purpose (DNS rebinding). So what is checked is what is dialled, each time.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger

from jairouter.config.outbound import Outbound
from jairouter.upstream.failures import Forbidden

MOST_TOLD = 1000
"""Hosts of which it is remembered that the log says so already."""


class Watch:
    """Lets through the addresses that may be connected to.

    Args:
        rules: What is allowed.

    Attributes:
        rules: As given; replaced when other settings come into force.
    """

    _log = Logger()

    def __init__(self, rules: Outbound | None = None) -> None:
        self.rules = rules or Outbound()
        self._told: dict[tuple[str, str], None] = {}

    def check(self, host: str, addresses: Sequence[str]) -> list[str]:
        """The addresses of a host that may be connected to.

        Args:
            host: As it is configured.
            addresses: All that it has, at least one.

        Returns:
            At least one of them.

        Raises:
            Forbidden: None may, or the host may not.
        """
        against = self.rules.refuses_name(host)
        if against is not None:
            raise Forbidden(against)
        judged = {address: self.rules.refuses_address(address) for address in addresses}
        good = [address for address, why in judged.items() if why is None]
        for why in judged.values():
            if why is not None:
                if not good:
                    raise Forbidden(f"{host} is not connected to: {why}")
                self._tell(host, why)
        return good

    def _tell(self, host: str, why: str) -> None:
        """Say once that a part of a host's addresses is left out."""
        if (host, why) not in self._told:
            if len(self._told) >= MOST_TOLD:
                self._told.clear()
            self._told[host, why] = None
            self._log.warn("an address of {host} is left out: {why}", host=host, why=why)
