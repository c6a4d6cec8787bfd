"""Tests for `jairouter.upstream.outbound`: the address that is dialled is the one that was judged."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.outbound import Outbound
from jairouter.timers import TimerWheel
from jairouter.traffic.permits import Ledger
from jairouter.upstream import outbound
from jairouter.upstream.agent import Agent
from jairouter.upstream.failures import BadAddress, CheckFailed, Forbidden
from jairouter.upstream.names import NameLimits, Names
from jairouter.upstream.outbound import Watch
from jairouter.upstream.pool import PoolLimits
from jairouter.upstream.probes import HttpProbe, TcpProbe
from tests.filters.inner import instance
from tests.test_policies import settings
from tests.upstream.names_rig import Resolver
from tests.upstream.rig import OK
from tests.upstream.test_agent import AgentCase
from tests.web.serving import answers
from tests.world import World, post


class WatchTests(SynchronousTestCase):
    """What is let through."""

    def test_denied_addresses_are_left_out(self) -> None:
        with capturedLogs() as logs:
            for _ in range(3):
                good = Watch().check("a.test", ("10.0.0.1", "169.254.169.254", "::1"))
                self.assertEqual(good, ["10.0.0.1", "::1"])
        self.assertIn(
            "an address of a.test is left out: 169.254.169.254 is the meta", formatEvent(logs[0]) or ""
        )

    def test_it_is_said_once(self) -> None:
        watch = Watch()
        self.patch(outbound, "MOST_TOLD", 2)
        with capturedLogs() as logs:
            for host in ("a", "a", "b", "a", "b", "c"):
                watch.check(host, ("10.0.0.1", "169.254.0.1"))
        self.assertEqual(len(logs), 3)

    def test_none_left(self) -> None:
        error = self.assertRaises(Forbidden, Watch().check, "a.test", ("169.254.169.254", "::ffff:a9fe:a9fe"))
        self.assertIn("a.test is not connected to: 169.254.169.254 is", str(error))
        self.assertIsInstance(error, BadAddress)

    def test_denied_name(self) -> None:
        watch = Watch(Outbound(["*.corp"]))
        self.assertRaises(Forbidden, watch.check, "A.corp.", ("10.0.0.1",))


class Case(SynchronousTestCase):
    """An agent whose network and name server are the test."""

    def setUp(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.resolver = self.reactor.nameResolver = Resolver()
        self.wheel = TimerWheel(self.reactor)
        names = Names(lambda: self.resolver, self.wheel, NameLimits(ttl=0))
        self.agent = Agent(self.reactor, self.wheel, Ledger(), PoolLimits(), names=names)

    def ask(self, uri: bytes) -> Deferred[Any]:
        return self.agent.request(b"GET", uri)

    @property
    def tried(self) -> list[str]:
        return [host for host, *_ in self.reactor.tcpClients]


class DialTests(Case):
    """Every way to the network."""

    def test_spellings_of_an_address(self) -> None:
        """What the system would take for another address than is written, never gets there."""
        for host in (
            b"169.254.169.254",
            b"0xa9fea9fe",
            b"2852039166",
            b"0251.0376.0251.0376",
            b"[::ffff:169.254.169.254]",
            b"[64:ff9b::a9fe:a9fe]",
            b"0",
        ):
            self.failureResultOf(self.ask(b"http://%b/" % host), Forbidden)
        self.assertEqual((self.tried, self.resolver.asked), ([], []))

    def test_an_octal_address_is_dialled_as_what_it_is(self) -> None:
        """Not as what another reader may take it for, and without a look-up."""
        self.ask(b"http://0177.0.0.1:81/").addErrback(lambda _: None)
        self.assertEqual((self.tried, self.resolver.asked), (["127.0.0.1"], []))

    def test_metadata_of_a_cloud_by_name(self) -> None:
        asked = self.ask(b"http://Metadata.Google.Internal./")
        self.resolver.answer("10.0.0.1")
        self.failureResultOf(asked, Forbidden)
        self.assertEqual(self.tried, [])

    def test_addresses_of_a_name(self) -> None:
        asked = self.ask(b"http://a.test/")
        self.resolver.answer("169.254.169.254", "fe80::1%2", "10.0.0.1")
        self.assertEqual(self.tried, ["10.0.0.1"])
        asked.addErrback(lambda _: None).cancel()

    def test_no_address_is_left(self) -> None:
        asked = self.ask(b"http://a.test/")
        self.resolver.answer("169.254.169.254")
        self.failureResultOf(asked, Forbidden)
        self.assertEqual((self.tried, self.reactor.getDelayedCalls()), ([], []))

    def test_a_name_that_changes_its_mind(self) -> None:
        """DNS rebinding: good when it was judged first, another address for the next connection."""
        first = self.ask(b"http://a.test/")
        self.resolver.answer("10.0.0.1")
        second = self.ask(b"http://a.test/")
        self.resolver.answer("169.254.169.254")
        self.failureResultOf(second, Forbidden)
        self.assertEqual((self.tried, len(self.resolver.asked)), (["10.0.0.1"], 2))
        first.addErrback(lambda _: None).cancel()

    def test_probes(self) -> None:
        for probe in (HttpProbe(self.agent.dialing, "/"), TcpProbe(self.agent.dialing)):
            literal = probe.probe(instance(base_url="http://169.254.169.254"))
            self.assertIn("metadata service", str(self.failureResultOf(literal, CheckFailed).value))
            named = probe.probe(instance(base_url="http://a.test"))
            self.resolver.answer("fd00:ec2::254")
            self.failureResultOf(named, CheckFailed)
        self.assertEqual(self.tried, [])


class OtherRulesTests(AgentCase):
    """When other settings come into force."""

    rules = Outbound([ip_network("10.0.0.0/8")])

    def test_next_connection(self) -> None:
        self.agent.restrict(self.rules)
        self.failureResultOf(self.ask(), Forbidden)

    def test_connections_that_are_open(self) -> None:
        """They would be used for as long as requests come."""
        wire = self.used_once()
        self.agent.restrict(self.rules)
        self.assertTrue(wire.disconnecting)
        self.failureResultOf(self.ask(), Forbidden)

    def test_a_request_under_way(self) -> None:
        """It ends as it began."""
        answer = self.ask()
        wire = self.accept()
        self.agent.restrict(self.rules)
        self.say(wire, OK)
        self.successResultOf(answer)
        self.assertTrue(wire.disconnecting)

    def test_connections_are_kept_again(self) -> None:
        """New ones, which the rules allow."""
        self.used_once()
        self.agent.restrict(Outbound(["*.corp"]))
        wire = self.used_once()
        self.ask()
        self.assertEqual((wire.disconnecting, len(self.reactor.tcpClients)), (False, 2))

    def test_the_same_rules(self) -> None:
        """A reload for another reason costs no connection."""
        wire = self.used_once()
        self.agent.restrict(Outbound())
        self.assertFalse(wire.disconnecting)


class WholeTests(SynchronousTestCase):
    """Through a whole gateway."""

    def test_a_failure_of_the_instance(self) -> None:
        """502 for the client, who does not learn why; the reason is in the log."""
        given = "[{name: m, base-url: 'http://a.test'}]"
        world = World(settings(f"server: {{address: 127.0.0.1}}\nmodel.services.chat.instances: {given}"))
        self.addCleanup(lambda: self.assertEqual(world.close(), []))
        network: Any = world.network
        resolver = network.nameResolver = Resolver()
        client = world.client()
        with capturedLogs() as logs:
            client.send(post({"model": "m"}))
            world.run()
            while resolver.open:
                resolver.answer("169.254.169.254")
                world.run(5)
        answer = answers(client.received)[0]
        self.assertEqual(answer.status, 502, answer)
        self.assertNotIn(b"169.254", answer.body)
        said = [formatEvent(each) or "" for each in logs]
        self.assertTrue(any("169.254.169.254 is the metadata service" in each for each in said), said)
        self.assertTrue(world.at_rest)

    def test_rules_of_the_settings(self) -> None:
        world = World("security.outbound.deny: 10.0.0.0/8")
        self.addCleanup(lambda: self.assertEqual(world.close(), []))
        rules = world.gateway.agent.dialing.watch.rules
        self.assertIsNotNone(rules.refuses_address("10.1.2.3"))
        world.gateway.reload(settings(""))
        self.assertIsNone(world.gateway.agent.dialing.watch.rules.refuses_address("10.1.2.3"))
