"""Settings of where the gateway may connect to."""

from jairouter.config.outbound import Outbound, Rule
from jairouter.config.settings.section import Section


class OutboundSettings(Section):
    """Where the gateway may connect to: the backends, and whatever else it fetches.

    Addresses of the metadata services of clouds, link-local, multicast and broadcast addresses and 0.0.0.0
    are denied unless `allow` has them; addresses of this machine and private ones are not.

    A name is judged when it is configured, and the addresses it has when they are connected to, each time.
    The management API cannot change any of this.
    """

    deny: tuple[Rule, ...] = ()
    """Networks, addresses and names that are not connected to, besides those that are denied anyway. An
    address in IPv6 that stands for one in IPv4 (mapped, NAT64, 6to4, Teredo) is denied with that one."""

    allow: tuple[Rule, ...] = ()
    """What may be connected to although it is denied anyway; never what `deny` has. A name does not allow the
    addresses that it has: whoever answers for the name could have it mean any."""

    @property
    def rules(self) -> Outbound:
        """What these say."""
        return Outbound(self.deny, self.allow)
