"""Tests of which of the two ways a command works."""

from __future__ import annotations

from tests.command.running import CommandTestCase, FakeGateway


class ChoosingTests(CommandTestCase):
    """On a running gateway, or on its directory."""

    def address(self, *arguments: str, environ: dict[str, str] | None = None) -> tuple[str, int | None]:
        fake = FakeGateway(self)
        fake.answers["GET /api/config/version/info"] = []
        ran = self.run_command("versions", *arguments, environ=environ)
        self.assertEqual((ran.status, ran.err), (0, ""))
        return fake.addresses[0]

    def test_the_gateway_is_on_this_machine_when_nothing_else_is_said(self) -> None:
        self.assertEqual(self.address(), ("127.0.0.1", 8080))

    def test_the_configuration_says_where_it_is(self) -> None:
        path = self.write("application.yml", "server: {port: 81}\nmodel: {x: '${NOT_IN_THIS_SHELL}'}")
        self.assertEqual(self.address("--config", str(path)), ("127.0.0.1", 81))

    def test_the_variable_says_it_before_the_configuration(self) -> None:
        path = self.write("application.yml", "server.port: 81")
        where = self.address("--config", str(path), environ={"JAIROUTER_URL": "http://b:82"})
        self.assertEqual(where, ("b", 82))

    def test_the_option_says_it_before_all(self) -> None:
        where = self.address("--url", "http://c:83", environ={"JAIROUTER_URL": "http://b:82"})
        self.assertEqual(where, ("c", 83))

    def test_a_port_that_cannot_be_known(self) -> None:
        path = self.write("application.yml", "server.port: 0")
        ran = self.run_command("versions", "--config", path)
        self.assertEqual(ran.status, 2)
        self.assertIn("name it with --url", ran.err)

    def test_without_a_gateway_the_other_way_is_told_and_not_taken(self) -> None:
        (self.folder / "store").mkdir()
        path = self.write("application.yml", f"store.path: {self.folder}/store")
        fake = FakeGateway(self)
        fake.answers["GET /api/config/version/info"] = ConnectionRefusedError(111, "Connection refused")
        ran = self.run_command("versions", "--config", path)
        self.assertEqual((ran.status, ran.out), (3, ""))
        self.assertIn("--offline (or --store DIR) works on the directory itself", ran.err)

    def test_both_ways_at_once(self) -> None:
        ran = self.run_command("versions", "--url", "http://b", "--offline")
        self.assertEqual(ran.status, 2)

    def test_a_store_in_no_directory(self) -> None:
        path = self.write("application.yml", "store.type: memory")
        ran = self.run_command("versions", "--offline", "--config", path)
        self.assertEqual(ran.status, 2)
        self.assertIn("only a running gateway knows it", ran.err)

    def test_a_store_that_is_not_there(self) -> None:
        ran = self.run_command("versions", "--store", self.folder / "none")
        self.assertEqual(
            (ran.status, ran.err), (1, f"jairouter: {self.folder}/none: there is no such directory\n")
        )

    def test_a_store_that_depends_on_where_the_gateway_is_started(self) -> None:
        """Else a new one would be made here, which the gateway never looks at."""
        path = self.write("application.yml", "store.path: ./somewhere-else")
        ran = self.run_command("versions", "--offline", "--config", path)
        self.assertEqual(ran.status, 1)
        self.assertIn("name it with --store", ran.err)
