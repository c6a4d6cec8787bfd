"""Tests for `jairouter.traffic.limits`."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from jairouter.interfaces import ILimiter
from jairouter.traffic.limiters.token_bucket import TokenBucket
from jairouter.traffic.limits import Limits
from jairouter.traffic.rule import Refused
from tests.config.reading import read
from tests.traffic.limited import admit, asking, limits, passed
from tests.traffic.limiters.arrivals import send

ONE = "enabled: true, capacity: 1"
EMBEDDING = "/embeddings"


class LevelTests(SynchronousTestCase):
    """Which limits apply to what."""

    def test_none(self) -> None:
        """Neither where nothing is given, nor where it is switched off."""
        self.assertIsNone(limits().rule("chat"))
        self.assertIsNone(limits("capacity: 1", "enabled: false").rule("chat"))
        self.assertIsNone(limits(ONE).rule("tts"), "not configured")

    def test_everywhere(self) -> None:
        """The outermost is one limit over everything."""
        self.assertEqual(passed(limits(ONE), asking(), asking(route=EMBEDDING)), [True, False])

    def test_services(self) -> None:
        """Each has one if it is given there, with what is not given there taken from further out."""
        limited = limits("capacity: 2", "enabled: true", "enabled: true, capacity: 1")
        several = [asking()] * 3 + [asking(route=EMBEDDING)] * 2
        self.assertEqual(passed(limited, *several), [True, True, False, True, False])

    def test_service_without(self) -> None:
        """The outer limit is not one for each service."""
        limited = limits("enabled: true, capacity: 2", "capacity: 1")
        several = [asking(), asking(), asking(route=EMBEDDING), asking(route=EMBEDDING)]
        self.assertEqual(passed(limited, *several), [True, False, True, False])

    def test_service_opts_out(self) -> None:
        """Of a limit of its own; the outer one is over everything."""
        limited = limits("enabled: true, capacity: 2", "enabled: false")
        self.assertEqual(passed(limited, *[asking()] * 3), [True, True, False])

    def test_words(self) -> None:
        """What metrics call them: the scope, and the algorithm that is configured."""
        for limited, words in (
            (limits(ONE), ("global", "token-bucket")),
            (limits("", f"{ONE}, algorithm: sliding-window, max-requests: 1"), ("service", "sliding-window")),
            (limits("", f"{ONE}, scope: client-ip"), ("client-ip", "token-bucket")),
            (limits(f"{ONE}, scope: model, algorithm: concurrency"), ("model", "concurrency")),
            (limits(f"{ONE}, scope: key, key: secret"), ("key", "token-bucket")),
        ):
            rule = limited.rule("chat")
            assert rule is not None
            self.assertEqual(rule.told, (words,))
            admit(limited)
            verdict = admit(limited)
            assert isinstance(verdict, Refused)
            self.assertEqual(verdict.told, words)

    def test_names(self) -> None:
        for limited, name in (
            (limits(ONE), "all requests"),
            (limits("", ONE), "the service chat"),
            (limits("", f"{ONE}, scope: client-ip"), "each client address for the service chat"),
            (limits(f"{ONE}, scope: caller"), "each caller for all requests"),
            (limits(f"{ONE}, scope: key, key: secret"), "several services"),
        ):
            admit(limited)
            verdict = admit(limited)
            assert isinstance(verdict, Refused)
            self.assertEqual(verdict.name, name)

    def test_validation(self) -> None:
        """`security.validation.rate-limit` is another one over everything."""
        for switch, expected in (("true", [True, False]), ("false", [True, True])):
            text = (
                f"security: {{validation: {{enabled: {switch}, rate-limit: {{{ONE}}}}}}}\n"
                "model: {rate-limit: {enabled: true, capacity: 2}, services: {chat: {instances: []}}}"
            )
            self.assertEqual(passed(Limits(read(text).settings, 0.0), asking(), asking()), expected)


class ScopeTests(SynchronousTestCase):
    """What has a bucket of its own."""

    def test_model(self) -> None:
        for limited in (limits(f"{ONE}, scope: model"), limits("", f"{ONE}, scope: model")):
            self.assertEqual(passed(limited, *map(asking, "aba")), [True, True, False])

    def test_model_of_a_service(self) -> None:
        """The same name in another service is another model."""
        limited = limits(f"{ONE}, scope: model")
        self.assertEqual(passed(limited, asking("a"), asking("a", route=EMBEDDING)), [True, True])

    def test_client_ip(self) -> None:
        limited = limits(f"{ONE}, scope: client-ip")
        several = [asking(address=each) for each in ("192.0.2.1", "::1", "192.0.2.1")]
        self.assertEqual(passed(limited, *several), [True, True, False])

    def test_caller(self) -> None:
        """By the key that is shown, and by the address where there is none."""
        limited = limits(f"{ONE}, scope: caller")
        several = [
            asking(key="one"),
            asking(key="one", address="192.0.2.2"),
            asking(key="two"),
            asking(address="192.0.2.3"),
            asking(address="192.0.2.3"),
        ]
        self.assertEqual(passed(limited, *several), [True, False, True, True, False])

    def test_key(self) -> None:
        """All that name the same one share it."""
        shared = f"{ONE}, scope: key, key: both"
        limited = limits("", shared, shared)
        self.assertEqual(passed(limited, asking(), asking(route=EMBEDDING)), [True, False])
        limited = limits("", shared, f"{ONE}, scope: key, key: mine")
        self.assertEqual(passed(limited, asking(), asking(route=EMBEDDING)), [True, True])

    def test_key_at_two_levels(self) -> None:
        """The bucket is paid into once."""
        shared = "enabled: true, capacity: 2, scope: key, key: both"
        limited = limits(shared, shared)
        self.assertEqual(passed(limited, asking(), asking(), asking()), [True, True, False])

    def test_key_from_outside(self) -> None:
        """What a service limits without a word about a key is a limit of its own."""
        limited = limits("enabled: true, capacity: 3, scope: key, key: both", "capacity: 1")
        several = [asking()] * 2 + [asking(route=EMBEDDING)] * 3
        self.assertEqual(passed(limited, *several), [True, False, True, True, False])

    def test_instance(self) -> None:
        """Is not for the filter of requests."""
        self.assertIsNone(limits(f"{ONE}, scope: instance").rule("chat"))


class ClientAddressTests(SynchronousTestCase):
    """`client-ip-enable`."""

    def of_one_address(self, limited: Limits) -> int:
        """How many requests of one address are let through at once."""
        return sum(passed(limited, *[asking()] * 50))

    def test_like_the_limit_it_stands_under(self) -> None:
        limited = limits("enabled: true, capacity: 5, scope: instance, client-ip-enable: true")
        self.assertEqual(self.of_one_address(limited), 5)

    def test_its_own(self) -> None:
        limited = limits("enabled: true, client-ip-enable: true, client-ip: {capacity: 3}")
        self.assertEqual(self.of_one_address(limited), 3)

    def test_its_own_window(self) -> None:
        """Where requests are counted, the capacity is their number, and the rate makes one."""
        window = "enabled: true, algorithm: sliding-window, max-requests: 9, client-ip-enable: true"
        for own, number in (("{capacity: 3}", 3), ("{rate: 4}", 4), ("{rate: 4, capacity: 2}", 2), ("{}", 9)):
            self.assertEqual(self.of_one_address(limits(f"{window}, client-ip: {own}")), number)

    def test_switched_off(self) -> None:
        limited = limits(
            "enabled: true, capacity: 5, client-ip-enable: true, client-ip: {enabled: false, capacity: 3}"
        )
        self.assertEqual(self.of_one_address(limited), 5)

    def test_by_service(self) -> None:
        """An address has one for each service that asks for it."""
        own = "capacity: 50, client-ip-enable: true, client-ip: {capacity: 2}"
        limited = limits("enabled: true, capacity: 100", own, own)
        several = [asking()] * 3 + [asking(route=EMBEDDING)] * 3
        self.assertEqual(passed(limited, *several), [True, True, False] * 2)

    def test_bounds(self) -> None:
        """As configured."""
        limited = limits("enabled: true, client-ip-enable: true, client-ip: {max-clients: 3}")
        passed(limited, *[asking(address=f"192.0.2.{index}") for index in range(9)])
        self.assertEqual(len(limited._rules["chat"]._tables[0].table), 3)


PLAIN = "model: {services: {chat: {instances: INSTANCES}}}"


def of_instances(
    text: str, *instances: str, old: Sequence[ILimiter | None] = (None,) * 9
) -> list[ILimiter | None]:
    """The limiters of instances that give this beside their addresses; `text` stands in the model tree."""
    given = ", ".join(
        f"{{name: m, base-url: 'http://10.0.0.{index}', {each}}}"
        for index, each in enumerate(instances, start=1)
    )
    settings = read(text.replace("INSTANCES", f"[{given}]")).settings
    made = Limits(settings, 0.0)
    several = settings.model.services["chat"].instances
    return [made.of_instance("chat", each, 0.0, before) for each, before in zip(several, old, strict=False)]


class InstanceTests(SynchronousTestCase):
    """Limits that Pick asks."""

    def capacities(self, limiters: list[ILimiter | None]) -> list[int]:
        return [0 if each is None else each.quota(0.0).limit for each in limiters]

    def test_its_own(self) -> None:
        """Where it is given, with what is not given there taken from further out."""
        plain = "model: {services: {chat: {rate-limit: {capacity: 7}, instances: INSTANCES}}}"
        several = of_instances(
            plain,
            "rate-limit: {enabled: true}",
            "rate-limit: {enabled: true, capacity: 2}",
            "",
            "rate-limit: {}",
        )
        self.assertEqual(self.capacities(several), [7, 2, 0, 0])

    def test_scope_instance(self) -> None:
        """The nearest place counts, and each instance has its own."""
        everywhere = "rate-limit: {enabled: true, capacity: 9, scope: instance}"
        for service, expected in (
            ("", [9, 9, 2, 0]),
            ("rate-limit: {capacity: 5}, ", [5, 5, 2, 0]),
            ("rate-limit: {capacity: 5, scope: service}, ", [9, 9, 2, 0]),
            ("rate-limit: {enabled: false}, ", [9, 9, 0, 0]),
        ):
            text = f"model: {{{everywhere}, services: {{chat: {{{service}instances: INSTANCES}}}}}}"
            several = of_instances(text, "", "", "rate-limit: {capacity: 2}", "rate-limit: {enabled: false}")
            self.assertEqual(self.capacities(several), expected, service)
            self.assertIsNot(several[0], several[1])

    def test_shared(self) -> None:
        """Instances on one machine can have one limit together."""
        shared = "rate-limit: {enabled: true, capacity: 2, scope: key, key: gpu1}"
        several = of_instances(PLAIN, shared, shared)
        self.assertIs(several[0], several[1])

    def test_shared_further_out(self) -> None:
        """A bucket that the service shares with others is not its instances' as well."""
        shared = "rate-limit: {enabled: true, scope: key, key: a}"
        text = f"model: {{services: {{chat: {{{shared}, instances: INSTANCES}}}}}}"
        several = of_instances(text, "rate-limit: {capacity: 2}", "rate-limit: {capacity: 2}")
        self.assertIsNot(several[0], several[1])

    def test_shared_no_more(self) -> None:
        """After a reload each has its own: what one of them lends is not lent by the other."""
        shared = "rate-limit: {enabled: true, algorithm: concurrency, capacity: 2, scope: key, key: gpu1}"
        apart = "rate-limit: {enabled: true, algorithm: concurrency, capacity: 2}"
        for before, after in ((shared, apart), (apart, shared)):
            old = of_instances(PLAIN, before, before)
            for each in old:
                assert each is not None
                each.take(0.0)
            new = of_instances(PLAIN, after, after, old=old)
            self.assertEqual([each.lent for each in new if each], [2, 0] if after is apart else [1, 1])

    def test_reload(self) -> None:
        settings = read(
            "model: {services: {chat: {instances: [{name: m, base-url: http://a, "
            "rate-limit: {enabled: true, capacity: 3}}]}}}"
        ).settings
        old = TokenBucket(1.0, 7.0, 0.0)
        send(old, [0.0] * 9)
        [instance] = settings.model.services["chat"].instances
        limiter = Limits(settings, 0.0).of_instance("chat", instance, 0.0, old)
        assert limiter is not None
        self.assertEqual(limiter.quota(0.0).remaining, 0)


