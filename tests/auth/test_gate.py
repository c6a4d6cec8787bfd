"""Tests for `jairouter.auth.gate`."""

from __future__ import annotations

from ipaddress import ip_network

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.auth.gate import Admitted, Gate, credential_in
from jairouter.caller import Caller, Kind
from jairouter.errors import PermissionDenied, Reason, Unauthenticated
from jairouter.interfaces import IAuthenticator

ALICE = Caller("alice", Kind.KEY, frozenset({"chat:read"}))
ROOT = Caller("root", Kind.TOKEN, frozenset({"chat:read"}))
HOME = Caller("home", Kind.KEY, frozenset(), [ip_network("10.0.0.0/8")])


@implementer(IAuthenticator)
class Known:
    """Knows what it is told to."""

    def __init__(self, reason: Reason, **callers: Caller | Deferred[Caller] | Reason) -> None:
        self._reason = reason
        self._callers = callers
        self.asked: list[bytes] = []

    def authenticate(self, credential: bytes) -> Caller | Deferred[Caller]:
        self.asked.append(credential)
        found = self._callers.get(credential.decode().replace(".", "_"), self._reason)
        if isinstance(found, Reason):
            raise Unauthenticated("no", found)
        return found


class GateTests(SynchronousTestCase):
    """Which header counts, and which ones stop here."""

    def setUp(self) -> None:
        self.keys = Known(Reason.UNKNOWN_KEY, k=ALICE, home=HOME, old=Reason.EXPIRED_KEY)
        self.tokens = Known(Reason.UNKNOWN_TOKEN, a_b_c=ROOT, o_l_d=Reason.EXPIRED_TOKEN)
        self.gate = Gate(self.keys, self.tokens)

    def admitted(self, gate: Gate | None = None, address: str = "10.1.1.1", **fields: bytes) -> Admitted:
        found = (gate or self.gate).admit(names(fields), address)
        assert isinstance(found, Admitted)
        return found

    def refused(self, gate: Gate | None = None, **fields: bytes) -> Reason:
        with self.assertRaises(Unauthenticated) as raised:
            (gate or self.gate).admit(names(fields), "10.1.1.1")
        error: Unauthenticated = raised.exception
        return error.reason

    def test_fakes_are_true(self) -> None:
        verifyObject(IAuthenticator, self.keys)

    def test_key_in_its_header(self) -> None:
        self.assertEqual(self.admitted(x_api_key=b"k"), (ALICE, frozenset()))

    def test_key_as_a_bearer(self) -> None:
        for value in (b"Bearer k", b"Bearer \t k\t ", b"bearer  k", b"BEARER\tk "):
            self.assertEqual(self.admitted(authorization=value), (ALICE, {b"authorization"}))

    def test_token(self) -> None:
        self.assertEqual(self.admitted(authorization=b"Bearer a.b.c"), (ROOT, {b"authorization"}))
        self.assertEqual(self.admitted(jairouter_token=b"a.b.c"), (ROOT, frozenset()))
        self.assertEqual(self.admitted(jairouter_token=b"Bearer a.b.c"), (ROOT, frozenset()))

    def test_nothing(self) -> None:
        self.assertEqual(self.refused(), Reason.MISSING)
        self.assertEqual(self.refused(authorization=b"Basic azpr"), Reason.MISSING)

    def test_the_first_that_is_there_counts(self) -> None:
        """A bad key is not made good by a good token beside it."""
        self.assertEqual(self.refused(x_api_key=b"x", authorization=b"Bearer a.b.c"), Reason.UNKNOWN_KEY)
        self.assertEqual(self.refused(x_api_key=b"", jairouter_token=b"a.b.c"), Reason.UNKNOWN_KEY)

    def test_headers_of_ways_that_are_off(self) -> None:
        """Are nobody's: they neither let in nor keep out."""
        only_tokens, only_keys = Gate(None, self.tokens), Gate(self.keys, None)
        self.assertEqual(self.admitted(only_tokens, x_api_key=b"x", jairouter_token=b"a.b.c").caller, ROOT)
        self.assertEqual(self.admitted(only_keys, x_api_key=b"k", jairouter_token=b"x").caller, ALICE)
        self.assertEqual(self.refused(only_keys, authorization=b"Bearer a.b.c"), Reason.UNKNOWN_KEY)
        self.assertEqual(self.refused(only_tokens, authorization=b"Bearer k"), Reason.UNKNOWN_TOKEN)

    def test_headers_of_other_names(self) -> None:
        gate = Gate(self.keys, self.tokens, "X-Gateway-Key", "X-Gateway-Token")
        own = {b"x-gateway-key", b"x_gateway_key", b"x-gateway-token", b"x_gateway_token"}
        self.assertEqual(self.admitted(gate, x_gateway_key=b"k"), (ALICE, own))
        self.assertEqual(self.admitted(gate, x_gateway_token=b"a.b.c"), (ROOT, own))
        self.assertEqual(self.admitted(gate, authorization=b"Bearer k"), (ALICE, own | {b"authorization"}))

    def test_authorization_for_the_backend(self) -> None:
        for value in (b"Bearer sk-openai", b"Bearer x.y.z", b"Basic eDp5"):
            self.assertEqual(self.admitted(x_api_key=b"k", authorization=value).hidden, frozenset(), value)

    def test_no_credential_of_ours_for_the_backend(self) -> None:
        """Neither a second one nor one that is not good any more."""
        for value in (b"Bearer k", b"Bearer a.b.c", b"Bearer old", b"Bearer o.l.d"):
            hidden = self.admitted(x_api_key=b"k", authorization=value).hidden
            self.assertEqual(hidden, {b"authorization"}, value)
            self.assertEqual(self.gate.hidden({b"authorization": value}), {b"authorization"}, value)
        self.assertEqual(self.gate.hidden({b"authorization": b"Bearer sk-openai"}), frozenset())

    def test_where_a_caller_may_be(self) -> None:
        self.assertEqual(self.admitted(x_api_key=b"home").caller, HOME)
        for address in ("192.0.2.1", "-"):
            with self.assertRaises(PermissionDenied):
                self.admitted(address=address, x_api_key=b"home")

    def test_somebody_else_is_asked(self) -> None:
        for address, expected in (("10.0.0.1", Admitted), ("192.0.2.1", PermissionDenied)):
            waiting: Deferred[Caller] = Deferred()
            gate = Gate(None, Known(Reason.UNKNOWN_TOKEN, w=waiting))
            found = gate.admit({b"authorization": b"Bearer w"}, address)
            assert isinstance(found, Deferred)
            self.assertNoResult(found)
            waiting.callback(HOME)
            if expected is Admitted:
                self.assertEqual(self.successResultOf(found).caller, HOME)
            else:
                self.failureResultOf(found, PermissionDenied)

    def test_says_what_to_show(self) -> None:
        self.assertIn("an API key or a token", self.gate.asks_for)
        self.assertNotIn("token", Gate(self.keys, None).asks_for)

    def test_says_it_as_it_was_configured(self) -> None:
        told = Gate(self.keys, self.tokens, "X-My-KEY", "X-Token").asks_for
        self.assertTrue(told.endswith("or in X-My-KEY, Jairouter_Token, X-Token"), told)
        told = Gate(self.keys, self.tokens, "X-API-Key", "jairouter_token").asks_for
        self.assertTrue(told.endswith("or in X-API-Key, jairouter_token"), told)

    def test_credential_in(self) -> None:
        values = (b"k", b" k ", b"Bearer k", b"bearer\t k\t")
        self.assertEqual({credential_in(value) for value in values}, {b"k"})
        self.assertEqual(credential_in(b"Bearer Bearer k"), b"Bearer k")


def names(fields: dict[str, bytes]) -> dict[bytes, bytes]:
    """Headers by name; only the token's is written with an underscore."""
    return {
        (name if name == "jairouter_token" else name.replace("_", "-")).encode(): value
        for name, value in fields.items()
    }
