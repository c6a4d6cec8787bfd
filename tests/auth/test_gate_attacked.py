"""Who is let in by which header, and what goes no further."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from jairouter.auth.gate import Admitted, Gate, words_in
from jairouter.auth.jwks import KeysUnavailable
from jairouter.auth.keys import KeyRing
from jairouter.caller import Caller, Kind
from jairouter.errors import PermissionDenied, Reason, Unauthenticated
from jairouter.interfaces import IAuthenticator
from tests.auth.keyed import PEPPER, TODAY, settings

KEY, OTHER = b"sk-front-key-0000", b"sk-other-key-0000"
OFF, OLD, DOTTED, INSIDE = (
    b"sk-off-key-0000",
    b"sk-old-key-0000",
    b"sk.dotted.key-0000",
    b"sk-inside-key-0000",
)
CONFIGURED = f"""
keys:
  - {{name: front, value: {KEY.decode()}, permissions: [chat:read]}}
  - {{name: other, value: {OTHER.decode()}, permissions: [chat:read]}}
  - {{name: off, value: {OFF.decode()}, permissions: [chat:read], enabled: false}}
  - {{name: old, value: {OLD.decode()}, permissions: [chat:read], expires-at: 2020-01-01}}
  - {{name: dotted, value: {DOTTED.decode()}, permissions: [chat:read]}}
  - {{name: inside, value: {INSIDE.decode()}, permissions: [chat:read], allow-from: [10.0.0.0/8]}}
