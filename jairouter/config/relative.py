"""What a request says, against what is in force: what it leaves as it is, and what it must not say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jairouter.config.addresses import HEADER_NAME
from jairouter.config.composing import ABSENT, REPLACE, ROOT, json_text, steps_from
from jairouter.config.faults import Fault, Origin
from jairouter.config.forms import Unfit
from jairouter.config.naming import KeyPath, dotted
from jairouter.config.patch import FIXED, TOLD_FIXED, refuse
from jairouter.config.secret import MASK
from jairouter.config.shape import Group, Leaf, Listing, Naming, Shape, at
from jairouter.config.shown import has_placeholder, is_secret, shown, texts_in
from jairouter.config.tree import Items, Members, Node, Scalar, split_scalar
from jairouter.control import Changes

_NOT_STORED: Final = (
    "a secret is not stored; write ${NAME}, without a default, and set that variable where the gateway runs"
)
_NOTHING_KEPT: Final = f"{MASK} means that a secret stays as it is, and there is none here"
_WHOLE_LIST: Final = f"a list is replaced as a whole, so {MASK} cannot stand in it; write ${{NAME}}"
_REQUEST: Final = Origin("the request")


def relative(patch: Changes, tree: Members) -> Changes:
    """Leave out of a patch what it does not change, and masks, which mean that a secret stays as it is.

    So what an answer showed can be sent back, with one value edited, and only that one is changed.

    Args:
        patch: in canonical form.
        tree: what is in force.

    Raises:
        InvalidConfiguration: there are secrets in the patch, or masks where there is no secret yet; or it
            changes what cannot be changed.
    """
    comparison = _Comparison()
    found = comparison.mapping(patch, tree, ROOT, (), given=False)
    fixed = [name for name in FIXED if found is not ABSENT and name in found]
    refuse([*comparison.faults, *(Fault(TOLD_FIXED, _REQUEST, name) for name in fixed)])
    return {} if found is ABSENT else found


class _Comparison:
    """The comparison of one patch with one tree."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def _fault(self, path: KeyPath, text: str) -> None:
        self.faults.append(Fault(text, _REQUEST, dotted(path)))

    def mapping(
        self, patch: Changes, low: Node | None, shape: Shape | None, path: KeyPath, given: bool
    ) -> Any:
        """Compare a mapping.

        Args:
            patch: what is said.
            low: what is there, if anything.
            shape: what may be there.
            path: where.
            given: whether it matters that a value is given at all, even if it is the default.
        """
        replaces = REPLACE in patch
        low = None if replaces else low
        there, left = steps_from(low), {REPLACE: "replace"} if replaces else {}
        for key, inner in patch.items():
            if key == REPLACE:
                continue
            name = _same_header(key, low) if isinstance(shape, Naming) and shape.keys == HEADER_NAME else key
            further = at(shape, (name,)) if shape else None
            matters = given or replaces or _matters(shape, name)
            found = self._value(inner, there(name), further, (*path, name), _default(shape, name), matters)
            if found is not ABSENT:
                left[name] = found
        return left if left or low is None else ABSENT

    def _value(
        self, patch: Any, low: Node | None, shape: Shape | None, path: KeyPath, default: Any, given: bool
    ) -> Any:
        if isinstance(shape, Leaf):
            return self._leaf(patch, low, shape, path, default, given)
        if patch is None:
            return ABSENT if low is None else None
        if isinstance(patch, Mapping):
            return self.mapping(patch, low, shape, path, given)
        return self._list(patch, low, shape, path)

    def _leaf(
        self, patch: Any, low: Node | None, leaf: Leaf, path: KeyPath, default: Any, given: bool
    ) -> Any:
        there = low if isinstance(low, Scalar) else None
        text = json_text(patch)
        if text is None:
            nothing = there is None or there.is_null
            return ABSENT if nothing and not (given and leaf.optional and there is None) else None
        if is_secret(leaf.form, text):
            if MASK not in text:
                self._fault(path, _NOT_STORED)
            elif there is None or shown(leaf, there) != text:
                self._fault(path, _NOTHING_KEPT)
            return ABSENT
        if there is None:
            return ABSENT if not given and _is_default(leaf, text, default) else patch
        return ABSENT if _same(leaf, there, text) else patch

    def _list(self, patch: Any, low: Node | None, shape: Shape | None, path: KeyPath) -> Any:
        secrets = [(at, text) for at, form, text in texts_in(patch, shape, path) if is_secret(form, text)]
        for place, text in secrets:
            self._fault(place, _WHOLE_LIST if MASK in text else _NOT_STORED)
        same = isinstance(shape, Listing) and low is not None and _same_node(shape, low, patch)
        return ABSENT if same else patch


def _same_header(name: str, low: Node | None) -> str:
    """Return the spelling that a header already has; they are the same in any case of letters."""
    known = low.members if isinstance(low, Members) else ()
    return next((other for other in known if other.lower() == name.lower()), name)


def _matters(shape: Shape | None, key: str) -> bool:
    """Whether below a key it matters what is given, because the rest comes from further out."""
    return isinstance(shape, Group) and key in shape.members and shape.members[key].inherits


def _default(shape: Shape | None, key: str) -> Any:
    return shape.members[key].default if isinstance(shape, Group) and key in shape.members else ABSENT


def _is_default(leaf: Leaf, text: str, default: Any) -> bool:
    try:
        return not has_placeholder(text) and default is not ABSENT and leaf.form.parse(text) == default
    except Unfit:
        return False


def _same(leaf: Leaf, there: Scalar, text: str) -> bool:
    """Whether a text means what is there."""
    written = there.text.replace("${", "\\${") if there.literal else there.text
    if written == text or "${" in written + text or there.is_null:
        return written == text and not there.is_null
    try:
        return leaf.form.parse(written) == leaf.form.parse(text)
    except Unfit:
        return False


def _same_node(shape: Shape | None, low: Node | None, value: Any) -> bool:
    """Whether a value means what is there, to the last detail."""
    if isinstance(shape, Listing) and isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    match shape, low:
        case Leaf(), Scalar():
            text = json_text(value)
            return low.is_null if text is None else _same(shape, low, text)
        case Listing(), Scalar():
            return _same_node(shape, split_scalar(low), value)
        case Listing(), Items() if isinstance(value, list) and len(value) == len(low.items):
            pairs = zip(low.items, value, strict=True)
            return all(_same_node(shape.item, node, each) for node, each in pairs)
        case ((Group() | Naming()), Members()) if isinstance(value, Mapping):
            if value.keys() != low.members.keys():
                return False
            return all(_same_node(at(shape, (k,)), node, value[k]) for k, node in low.members.items())
    return False


def replacing(wanted: Mapping[str, Any], low: Node | None) -> dict[str, Any]:
    """Return the patch that makes a mapping what is wanted, and takes away all else that is there."""
    there = low.members if isinstance(low, Members) else {}
    patch: dict[str, Any] = {name: None for name in there if name not in wanted}
    for name, value in wanted.items():
        inner = there.get(name)
        both = isinstance(value, Mapping) and isinstance(inner, Members)
        patch[name] = replacing(value, inner) if both else value
    return patch
