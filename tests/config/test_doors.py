"""Tests of what is said about open doors."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.doors import WARNING, open_doors
from jairouter.config.loader import Text, load

KEYS = "security.api-key: {enabled: true, keys: [{name: a, value: sk-Vr9cXf3LhT0wQZ8mN2kYb}]}\n"
HERE = "server.address: 127.0.0.1\n"


def doors(text: str) -> dict[str, str]:
    """The doors by their names, without warnings."""
    lines = open_doors(load([Text("a.yml", text.encode())]).settings)
    return dict(line.split(": ", 1) for line in lines if not line.startswith(WARNING))


def warnings(text: str) -> list[str]:
    """The warnings."""
    lines = open_doors(load([Text("a.yml", text.encode())]).settings)
    return [line.removeprefix(WARNING) for line in lines if line.startswith(WARNING)]


class DoorsTests(SynchronousTestCase):
    """`open_doors`: who may."""

    def test_security_is_off(self) -> None:
        found = doors("{}")
        self.assertEqual(found["listener"], "port 8080 of all addresses, no TLS")
        self.assertEqual(found["models"], "anybody")
        self.assertEqual(found["management API"], "this machine")
        self.assertEqual(found["page /swagger-ui and /v3/api-docs"], "this machine")
        for name in ("/actuator/health", "/actuator/info", "metrics, /actuator/prometheus"):
            self.assertEqual(found[name], "anybody")

    def test_a_listener_that_only_this_machine_reaches(self) -> None:
        for address in ("127.0.0.1", "::1", "localhost"):
            found = doors(f"server.address: '{address}'")
            self.assertEqual(found["models"], "this machine", address)
            self.assertEqual(warnings(f"server.address: '{address}'"), [])

    def test_keys(self) -> None:
        found = doors(KEYS)
        self.assertIn("whoever has a key (X-API-Key, or Authorization: Bearer)", found["models"])
        self.assertIn("whoever has a key", found["management API"])
        self.assertEqual(found["page /swagger-ui and /v3/api-docs"], "anybody")
        self.assertEqual(found["/actuator/health"], "anybody")

    def test_switched_off_as_a_whole(self) -> None:
        self.assertEqual(doors(KEYS + "security.enabled: false")["models"], "anybody")

    def test_excluded_paths_are_doors(self) -> None:
        text = KEYS + "security.excluded-paths: ['/v1/models', '/api/config/**']"
        self.assertEqual(doors(text)["excluded path /v1/models"], "anybody")
        self.assertNotIn("excluded path /api/config/**", doors(text))
        [told] = [each for each in warnings(text) if "excluded-paths" in each]
        self.assertIn("/api/config/** opens nothing", told)

    def test_networks_of_the_management_api(self) -> None:
        self.assertEqual(doors("management.api.allow-from: 10.0.0.0/8")["management API"], "10.0.0.0/8")
        self.assertEqual(doors("management.api.allow-from: 0.0.0.0/0")["management API"], "anywhere")
        self.assertEqual(
            doors("management.api.enabled: false")["management API, page"],
            "nobody (management.api.enabled is false)",
        )

    def test_pages_that_are_not_exposed_are_no_doors(self) -> None:
        found = doors("management.endpoints.web: {base-path: /ops, exposure.include: health}")
        self.assertEqual([name for name in found if name.startswith("/")], ["/ops/health"])
        found = doors("management.endpoints.web.exposure: {include: '*', exclude: 'info,metrics'}")
        pages = [name for name in found if "actuator" in name]
        self.assertEqual(
            pages,
            [
                "/actuator/health",
                "metrics, /actuator/prometheus",
                "/actuator/loggers",
                "/actuator/configprops",
            ],
        )


class WarningsTests(SynchronousTestCase):
    """`open_doors`: what deserves a second look."""

    def test_security_is_off_for_everybody(self) -> None:
        [told] = warnings("{}")
        expected = "all addresses: anybody who can reach port 8080 may use all models"
        self.assertEqual(told, f"security is off and the listener is on {expected}")

    def test_the_configuration_is_everybodys(self) -> None:
        [told] = warnings(HERE + "management.api.allow-from: [127.0.0.1, 10.0.0.0/8]")
        self.assertIn("every client at 10.0.0.0/8 may change the configuration", told)
        self.assertEqual(warnings(HERE + KEYS + "management.api.allow-from: 10.0.0.0/8"), [])

    def test_secrets_in_the_clear(self) -> None:
        [told] = warnings(KEYS)
        self.assertIn("cross the network in the clear", told)
        self.assertEqual(warnings(KEYS + HERE), [])
        self.assertEqual(warnings(KEYS + "server.forward-headers.trusted-proxies: 10.0.0.5"), [])
        self.assertEqual(warnings(KEYS + "server.ssl: {enabled: true}"), [])

    def test_everything_is_excluded(self) -> None:
        self.assertEqual(len(warnings(HERE + KEYS + "security.excluded-paths: '/v1/**'")), 1)

    def test_nobody_can_call(self) -> None:
        self.assertEqual(len(warnings(HERE + "security.api-key.enabled: true")), 1)
        off = KEYS.replace("name: a", "name: a, enabled: false")
        self.assertEqual(len(warnings(HERE + off)), 1)
