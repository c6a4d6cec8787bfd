"""What is known of one key, whether it is the configuration's or was made through the management API.

In the document a key looks like this; nothing in it is the key itself::

    {"values": [{"digest": "<hex>", "hint": "x7Yz", "until": null}],
     "terms": {"description": "...", "permissions": ["chat:read"], "expiresAt": 1896048000.0},
     "createdAt": 1767225600.0, "createdBy": "admin"}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from jairouter.auth.allowance import Limits
from jairouter.auth.permissions import granted
from jairouter.config.faults import Fault
from jairouter.config.moments import Moment
from jairouter.config.naming import camel, relaxed
from jairouter.config.networks import NetworkForm
from jairouter.config.settings.api_keys import KeyTerms
from jairouter.dates import date_of
from jairouter.refusals import InvalidRequest

CONFIGURATION: Final = "configuration"
API: Final = "api"
"""Where a key comes from."""

FIELDS: Final = {camel(name): name for name in KeyTerms.model_fields if name != "key_id"}
"""What a key is given, as JSON calls it, and as Python does."""

_NETWORK: Final = NetworkForm()
_MOMENT: Final = Moment()


class Value(NamedTuple):
    """One of the values that a key has: after it was given a new one, the old one may do for a while.

    Attributes:
        digest: See `jairouter.auth.keys`.
        hint: Its last characters; empty where that is not known.
        until: Until when it is valid, in seconds since the epoch, or for ever.
    """

    digest: bytes
    hint: str = ""
    until: float = inf


@dataclass(frozen=True, repr=False)
class Key:
    """One key.

    Attributes:
        terms: What it is called and what it may.
        values: The newest first.
        source: Where it comes from.
        enabled: Whether it may be used at all.
        written: As the document has it; empty for one of the configuration.
    """

    terms: KeyTerms
    values: tuple[Value, ...]
    source: str
    enabled: bool
    written: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.terms.key_id

    @cached_property
    def permissions(self) -> frozenset[str]:
        """All that it may, without wildcards."""
        return granted(self.terms.permissions)

    @property
    def limits(self) -> Limits:
        """How much it may ask for."""
        terms = self.terms
        return Limits(
            terms.requests_per_minute, terms.burst, terms.max_concurrent, terms.requests_per_day, terms.models
        )

    def __repr__(self) -> str:
        return f"<Key {self.name} of the {self.source}>"

    def expired(self, now: float) -> bool:
        """Whether its time is over."""
        return self.terms.expires_at is not None and self.terms.expires_at <= now


def terms_of(name: str, given: Mapping[str, Any]) -> KeyTerms:
    """What somebody gives to a key.

    Args:
        name: Of the key.
        given: JSON values by member, in any spelling; null for what is as it would be by itself.

    Raises:
        InvalidRequest: That cannot be given; all that is wrong with it is said.
    """
    fields = {relaxed(name): name for name in FIELDS.values()}
    known = {fields[relaxed(each)]: value for each, value in given.items() if value is not None}
    try:
        return KeyTerms.model_validate({"key_id": name, **known})
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
    raise InvalidRequest(f"the key {name} cannot be like that", [_fault(each) for each in details])


def _fault(detail: Any) -> Fault:
    context = detail.get("ctx", {})
    steps: list[str | int] = [*detail["loc"], *context.get("at", ())]
    inside = (f"[{each}]" if isinstance(each, int) else f".{each}" for each in steps[1:])
    path = camel(str(steps[0])) + "".join(inside)
    expected = f"expected {context.get('expected', 'another kind of value')}"
    return Fault(context.get("text", expected), None, path.removesuffix(".[key]"))


def written_terms(terms: KeyTerms) -> dict[str, Any]:
    """What a key was given, as JSON values; without what is as it would be by itself."""
    given = {each: getattr(terms, name) for each, name in FIELDS.items()}
    return {
        each: plain(value)
        for each, value in given.items()
        if value != KeyTerms.model_fields[FIELDS[each]].default
    }


def shown_terms(terms: KeyTerms) -> dict[str, Any]:
    """The same for people and programs to read: all that has a value, and when it expires as a date."""
    given = {each: getattr(terms, name) for each, name in FIELDS.items()}
    shown = {each: plain(value) for each, value in given.items() if value is not None}
    if terms.expires_at is not None:
        shown["expiresAt"] = date_of(terms.expires_at)
    return shown


def plain(value: Any) -> Any:
    """A value of the terms as JSON value."""
    if isinstance(value, tuple):
        return [each if isinstance(each, str) else _NETWORK.render(each) for each in value]
    return dict(value) if isinstance(value, Mapping) else value


def made_key(name: str, written: Mapping[str, Any]) -> Key:
    """A key of the document.

    Raises:
        Exception: It is not what this gateway has written; any error may come of that.
    """
    terms = terms_of(name, written["terms"])
    values = tuple(
        Value(bytes.fromhex(each["digest"]), str(each.get("hint", "")), _until(each.get("until")))
        for each in written["values"]
    )
    for each in ("createdAt", "updatedAt", "rotatedAt"):
        if each in written:
            _moment(written[each])
    return Key(terms, values, API, terms.enabled, written)


def readable(name: str, written: Any) -> Key | None:
    """The same; None for what somebody has written into the file by hand, which lets nobody in."""
    try:
        return made_key(name, written)
    except Exception:  # any may come of that
        return None


def _until(written: Any) -> float:
    return inf if written is None else _moment(written)


def _moment(written: Any) -> float:
    moment = _MOMENT.parse(written)
    assert isinstance(moment, float)  # that is what it parses to
    return moment
