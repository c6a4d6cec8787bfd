"""Tests for `jairouter.web.management.page` and what serves it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from html import unescape
from html.parser import HTMLParser

from twisted.trial.unittest import SynchronousTestCase

from jairouter.web.management.checking import check
from jairouter.web.management.endpoint import KNOWN, PUBLIC, Reply
from jairouter.web.management.page import address_of, example, page
from jairouter.web.management.page_script import SCRIPT
from jairouter.web.management.whoami import Ways
from tests.web.management.examples import INSTANCE, Api, all_of_them, endpoint

VOID = {"meta", "link", "input", "br"}


class Outline(HTMLParser):
    """What a page is made of; complains about what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.attributes.append(name)
            if name == "id":
                self.ids.append(str(value))
            elif name in {"href", "src"}:
                self.links.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        if self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes something else")


class PageTests(SynchronousTestCase):
    """The page for people."""

    def setUp(self) -> None:
        self.api = Api(*all_of_them())
        self.answer = self.api.ask("/swagger-ui")
        self.html = self.answer.body.decode()

    def test_addresses(self) -> None:
        """Those under which the original has it."""
        for path in ("/swagger-ui", "/swagger-ui/", "/swagger-ui.html", "/swagger-ui/index.html"):
            self.assertEqual(self.api.ask(path).status, 200, path)
        self.assertEqual(self.api.ask("/swagger-ui/other").status, 404)
        for path in ("/swagger-ui", "/v3/api-docs"):
            refused = self.api.ask(path, "POST")
            self.assertEqual((refused.status, refused.headers["allow"]), (405, "GET, HEAD, OPTIONS"))
            self.assertEqual(self.api.code(path, "POST"), "METHOD_NOT_ALLOWED")
            asked = self.api.ask(path, "OPTIONS")
            self.assertEqual((asked.status, asked.headers["allow"]), (204, "GET, HEAD, OPTIONS"))

    def test_well_formed(self) -> None:
        outline = Outline(self.html)
        self.assertEqual(outline.open, [])
        self.assertEqual(len(outline.ids), len(set(outline.ids)))

    def test_nothing_from_elsewhere(self) -> None:
        outline = Outline(self.html)
        for link in outline.links:
            self.assertTrue(link.startswith(("#", "/v3/", "data:,")), link)
        self.assertNotIn("style", outline.attributes)
        self.assertEqual([each for each in outline.attributes if each.startswith("on")], [])

    def test_policy(self) -> None:
        """Exactly this style and this script are allowed."""
        policy = self.answer.headers["content-security-policy"]
        for name in ("style", "script"):
            [text] = re.findall(f"<{name}>(.*?)</{name}>", self.html, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            self.assertIn(f"{name}-src 'sha256-{digest}'", policy)
        self.assertIn("default-src 'none'", policy)
        self.assertEqual(self.answer.headers["x-frame-options"], "DENY")
        self.assertEqual(self.answer.headers["x-content-type-options"], "nosniff")

    def test_every_endpoint(self) -> None:
        for each in all_of_them():
            self.assertIn(f'<details id="{each.name}" ', self.html)
            self.assertIn(each.summary, self.html)

    def test_what_each_needs(self) -> None:
        self.assertIn("Needs <code>config:write</code>.", self.html)
        for permission, said in ((PUBLIC, "Anybody may."), (KNOWN, "Whoever has said who they are may.")):
            shown = page([endpoint(lambda call: Reply(), permission=permission)], "1")
            self.assertIn(said, shown)

    def test_the_header_for_a_key(self) -> None:
        shown = page([], "1", Ways(True, "X-Mine"))
        self.assertIn('data-key-header="X-Mine"', shown)

    def test_no_credential_has_a_place_that_outlives_the_page(self) -> None:
        """The fields have no name, so that a form could not send them, and the script stores nothing."""
        self.assertNotRegex(self.html, r"<input[^>]* name=")
        for word in (
            "localStorage",
            "sessionStorage",
            "cookie",
            "indexedDB",
            "history.",
            "innerHTML",
            "eval(",
        ):
            self.assertNotIn(word, SCRIPT)
        self.assertIn('credentials: "omit"', SCRIPT)
        self.assertIn('redirect: "error"', SCRIPT)

    def test_escaped(self) -> None:
        self.assertIn("Unless it is &lt;disabled&gt;.", self.html)
        self.assertIn("<code>the next request</code>", self.html)

    def test_members(self) -> None:
        said = "  weight?: integer (&gt;= 0, &lt;= 1000)  # Its share of requests\n"
        self.assertIn(said, self.html)
        self.assertIn("  baseUrl: string\n", self.html)

    def test_examples_can_be_pasted(self) -> None:
        """What may be written in several ways is given in one that is taken, or left out."""
        properties = {"weight": {"description": "x"}, "other": {"description": "y"}, "name": {}}
        self.assertEqual(
            example({"type": "object", "properties": properties}), {"weight": 1, "name": "my-model"}
        )

    def curls(self, host: str = "localhost:8080") -> list[list[str]]:
        html = Api(*all_of_them()).ask("/swagger-ui", Host=host).body.decode()
        lines = re.findall(r"<pre>(curl .*?)</pre>", html, re.DOTALL)
        return [shlex.split(unescape(each)) for each in lines]

    def test_command_lines(self) -> None:
        """They are commands, and their bodies are such as are taken."""
        commands = self.curls()
        self.assertEqual(len(commands), len(all_of_them()))
        [adding] = [each for each in commands if "POST" in each]
        self.assertIn("http://localhost:8080/api/config/instance/{serviceType}", adding)
        self.assertEqual(check(json.loads(adding[-1]), INSTANCE), [])

    def test_address(self) -> None:
        self.assertIn("http://127.0.0.1:1/api/config/version/current", self.curls("127.0.0.1:1")[1])
        self.assertEqual(address_of("a.example:8443", secure=True), "https://a.example:8443")
        for odd in ("", "a'b", "a b", "<b>", "a/b", "$(id)", "a:b", "a;id"):
            self.assertEqual(address_of(odd), "http://localhost", odd)


class ExampleTests(SynchronousTestCase):
    """Values made from schemas."""

    def test_fits(self) -> None:
        schemas = (
            INSTANCE,
            {"type": "array", "items": {"type": "integer", "minimum": 3}},
            {"type": ["string", "null"]},
            {"enum": ["a"]},
            {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            {"type": "object", "properties": {"a": {"type": "null"}, "b": {"const": 2}}},
            {"type": "number", "examples": [0.5]},
        )
        for schema in schemas:
            self.assertEqual(check(example(schema), schema), [], schema)

    def test_endless(self) -> None:
        """A schema may hold itself."""
        schema: dict[str, object] = {"type": "array"}
        schema["items"] = schema
        json.dumps(example(schema))
