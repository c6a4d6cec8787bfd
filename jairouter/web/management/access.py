"""Who may use the management API, and the pages of the actuator that are not for everybody.

With security on, callers say who they are, and need a permission; if ``management.api.allow-from`` is given,
they have to be in one of its networks besides.

With security off, the client's address must be in one of these networks. Where only a loopback network allows
it, which is the default, being on this machine is all that speaks for a client. A proxy and a browser on this
machine are there too, and both do what others want:

A request from the loopback address is refused when it has

* X-Forwarded-For or another header of `jairouter.web.browsers.PASSED_ON`, or came over a connection that
  began with a PROXY header: a proxy passes it on, for whomever;
* a Host that is neither ``localhost`` nor an IP address, or none: a browser took a name of somebody else's
  for this machine's (DNS rebinding).

A request from any address is refused when it has

* an Origin other than the address that it was sent to: a page of another site sent it; or, with security
  off, one that is the same, but neither ``localhost`` nor an IP address: the page's name may be somebody
  else's (DNS rebinding);
* ``Sec-Fetch-Site: cross-site``: the same, where there is no Origin.

Pages of an origin that `security.validation.cors` names (not ``*``, nor ``null``: these are anybody's) are
let in by the second table.

Behind a trusted proxy the client's address is the one that the proxy names; if that is a loopback address,
the proxy may as well have named nobody, so nobody is let in through it by the first table. A proxy that adds
no header at all cannot be noticed: it must not pass on ``/api``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Final, NamedTuple

from twisted.internet.defer import Deferred

from jairouter.auditing import DENIED, Event, NoAudit, refusal, success
from jairouter.codec.ip_address import parse_ip
from jairouter.errors import GatewayError, PermissionDenied
from jairouter.refusals import Forbidden
from jairouter.web.asking import client_of
from jairouter.web.browsers import is_certain, page_of, passed_on_by, split
from jairouter.web.guard import Guard, NoGuard
from jairouter.web.management.endpoint import KNOWN, PUBLIC

if TYPE_CHECKING:
    from twisted.python.failure import Failure
    from twisted.web.http import Request

    from jairouter.auditing import IAudit
    from jairouter.auth.gate import Admitted
    from jairouter.caller import Caller
    from jairouter.web.cors import Cors

KEY: Final = "management.api.allow-from"
_UNRECORDED: Final = NoAudit()


class Access:
    """See the module's tables.

    Args:
        networks: Where clients may be, with security off.
        security: Who may call at all.
        given: Whether `networks` hold with security on, too.
    """

    def __init__(
        self,
        networks: Sequence[IPv4Network | IPv6Network],
        security: Guard | None = None,
        *,
        given: bool = True,
    ) -> None:
        self._networks = tuple(networks)
        self._security: Guard = security or NoGuard()
        self._given = given

    @property
    def audit(self) -> IAudit:
        """Is told what is done."""
        return self._security.audit

    def admit(
        self, request: Request, permission: str, resource: str, *, recorded: bool = True
    ) -> Who | Deferred[Who]:
        """Let a request in.

        Args:
            request: What was asked.
            permission: What a caller needs; or `PUBLIC`, or `KNOWN`.
            resource: What is asked for, for the record; nothing that a client may choose.
            recorded: Whether a refusal is an event: not where somebody who is nobody gets an answer, too.

        Returns:
            Who asks; a Deferred only where somebody else has to be asked first, which fails likewise.

        Raises:
            Forbidden: It may not.
            GatewayError: Nobody knows who asks, or the caller lacks the permission.
        """
        address, fields = client_of(request)
        gate, audit = self._security.gate, self._security.audit if recorded else _UNRECORDED
        asked = _Asked(request, resource, address, fields, permission, audit)
        try:
            self._check_where_from(address, request, fields)
        except Forbidden as refusal:
            asked.kept_out(refusal)
            raise
        if gate is None or permission == PUBLIC:
            return Who(address, fields)
        try:
            found = gate.admit(fields, address)
        except GatewayError as error:
            asked.refused(error)
            raise
        if isinstance(found, Deferred):
            return found.addCallbacks(asked.admitted, asked.failed)
        return asked.admitted(found)

    def _check_where_from(self, address: str, request: Request, fields: Mapping[bytes, bytes]) -> None:
        off = self._security.gate is None
        if off:
            self._check_place(address, request, fields)
        elif self._given:
            self._granting(address)
        _check_browser(request, fields, certain=off)

    def _check_place(self, address: str, request: Request, fields: Mapping[bytes, bytes]) -> None:
        if all(each.is_loopback for each in self._granting(address)):
            _check_here(fields, proxied=getattr(getattr(request, "channel", None), "proxied", False))

    def _granting(self, address: str) -> Sequence[IPv4Network | IPv6Network]:
        parsed = parse_ip(address)
        granting = [each for each in self._networks if parsed is not None and parsed in each]
        if not granting:
            raise Forbidden(f"clients at {address} may not use the management API; {KEY} says who may")
        return granting


class Who(NamedTuple):
    """Who asks.

    Attributes:
        address: The client's.
        fields: The headers by name in lower case.
        caller: Who it is; None where nobody has to say so.
    """

    address: str
    fields: Mapping[bytes, bytes]
    caller: Caller | None = None

    @property
    def name(self) -> str:
        """For the record."""
        return self.address if self.caller is None else self.caller.name


class _Asked(NamedTuple):
    """One request, for which somebody is asked who sent it."""

    request: Request
    resource: str
    address: str
    fields: Mapping[bytes, bytes]
    permission: str
    audit: IAudit

    def admitted(self, admitted: Admitted) -> Who:
        """Check that whoever it is may."""
        caller = admitted.caller
        if self.permission not in (KNOWN, *caller.permissions):
            denied = PermissionDenied(f"{caller.name} may not do this: it needs {self.permission}")
            self.refused(denied, caller.name)
            raise denied
        self.audit.often(success(caller, self.address, self.resource, self._action))
        return Who(self.address, self.fields, caller)

    def failed(self, failure: Failure) -> Failure:
        """Nobody knows who it is."""
        if isinstance(failure.value, GatewayError):
            self.refused(failure.value)
        return failure

    def refused(self, error: GatewayError, name: str = "") -> None:
        """Have it recorded."""
        self.audit.often(refusal(error, name, self.address, self.resource, self._action))

    def kept_out(self, refusal: Forbidden) -> None:
        """Have it recorded that it is no matter of who asks."""
        kind, reason = "AUTHORIZATION_FAILURE", refusal.code
        event = Event(kind, "", self.address, self.resource, DENIED, self._action, reason)
        self.audit.often(event)

    @property
    def _action(self) -> str:
        return self.request.method.decode("latin-1")[:20]


def _check_here(fields: Mapping[bytes, bytes], *, proxied: bool) -> None:
    """Whether a request from this machine is not somebody else's."""
    passed_on = passed_on_by(fields)
    if proxied or passed_on is not None:
        raise Forbidden(
            f"a proxy passed this on ({passed_on or 'PROXY header'}); where it is one of "
            f"server.forward-headers.trusted-proxies, {KEY} may name the networks of its clients"
        )
    if not is_certain(split(fields.get(b"host", b""))[0]):
        raise Forbidden(
            "from this machine the management API is asked as localhost or by an IP address, so that no web "
            f"page can pretend to be this gateway; other names need an address of the network in {KEY}"
        )


def _check_browser(request: Request, fields: Mapping[bytes, bytes], *, certain: bool) -> None:
    """Whether it is not a page of another site that makes a browser ask.

    Args:
        request: What was asked.
        fields: The headers by name in lower case.
        certain: Whether it has to be certain whose the page's name is.
    """
    cors: Cors | None = getattr(request, "cors", None)
    if cors is not None and cors.names(fields.get(b"origin", b"")):
        return
    page = page_of(fields)
    if page is None:
        return
    if not page.same:
        raise Forbidden("a web page of another origin may not use the management API")
    if certain and not is_certain(page.host):
        raise Forbidden("a web page may use the management API only under an IP address or as localhost")