"""
TOKEN, REFRESH, REVOKED, AWAITED, UNSURE = (
    b"a.good.one",
    b"a.refresh.one",
    b"a.revoked.one",
    b"a.a.a",
    b"a.b.u",
)
AUTHORIZATION = b"authorization"


@implementer(IAuthenticator)
class Tokens:
    """Knows a few."""

    def __init__(self) -> None:
        self.alice = Caller("alice", Kind.TOKEN, frozenset({"chat:read"}))
        self.waiting: Deferred[Caller] = Deferred()

    def authenticate(self, credential: bytes) -> Caller | Deferred[Caller]:
        """See `IAuthenticator.authenticate`."""
        if credential == TOKEN:
            return self.alice
        if credential == AWAITED:
            return self.waiting
        if credential == UNSURE:
            raise KeysUnavailable("tokens cannot be checked at present")
        reason = Reason.REVOKED_TOKEN if credential == REVOKED else Reason.UNKNOWN_TOKEN
        raise Unauthenticated("no", reason, ours=credential == REFRESH)


class GateTests(SynchronousTestCase):
    """A gate that knows keys and tokens."""

    def setUp(self) -> None:
        self.ring = KeyRing(PEPPER, lambda: TODAY)
        self.ring.configure(settings(CONFIGURED))
        self.tokens = Tokens()
        self.gate = Gate(self.ring, self.tokens)

    def admit(self, fields: dict[bytes, bytes], gate: Gate | None = None, address: str = "192.0.2.1") -> Any:
        """Ask; what it says at once."""
        return (gate or self.gate).admit(fields, address)

    def name(self, fields: dict[bytes, bytes], gate: Gate | None = None) -> str:
        """Who is let in."""
        admitted: Admitted = self.admit(fields, gate)
        return admitted.caller.name

    def reason(self, fields: dict[bytes, bytes], gate: Gate | None = None) -> Reason:
        """Why nobody is."""
        error: Unauthenticated = self.assertRaises(Unauthenticated, self.admit, fields, gate)
        return error.reason

    def passes(self, authorization: bytes, beside: dict[bytes, bytes] | None = None) -> bool:
        """Whether an Authorization reaches the backend, where something else says who asks."""
        admitted: Admitted = self.admit({AUTHORIZATION: authorization, **(beside or {b"x-api-key": KEY})})
        return AUTHORIZATION not in admitted.hidden

    def test_a_key_in_each_place(self) -> None:
        for fields in (
            {b"x-api-key": KEY},
            {b"x-api-key": b" \t" + KEY + b"\t"},
            {b"x-api-key": b"Bearer " + KEY},
            {AUTHORIZATION: b"Bearer " + KEY},
            {AUTHORIZATION: b"bEARER\t " + KEY + b" "},
        ):
            self.assertEqual(self.name(fields), "front", fields)

    def test_a_token_in_each_place(self) -> None:
        other = Gate(self.ring, self.tokens, "X-API-Key", "X-Token")
        for name in (AUTHORIZATION, b"jairouter_token", b"x-token"):
            self.assertEqual(self.name({name: b"Bearer " + TOKEN}, other), "alice", name)

    def test_the_first_that_is_there_counts(self) -> None:
        """Even if it is empty: or whoever can add a header could ask in the name of somebody else."""
        good = {AUTHORIZATION: b"Bearer " + KEY, b"jairouter_token": TOKEN}
        for value in (b"", b"  ", b"nobody's", KEY + b", " + KEY, b"Bearer Bearer " + KEY):
            self.assertEqual(self.reason({b"x-api-key": value, **good}), Reason.UNKNOWN_KEY, value)

    def test_no_other_place(self) -> None:
        for fields in ({b"x_api_key": KEY}, {b"api-key": KEY}, {b"jairouter-token": TOKEN}, {}):
            self.assertEqual(self.reason(fields), Reason.MISSING, fields)

    def test_authorization_needs_its_word(self) -> None:
        for value in (KEY, b"Basic " + KEY, b"Token " + KEY, b"Bearer", b"", b"Bearer" + KEY):
            self.assertEqual(self.reason({AUTHORIZATION: value}), Reason.MISSING, value)

    def test_a_key_with_two_dots_is_a_key_everywhere(self) -> None:
        """It looks like a token, and the tokens do not know it."""
        self.assertEqual(self.name({AUTHORIZATION: b"Bearer " + DOTTED}), "dotted")

    def test_what_is_no_token_is_refused_as_one(self) -> None:
        self.assertEqual(self.reason({AUTHORIZATION: b"Bearer x.y.z"}), Reason.UNKNOWN_TOKEN)
        self.assertEqual(self.reason({AUTHORIZATION: b"Bearer " + REVOKED}), Reason.REVOKED_TOKEN)

    def test_only_what_is_accepted(self) -> None:
        keys, tokens = Gate(self.ring, None), Gate(None, self.tokens)
        self.assertEqual(self.reason({AUTHORIZATION: b"Bearer " + TOKEN}, keys), Reason.UNKNOWN_KEY)
        self.assertEqual(self.reason({b"jairouter_token": TOKEN}, keys), Reason.MISSING)
        self.assertEqual(self.reason({AUTHORIZATION: b"Bearer " + KEY}, tokens), Reason.UNKNOWN_TOKEN)
        self.assertEqual(self.reason({b"x-api-key": KEY}, tokens), Reason.MISSING)

    def test_authorization_as_the_header_of_keys(self) -> None:
        gate = Gate(self.ring, None, "Authorization")
        admitted: Admitted = self.admit({AUTHORIZATION: b"Bearer " + KEY}, gate)
        self.assertEqual(admitted.hidden, {AUTHORIZATION})

    def test_a_key_of_another_network(self) -> None:
        self.assertRaises(PermissionDenied, self.admit, {b"x-api-key": INSIDE})
        self.assertEqual(self.admit({b"x-api-key": INSIDE}, address="10.1.1.1").caller.name, "inside")

    def test_the_headers_of_the_gateway_are_hidden_in_all_spellings(self) -> None:
        gate = Gate(self.ring, self.tokens, "X-My-Key", "X_Token")
        admitted: Admitted = self.admit({b"x-my-key": KEY}, gate)
        self.assertEqual(admitted.hidden, {b"x-my-key", b"x_my_key", b"x-token", b"x_token"})

    def test_authorization_of_somebody_else_goes_on(self) -> None:
        for value in (b"Bearer sk-theirs", b"Basic dTpw", b"Bearer x.y.z", b"", b"Digest a=b, c=d"):
            self.assertTrue(self.passes(value), value)
            self.assertTrue(self.passes(value, {b"jairouter_token": TOKEN}), value)

    def test_no_credential_of_ours_goes_on_however_it_is_written(self) -> None:
        for ours in (KEY, OTHER, DOTTED, INSIDE, OFF, OLD, TOKEN, REFRESH, REVOKED):
            for written in (
                b"Bearer %b",
                b"%b",
                b"Basic %b",
                b"Bearer Bearer %b",
                b"Bearer theirs, Bearer %b",
                b"Bearer %b, Bearer theirs",
                b"Basic dTpw, Bearer\t%b",
                b'Bearer "%b"',
                b'Token token="%b", a=b',
                b"Bearer %b,",
                b"Bearer:%b",
            ):
                self.assertFalse(self.passes(written % ours), written % ours)
            for said in (b"%b", b"%b:", b"user:%b", b"%b:password"):
                self.assertFalse(self.passes(b"Basic " + b64encode(said % ours)), said % ours)

    def test_nor_where_anybody_may_ask(self) -> None:
        for value, hidden in ((b"Bearer theirs", set()), (b"Basic x, Bearer " + KEY, {AUTHORIZATION})):
            self.assertEqual(self.gate.hidden({AUTHORIZATION: value}), hidden, value)

    def test_what_cannot_be_told_yet_stays_and_the_key_counts(self) -> None:
        """That whoever publishes keys does not answer is no reason to refuse a good key."""
        for token in (UNSURE, AWAITED):
            self.assertFalse(self.passes(b"Bearer " + token), token)
        self.tokens.waiting.errback(KeysUnavailable("late"))

    def test_what_is_too_much_to_look_at_stays(self) -> None:
        self.assertFalse(self.passes(b" ".join(b"%d" % number for number in range(1000))))

    def test_nobody_who_is_not_known_has_authorization_looked_at(self) -> None:
        """It is work, which others should not be able to ask for."""
        asked: list[bytes] = []
        self.patch(self.tokens, "authenticate", asked.append)
        self.assertEqual(
            self.reason({b"x-api-key": b"x", AUTHORIZATION: b"Bearer a.b.c"}), Reason.UNKNOWN_KEY
        )
        self.assertEqual(asked, [])

    def test_words(self) -> None:
        self.assertEqual(words_in(b"Bearer x"), {b"Bearer x", b"Bearer", b"x"})
        self.assertEqual(words_in(b""), set())

    def test_keys_in_the_middle_of_marks(self) -> None:
        """A key may be made of what separates words."""
        for key in (b"sk=a;b:c\"d'e", b"sk=a,b"):
            self.assertIn(key, words_in(b"Bearer " + key) or ())
