"""Tests for `jairouter.web.management.openapi`."""

from __future__ import annotations

import json
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator
from twisted.trial.unittest import SynchronousTestCase

from jairouter.errors import Reason
from jairouter.web.management.endpoint import KNOWN, PUBLIC, Reply
from jairouter.web.management.openapi import document
from jairouter.web.management.whoami import Ways
from tests.web.management.examples import Api, all_of_them, endpoint


class DocumentTests(SynchronousTestCase):
    """What the document says."""

    def setUp(self) -> None:
        self.served = Api(*all_of_them()).ask("/v3/api-docs")
        self.document: dict[str, Any] = json.loads(self.served.body)

    def operation(self, method: str, path: str) -> Any:
        return self.document["paths"][path][method]

    def test_valid(self) -> None:
        OpenAPIV31SpecValidator(self.document).validate()
        self.assertEqual(self.served.headers["content-type"], "application/json")

    def test_every_endpoint(self) -> None:
        said = {
            (method.upper(), path, each["operationId"])
            for path, operations in self.document["paths"].items()
            for method, each in operations.items()
        }
        self.assertEqual(said, {(each.method, each.path, each.name) for each in all_of_them()})

    def test_parameters(self) -> None:
        listed = self.operation("get", "/api/config/instance/{serviceType}")["parameters"]
        self.assertEqual(
            [(each["name"], each["in"], each["required"]) for each in listed],
            [("serviceType", "path", True), ("limit", "query", False)],
        )
        self.assertEqual(listed[1]["schema"]["default"], 10)

    def test_what_every_change_is_told(self) -> None:
        listed = self.operation("post", "/api/config/instance/{serviceType}")["parameters"]
        self.assertLessEqual({"If-Match", "description", "version"}, {each["name"] for each in listed})
        listed = self.operation("delete", "/api/config/merge/cleanup")["parameters"]
        self.assertEqual([each["name"] for each in listed], ["deleteOriginals"])

    def test_body(self) -> None:
        body = self.operation("post", "/api/config/instance/{serviceType}")["requestBody"]
        self.assertTrue(body["required"])
        self.assertLessEqual({"application/json", "application/yaml"}, set(body["content"]))
        schema = body["content"]["application/json"]["schema"]
        self.assertEqual(schema, {"$ref": "#/components/schemas/Instance"})

    def test_refusals(self) -> None:
        """Each status with its codes."""
        said = {}
        for status, each in self.operation("post", "/api/config/instance/{serviceType}")["responses"].items():
            if "$ref" in each:
                name = each["$ref"].rpartition("/")[2]
                schema = self.document["components"]["responses"][name]["content"]["application/json"][
                    "schema"
                ]
                if schema == {"$ref": "#/components/schemas/Unread"}:
                    continue
                said[status] = schema["allOf"][1]["properties"]["errorCode"]["enum"]
        self.assertEqual(
            said,
            {
                "400": ["INVALID_CONFIGURATION", "INVALID_REQUEST"],
                "401": sorted(each.value for each in Reason if each != Reason.LOGIN),
                "403": ["FORBIDDEN", "INSUFFICIENT_PERMISSIONS"],
                "408": ["REQUEST_TIMEOUT"],
                "409": ["VERSION_CONFLICT"],
                "413": ["REQUEST_TOO_LARGE"],
                "415": ["UNSUPPORTED_MEDIA_TYPE"],
                "500": ["INTERNAL_ERROR"],
                "503": ["STORE_UNAVAILABLE"],
            },
        )

    def test_no_body_no_refusal_of_it(self) -> None:
        responses = self.operation("get", "/api/config/version/{version}")["responses"]
        self.assertEqual(set(responses), {"200", "400", "401", "403", "404", "414", "431", "500"})

    def test_envelope(self) -> None:
        good = self.operation("get", "/api/config/version/current")["responses"]["200"]
        schema = good["content"]["application/json"]["schema"]
        self.assertEqual(schema["required"], ["success", "message", "data", "timestamp"])
        self.assertEqual(schema["properties"]["data"], {"type": "integer"})
        self.assertIn("ETag", good["headers"])


