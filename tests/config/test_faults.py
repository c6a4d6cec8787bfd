"""Tests of what is said about configurations that are refused."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.loader import ConfigurationFaults, load
from tests.config.reading import faults_of

SECRET = "sk-very-secret"


class FaultTests(SynchronousTestCase):
    """Faults name place, key, what was expected and what was found."""

    def test_a_bad_value(self) -> None:
        text = "model:\n  services:\n    chat:\n      instances:\n"
        text += "      - {name: a, base-url: http://a}\n"
        text += "      - name: b\n        base-url: http://b\n        weight: heavy\n"
        told = 'model.services.chat.instances[1].weight: expected an integer from 0 to 1000000, found "heavy"'
        self.assertEqual(faults_of(text), [f"a.yml:8: {told}"])

    def test_an_unknown_key_with_a_suggestion(self) -> None:
        found = faults_of("webclient:\n  read-timout: 5s")
        told = "webclient.read-timout: unknown key; did you mean read-timeout?"
        self.assertEqual(found, [f"a.yml:2: {told}"])

    def test_an_unknown_key_like_no_other(self) -> None:
        self.assertEqual(faults_of("zzz: 1"), ["a.yml:1: zzz: unknown key"])

    def test_an_unknown_service(self) -> None:
        (found,) = faults_of("model.services.caht: {}")
        self.assertIn("did you mean chat?", found)

    def test_all_faults_are_told_at_once_line_by_line(self) -> None:
        found = faults_of("server:\n  port: x\n  zort: 1\nmodel.adapter: [a]\nstore.type: tape")
        self.assertEqual([line.split(":")[1] for line in found], ["2", "3", "4", "5"])

    def test_a_missing_key_is_told_at_the_mapping_that_lacks_it(self) -> None:
        found = faults_of("model.services.chat.instances:\n- name: a\n- base-url: http://b")
        self.assertEqual(
            found,
            [
                "a.yml:2: model.services.chat.instances[0].base-url: this key is required",
                "a.yml:3: model.services.chat.instances[1].name: this key is required",
            ],
        )

    def test_a_key_given_twice_names_both_lines(self) -> None:
        (found,) = faults_of("server:\n  port: 1\n  port: 2")
        self.assertEqual(found, "a.yml:3: the key port is given twice, first at line 2")

    def test_two_spellings_of_a_key_are_the_key_given_twice(self) -> None:
        (found,) = faults_of("webclient:\n  read-timeout: 1\n  readTimeout: 2")
        self.assertEqual(found, "a.yml:3: webclient.read-timeout: given twice, first at a.yml:2")

    def test_two_spellings_of_a_service_are_the_service_given_twice(self) -> None:
        (found,) = faults_of("model.services:\n  imgGen: {}\n  img-gen: {}")
        self.assertEqual(found, "a.yml:3: model.services.imgGen: given twice, first at a.yml:2")

    def test_the_same_instance_twice(self) -> None:
        line = "- {name: a, base-url: http://a, path: /x}\n"
        (found,) = faults_of(f"model.services.chat.instances:\n{line}{line}")
        self.assertIn("a.yml:3: model.services.chat.instances[1]: the same name", found)

    def test_the_same_header_in_another_case(self) -> None:
        headers = "{authorization: a, Authorization: b}"
        text = f"model.services.chat.instances: [{{name: a, base-url: http://a, headers: {headers}}}]"
        (found,) = faults_of(text)
        self.assertIn("the same header as authorization", found)

    def test_the_wrong_kind_of_value(self) -> None:
        self.assertEqual(faults_of("server: [1]"), ["a.yml:1: server: expected a mapping, found a list"])
        self.assertEqual(
            faults_of("model.services.chat.instances: a"),
            ["a.yml:1: model.services.chat.instances: expected a list, found a text"],
        )
        self.assertEqual(len(faults_of("server.port: {a: b}")), 1)

    def test_bad_header_names_and_values(self) -> None:
        for header in ('"a b": x', '"a\\r\\nb": x', '"": x', 'a: "x\\r\\ny"', 'a: "x\\0"'):
            text = f"model.services.chat.instances: [{{name: a, base-url: http://a, headers: {{{header}}}}}]"
            self.assertEqual(len(faults_of(text)), 1, header)

    def test_a_path_without_a_slash(self) -> None:
        (found,) = faults_of("model.services.chat.instances: [{name: a, base-url: http://a, path: v1}]")
        self.assertIn('expected a path that begins with "/"', found)


class DocumentFaultTests(SynchronousTestCase):
    """Files that cannot be read at all."""

    def _only(self, content: str | bytes, *words: str) -> None:
        (found,) = faults_of(content)
        for word in words:
            self.assertIn(word, found)

    def test_a_syntax_error_names_its_line(self) -> None:
        self._only("server:\n  port: 1\n bad", "a.yml:3", "not valid YAML")

    def test_text_in_another_encoding(self) -> None:
        self._only(b"a: 1\nb: \xff\xfe", "a.yml:2", "not UTF-8")

    def test_a_control_character(self) -> None:
        self._only(b"server:\n  address: a\x00b", "a.yml:2", "control character")

    def test_a_list_at_the_top(self) -> None:
        self._only("- a\n- b", "a.yml:1", "expected a mapping of keys, found a list")

    def test_an_alias_bomb(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
        for n in range(1, 12):
            lines.append(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]")
        self._only("\n".join(lines), "counting aliases in full")

    def test_absurd_depth(self) -> None:
        self._only("a: " + "[" * 5000, "levels deep")

    def test_an_alias_inside_its_own_anchor(self) -> None:
        self._only("a: &x [*x]", "an alias inside what it stands for")

    def test_a_tag(self) -> None:
        self._only("server.address: !!python/name:os.system x", "tag")

    def test_a_surrogate(self) -> None:
        self._only('server.address: "\\ud800"', "surrogate")

    def test_escapes_out_of_range(self) -> None:
        self._only('server.address: "\\UFFFFFFFF"', "not valid YAML")

    def test_an_absurdly_large_file(self) -> None:
        self._only(b"#" * 5_000_000, "larger than")


class SecretFaultTests(SynchronousTestCase):
    """No fault shows the value of a secret."""

    def _hides(self, text: str, environ: dict[str, str] | None = None) -> None:
        found = "\n".join(faults_of(text, environ=environ))
        self.assertNotIn(SECRET, found)

    def test_a_bad_header_value(self) -> None:
        header = f'headers: {{Authorization: "{SECRET}\\n"}}'
        self._hides(f"model.services.chat.instances: [{{name: a, base-url: http://a, {header}}}]")

    def test_a_text_in_place_of_headers(self) -> None:
        text = f"model.services.chat.instances: [{{name: a, base-url: http://a, headers: {SECRET}}}]"
        self._hides(text)

    def test_a_list_in_place_of_a_password(self) -> None:
        self._hides(f"store.redis.password: [{SECRET}]")

    def test_an_unknown_key_with_a_secret(self) -> None:
        self._hides(f"security.jwt.sekret: {SECRET}")

    def test_a_secret_where_a_number_belongs_by_placeholder(self) -> None:
        self._hides("server.port: ${KEY}", {"KEY": SECRET})

    def test_a_secret_in_the_name_of_a_placeholder(self) -> None:
        """Else whoever may name a variable in a change would be told what it stands for."""
        for name in ("${KEY}", "server.${KEY}", "x${KEY}:${${KEY}}", "${NOTHING:${KEY}}"):
            self._hides(f"server.address: '${{{name}}}'", {"KEY": SECRET})

    def test_credentials_in_an_address(self) -> None:
        url = f"https://user:{SECRET}@host"
        self._hides(f"model.services.chat.instances: [{{name: a, base-url: '{url}'}}]")

    def test_a_key_in_the_query_of_a_path(self) -> None:
        path = f"path: 'v1/x?key={SECRET}'"
        self._hides(f"model.services.chat.instances: [{{name: a, base-url: http://a, {path}}}]")

    def test_a_secret_that_breaks_the_syntax(self) -> None:
        for start in ("*", "&", "!", "%", "@", "'", '"', "[", "{", "|", "${"):
            self._hides(f"security.jwt.secret: {start}{SECRET}\nzzz: 1")

    def test_exceptions_show_no_secret_either(self) -> None:
        environ = {"SECURITY_JWT_SECRET": SECRET, "SERVER_PORT": "x"}
        caught = self.assertRaises(ConfigurationFaults, load, [], (), environ)
        self.assertNotIn(SECRET, repr(caught) + str(caught))
        self.assertIsNone(caught.__context__)
