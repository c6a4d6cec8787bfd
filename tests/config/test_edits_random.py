"""Random edits: each is refused, or makes changes that hold no secret and mean what they say."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config import edits
from jairouter.config.faults import ConfigurationFaults
from jairouter.config.patch import canonical_changes, secrets_in
from jairouter.config.view import service_view
from jairouter.control import Edit
from jairouter.refusals import Refusal
from tests.config.editing import Edited
from tests.config.test_properties import TREES
from tests.fuzz.examples import examples

SERVICES = st.sampled_from(["chat", "embedding", "tts", "img-gen", "x"])
SECRETS = st.sampled_from(["${OPENAI}", "********", "s3cret"])
NUMBERS = st.one_of(st.integers(0, 3), st.none())
MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from(["gpt-4", "local", "n", "", None, 5]),
    "baseUrl": st.sampled_from(
        ["https://api.openai.com", "${LOCAL}", "http://n/", "http://u:s3cret@n", "x", None]
    ),
    "path": st.sampled_from(["/v1/chat/completions", "/p?${OPENAI}", "/p?s3cret", "/p?********", None]),
    "instanceId": st.sampled_from(["mine", "gpt-4@https://api.openai.com", "", None]),
    "weight": NUMBERS,
    "headers": st.dictionaries(
        st.sampled_from(["Authorization", "x-team", "B"]), st.one_of(SECRETS, st.none()), max_size=2
    ),
    "apiKey": SECRETS,
    "rateLimit": st.one_of(
        st.none(), st.fixed_dictionaries({}, optional={"capacity": NUMBERS, "$patch": st.just("replace")})
    ),
    "healthStatus": st.just("UP"),
}
INSTANCES = st.fixed_dictionaries({}, optional=dict(MEMBERS))
NAMED = {name: MEMBERS.pop(name) for name in ("name", "baseUrl")}
WHOLE = st.fixed_dictionaries(NAMED, optional=MEMBERS)
WHICH = st.sampled_from(
    [
        "gpt-4@https://api.openai.com",
        "local@${LOCAL}",
        "bge@http://[::1]:9000",
        "n@http://n",
        "mine",
        "n@mine",
        "",
    ]
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "instances": st.one_of(
            st.lists(st.one_of(INSTANCES, WHOLE), max_size=2),
            st.dictionaries(WHICH, st.one_of(INSTANCES, WHOLE, st.none()), max_size=2),
            st.none(),
        ),
        "rateLimit": MEMBERS["rateLimit"],
        "$patch": st.just("replace"),
    },
)
WHOLES = st.builds(lambda service, body: {"model": {"services": {service: body}}}, SERVICES, BODIES)
EDITS: st.SearchStrategy[Edit] = st.one_of(
    st.builds(edits.add_service, SERVICES, BODIES),
    st.builds(edits.update_service, SERVICES, BODIES),
    st.builds(edits.delete_service, SERVICES),
    st.builds(edits.add_instance, SERVICES, WHOLE),
    st.builds(edits.update_instance, SERVICES, WHICH, INSTANCES),
    st.builds(edits.delete_instance, SERVICES, WHICH),
    st.builds(edits.merge, WHOLES),
    st.builds(edits.replace_all, WHOLES),
)


class RandomEdits(SynchronousTestCase):
    """Whatever is asked for."""

    def tried(self, edited: Edited, edit: Edit) -> None:
        """Make an edit that may be refused, but must not fail in any other way."""
        before, untouched = edited.changes, copy.deepcopy(edited.changes)
        try:
            edited(edit)
        except Refusal as refusal:
            self.assertNotIn("s3cret", refusal.message + str(refusal.faults))
        except ConfigurationFaults as faults:
            self.assertNotIn("s3cret", str(faults))
        self.assertEqual(before, untouched)

    @examples(60)
    @given(st.lists(EDITS, max_size=6))
    def test_edits_one_after_the_other(self, some: list[Edit]) -> None:
        edited = Edited()
        for edit in some:
            self.tried(edited, edit)
            self.assertEqual(secrets_in(edited.changes), ())
            self.assertEqual(canonical_changes(edited.changes, ()), edited.changes)
            for service in edited.loaded.settings.model.services:
                view = service_view(edited.loaded, service)
                changes = edits.update_service(service, view)(edited.loaded, edited.changes)
                self.assertIs(changes, edited.changes)

    @examples(25)
    @given(TREES, TREES)
    def test_any_tree(self, one: Any, two: Any) -> None:
        edited = Edited()
        for body in (one, two):
            self.tried(edited, edits.merge(body))
            self.tried(edited, edits.replace_all(body))