class AccessTests(SynchronousTestCase):
    """What the document says about who may."""

    def document(self, permission: str, on: bool = True) -> tuple[Any, Any]:
        """The operation of an endpoint with this permission, and the whole document, which is valid."""
        described = document([endpoint(lambda call: Reply(), permission=permission)], "1", Ways(on, "X-Mine"))
        OpenAPIV31SpecValidator(described).validate()
        return described["paths"]["/api/it"]["get"], described

    def codes(self, operation: Any, whole: Any, status: str) -> list[str]:
        name = operation["responses"][status]["$ref"].rpartition("/")[2]
        schema = whole["components"]["responses"][name]["content"]["application/json"]["schema"]
        found: list[str] = schema["allOf"][1]["properties"]["errorCode"]["enum"]
        return found

    def test_a_key_or_a_token(self) -> None:
        operation, whole = self.document("config:write")
        self.assertEqual(operation["security"], [{"apiKey": []}, {"bearer": []}])
        self.assertEqual(operation["x-permission"], "config:write")
        schemes = whole["components"]["securitySchemes"]
        self.assertEqual((schemes["apiKey"]["in"], schemes["apiKey"]["name"]), ("header", "X-Mine"))
        self.assertEqual((schemes["bearer"]["type"], schemes["bearer"]["scheme"]), ("http", "bearer"))

    def test_nothing_where_security_is_off(self) -> None:
        operation, _ = self.document("config:write", on=False)
        self.assertIn({}, operation["security"])

    def test_refusals(self) -> None:
        operation, whole = self.document("config:write")
        self.assertIn("INVALID_API_KEY", self.codes(operation, whole, "401"))
        self.assertIn("INSUFFICIENT_PERMISSIONS", self.codes(operation, whole, "403"))

    def test_whoever_is_known(self) -> None:
        operation, whole = self.document(KNOWN)
        self.assertEqual(self.codes(operation, whole, "403"), ["FORBIDDEN"])
        self.assertIn("401", operation["responses"])

    def test_anybody(self) -> None:
        operation, whole = self.document(PUBLIC)
        self.assertEqual(operation["security"], [])
        self.assertNotIn("401", operation["responses"])
        self.assertEqual(self.codes(operation, whole, "403"), ["FORBIDDEN"])

    def test_a_login_is_refused_with_a_code_of_its_own(self) -> None:
        login = endpoint(lambda call: Reply(), permission=PUBLIC, refusals=("LOGIN_FAILED",))
        whole = document([login], "1")
        operation = whole["paths"]["/api/it"]["get"]
        self.assertEqual(self.codes(operation, whole, "401"), ["LOGIN_FAILED"])


class MistakeTests(SynchronousTestCase):
    """Endpoints that do not fit together are found at start."""

    def test_schemas_of_one_title(self) -> None:
        one, other = {"title": "Thing", "type": "object"}, {"title": "Thing", "type": "array"}
        same = [endpoint(lambda call: Reply(), name=name, data=one) for name in ("a", "b")]
        self.assertIn("Thing", document(same, "1")["components"]["schemas"])
        differing = [*same, endpoint(lambda call: Reply(), data=other)]
        self.assertRaises(ValueError, document, differing, "1")

    def test_unknown_code(self) -> None:
        odd = [endpoint(lambda call: Reply(), refusals=("NO_SUCH_CODE",))]
        self.assertRaises(ValueError, document, odd, "1")

    def test_same_endpoint(self) -> None:
        one, other = endpoint(lambda call: Reply()), endpoint(lambda call: Reply(), name="other")
        self.assertRaises(ValueError, Api, one, other)

    def test_same_name(self) -> None:
        one, other = endpoint(lambda call: Reply()), endpoint(lambda call: Reply(), path="/api/other")
        self.assertRaises(ValueError, Api, one, other)

    def test_elsewhere(self) -> None:
        self.assertRaises(ValueError, Api, endpoint(lambda call: Reply(), path="/v1/it"))
