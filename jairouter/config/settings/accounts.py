"""Settings of users who can log in, of their passwords, and of those who guess them."""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import model_validator

from jairouter.auth.permissions import UnknownPermission, granted_to_roles
from jairouter.config.forms import Form, Hush, Name, Switch, Unfit
from jairouter.config.numbers import Integer
from jairouter.config.quantities import Duration, Seconds
from jairouter.config.settings.section import Section, refuse


@dataclass(frozen=True)
class RoleName(Form):
    """What a user may do, in a word."""

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return "USER, ADMIN, or a permission such as chat:read or config:*"

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if not isinstance(value, str):
            raise Unfit
        try:
            granted_to_roles((value,))
        except UnknownPermission:
            raise Unfit from None
        return value


Role = Annotated[str, RoleName()]


class AccountSettings(Section):
    """One user who can log in."""

    username: Name
    """Name to log in with."""

    password: Hush
    """A bcrypt hash (`$2a$...`), or the same after `{bcrypt}`, or, in a development profile, a clear text
    after `{noop}`."""

    roles: tuple[Role, ...] = ()
    """What the user may do: `ADMIN`, `USER`, or permissions such as `chat:read`."""

    enabled: Switch = True
    """With false, the user cannot log in."""


class PasswordSettings(Section):
    """What passwords have to be that are set through the management API, and how they are checked."""

    min_length: Annotated[int, Integer(8, 64)] = 12
    """Fewest characters. The most are 72 bytes, of which bcrypt takes no more."""

    required_classes: Annotated[int, Integer(0, 4)] = 0
    """How many kinds of characters there have to be, of small letters, capitals, digits and others. Such
    rules make passwords no better (NIST SP 800-63B, section 5.1.1.2); some have to keep to them all the
    same."""

    cost: Annotated[int, Integer(10, 14)] = 12
    """Cost of new bcrypt hashes; one more takes twice as long. When a user logs in whose password was set
    through the management API at a lower cost, it is hashed anew."""

    at_once: Annotated[int, Integer(1, 64)] = 2
    """Most passwords that are checked at the same time, each on a processor of its own."""

    waiting: Annotated[int, Integer(0, 10_000)] = 100
    """Most logins that wait for that; further ones are refused with 503."""


class LockoutSettings(Section):
    """What is done about those who guess passwords."""

    enabled: Switch = True
    """Whether anything is."""

    max_failures: Annotated[int, Integer(1, 1000)] = 5
    """Failed logins to one account from one address, after which that address cannot log in to it for a
    while. Of an IPv6 address, the first 64 bits count."""

    max_failures_per_address: Annotated[int, Integer(0, 1000)] = 20
    """Failed logins from one address to whichever accounts, after which it cannot log in at all for a while;
    0 for any number, as for clients that all come through one proxy that is not trusted."""

    max_failures_per_account: Annotated[int, Integer(0, 1000)] = 50
    """Failed logins to one account from anywhere, after which addresses from which nobody has logged in to it
    before may try only one at a time, every few seconds (`max-delay`); 0 for any number."""

    window: Annotated[float, Duration(least=1)] = 900.0
    """For how long a failed login counts."""

    duration: Annotated[float, Duration(least=1)] = 900.0
    """How long a lock lasts."""

    delay: Seconds = 0.5
    """How long after a login the answer is that it failed; each further failure doubles it."""

    max_delay: Annotated[float, Duration(least=0.1)] = 8.0
    """The longest such delay."""

    @model_validator(mode="after")
    def _check_delays(self) -> Self:
        if self.delay > self.max_delay:
            raise refuse(f"has to be at most max-delay, {self.max_delay:g}s", "delay")
        return self
