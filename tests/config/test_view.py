"""Tests of what is shown of a configuration."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config import edits
from jairouter.config.secret import MASK
from jairouter.config.view import instance_view, service_view, tree_view
from jairouter.refusals import InstanceNotFound, NotFound, ServiceNotFound
from tests.config.editing import ENVIRON, FILE, GPT, Edited


class ViewTests(SynchronousTestCase):
    """What was given, without secrets."""

    def setUp(self) -> None:
        self.edited = Edited()(edits.update_instance("chat", GPT, {"maxRetries": 2}))
        self.loaded = self.edited.loaded

    def test_an_instance(self) -> None:
        expected = {
            "name": "gpt-4",
            "baseUrl": "https://api.openai.com",
            "path": "/v1/chat/completions",
            "weight": 1,
            "headers": {"Authorization": "Bearer ${OPENAI}", "X-Team": MASK},
            "maxRetries": 2,
            "instanceId": "gpt-4@https://api.openai.com",
        }
        self.assertEqual(instance_view(self.loaded, "chat", 0), expected)

    def test_a_service(self) -> None:
        view = service_view(self.loaded, "embeddings")
        instance = {"name": "bge", "baseUrl": "http://[::1]:9000", "weight": 1}
        self.assertEqual(view, {"instances": [{**instance, "instanceId": "bge@http://[::1]:9000"}]})

    def test_values_have_their_type(self) -> None:
        text = "server: {port: '81', drain.timeout: 1500ms, compression.enabled: on}"
        view = tree_view(Edited(text).loaded)
        server = {"port": 81, "drain": {"timeout": "1.5s"}, "compression": {"enabled": True}}
        self.assertEqual(view["server"], server)

    def test_a_text_with_commas_is_a_list(self) -> None:
        view = tree_view(Edited("management.endpoints.web.exposure.include: a, b").loaded, ("management",))
        self.assertEqual(view, {"endpoints": {"web": {"exposure": {"include": ["a", "b"]}}}})

    def test_no_secret_is_shown(self) -> None:
        environ = {**ENVIRON, "SECURITY_JWT_SECRET": "s3cret" * 10}
        for origins in (False, True):
            shown = json.dumps(tree_view(Edited(FILE, environ).loaded, (), origins))
            self.assertNotIn("s3cret", shown)
            self.assertNotIn("k3y", shown)

    def test_origins(self) -> None:
        edited = Edited(FILE, {**ENVIRON, "SERVER_ADDRESS": "::"})
        edited(edits.update_instance("chat", GPT, {"maxRetries": 2}))
        view = tree_view(edited.loaded, (), origins=True)
        self.assertEqual(view["server"]["port"], {"value": 8081, "origin": "a.yml:1"})
        where = {"value": "::", "origin": "environment variable SERVER_ADDRESS"}
        self.assertEqual(view["server"]["address"], where)
        instance = view["model"]["services"]["chat"]["instances"][0]
        self.assertEqual(instance["maxRetries"], {"value": 2, "origin": "version 1"})
        self.assertEqual(instance["instanceId"]["origin"], "defaults")

    def test_a_part(self) -> None:
        self.assertEqual(tree_view(self.loaded, ("server", "port")), 8081)
        self.assertEqual(tree_view(self.loaded, ("model", "services", "chat", "instances", GPT, "weight")), 1)
        self.assertEqual(tree_view(self.loaded, ("webclient",)), {})
        self.assertRaises(NotFound, tree_view, self.loaded, ("model", "nothing"))

    def test_what_is_not_there(self) -> None:
        self.assertRaises(ServiceNotFound, service_view, self.loaded, "tts")
        self.assertRaises(InstanceNotFound, instance_view, self.loaded, "chat", 2)

    def test_a_value_of_the_environment_can_be_sent_back(self) -> None:
        """There, ${...} is no placeholder."""
        environ = {**ENVIRON, "MODEL_ADAPTER": "x${y}"}
        edited = Edited(FILE, environ)
        view = tree_view(edited.loaded, ("model",))
        self.assertEqual(view["adapter"], "x\\${y}")
        edited(edits.merge({"model": view}))
        self.assertEqual(edited.version, 0)