class CarryOverTests(SynchronousTestCase):
    """After a reload, in each place what was there is found again."""

    def reload(self, old: Limits, new: Limits) -> Limits:
        new.carry_over(old, 0.0)
        return new

    def test_each_place(self) -> None:
        slow = "enabled: true, rate: 0.01"
        for everywhere, chat in (
            (f"{slow}, capacity: 2", None),
            ("", f"{slow}, capacity: 2"),
            ("", f"{slow}, capacity: 2, scope: model"),
            (f"{slow}, capacity: 2, scope: caller", None),
            ("", f"{slow}, capacity: 2, scope: key, key: k"),
            (f"{slow}, client-ip-enable: true, client-ip: {{capacity: 2}}", None),
        ):
            old = limits(everywhere, chat)
            self.assertEqual(passed(old, asking(), asking()), [True, True])
            new = self.reload(old, limits(everywhere, chat))
            self.assertEqual(passed(new, asking()), [False], (everywhere, chat))

    def test_another_kind(self) -> None:
        """What stands there now and before have nothing in common: it begins anew."""
        old = limits(ONE)
        admit(old)
        for now in (f"{ONE}, scope: model", f"{ONE}, algorithm: concurrency", f"{ONE}, scope: client-ip"):
            self.assertEqual(passed(self.reload(old, limits(now)), asking()), [True])

    def test_new_and_gone(self) -> None:
        old = limits(ONE)
        admit(old)
        self.assertEqual(passed(self.reload(old, limits("", ONE)), asking()), [True])
