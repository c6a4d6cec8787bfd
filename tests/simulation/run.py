"""Runs schedules: ``python -m tests.simulation.run --seeds 1000`` or, to see one again, ``--seed N``."""

from __future__ import annotations

import argparse
import gc
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogBeginner, globalLogPublisher
from zope.interface import implementer

from tests.simulation.backends import Record, SimulatedBackend
from tests.simulation.clients import SimulatedClient
from tests.simulation.configuration import Configuration, settings_of
from tests.simulation.network import SeededNetwork
from tests.simulation.recovery import OVER, recover
from tests.simulation.schedule import BACKENDS, Outage, Schedule, make_schedule
from tests.simulation.truth import judge
from tests.simulation.watch import Watch
from tests.world import GATEWAY, World

CALLS = "jairouter_backend_calls_total"
LIMIT = 600.0
"""Seconds of the fake clock; nothing in a schedule takes so long."""


@implementer(ILogObserver)
class Run:
    """One schedule, played.

    Attributes:
        schedule: What was to happen.
        faults: What should not have happened.
        statuses: How often clients saw which status, for those who look whether runs are worth their while.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.faults: list[str] = []
        self.statuses: Counter[str] = Counter()
        random = Random(schedule.seed)
        self.network = SeededNetwork(random, schedule.disk_is_full)
        self.world = World(settings_of(schedule.configuration), schedule.seed, self.network)
        self.watch = Watch(self.network.seconds)
        self._begun: Counter[str] = Counter()
        self._forgotten: Counter[str] = Counter()
        self._count_permits()
        self.record = Record()
        for address in BACKENDS:
            backend = SimulatedBackend(address, self.network, schedule, self.record)
            self.network.listenTCP(address[1], backend, interface=address[0])
        self.clients = [SimulatedClient(plan, schedule.seed, self.network) for plan in schedule.clients]
        for outage in schedule.outages:
            self.network.callLater(outage.start, self._break, outage)
        for when, configuration in schedule.reloads:
            self.network.callLater(when, self._reload, configuration)
        if schedule.drain is not None:
            self.network.callLater(schedule.drain, self.world.gateway.listener.drain)

    def play(self) -> Run:
        """Play it and judge it."""
        globalLogPublisher.addObserver(self)
        try:
            with self.watch.watching():
                self.network.play(self._is_over, LIMIT)
                self._judge_rest()
                if self.schedule.drain is None and not self.faults:
                    self.faults += recover(self.schedule, self.world, self.network, self.record, self._reload)
                left = self._close()
            self.faults += [f"a delayed call is left: {call}" for call in left]
            gc.collect()  # for errors that nobody handled
        except Exception:  # whatever it is, it is a finding
            self.faults.append(traceback.format_exc())
        finally:
            globalLogPublisher.removeObserver(self)
        self.faults += judge(self.schedule, self.clients, self.record, self.watch)
        self._judge_metrics()
        self._judge_connections()
        return self

    def _close(self) -> list[Any]:
        """Stop everything. Returns the delayed calls that are left, which should be none."""
        gateway, network = self.world.gateway, self.network
        stopped = gateway.listener.stopService()
        network.play(lambda: bool(stopped.called), network.seconds() + 130)
        gateway.close()
        network.pass_until(max(network.seconds() + 1, OVER))
        assert stopped.called
        return list(network.getDelayedCalls())

    def _is_over(self) -> bool:
        return self.world.at_rest and all(client.finished for client in self.clients)

    # -- the world's part ---------------------------------------------------

    def _break(self, outage: Outage) -> None:
        network, address = self.network, outage.address
        if outage.silent:
            network.black_holes.add(address)
            network.callLater(outage.end - outage.start, network.black_holes.discard, address)
            return
        port = network.listeners.pop(address, None)
        if port is not None:
            network.callLater(outage.end - outage.start, network.listeners.__setitem__, address, port)

    def _reload(self, configuration: Configuration) -> None:
        before = dict(self._samples(CALLS))
        self.world.gateway.reload(settings_of(configuration))
        # What was counted about instances that are long gone is not shown any more
        after = dict(self._samples(CALLS))
        for labels in before.keys() - after.keys():
            self._forgotten[dict(labels)["outcome"]] += before[labels]
        self.watch.note("reload", configuration)

    def _count_permits(self) -> None:
        begun = self._begun

        class Counting(dict[str, int]):
            def __setitem__(self, kind: str, count: int) -> None:
                begun[kind] += count > self[kind]
                super().__setitem__(kind, count)

        ledger = self.world.gateway.ledger
        ledger._out = Counting(ledger._out)

    # -- what must be true at the end ---------------------------------------

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver`: whatever is logged as a failure is one, but for the disk that is full."""
        if "log_failure" in event or event.get("log_level") in (LogLevel.error, LogLevel.critical):
            failure = event.get("log_failure")
            if failure is not None and failure.check(OSError):
                return
            detail = failure.getTraceback() if failure is not None else event.get("log_format")
            self.faults.append(f"logged: {detail}")

    def _judge_rest(self) -> None:
        for client in self.clients:
            if not client.finished:
                self.faults.append(f"client {client.plan.number} still waits at {self.network.seconds():.1f}")
        if not self.world.at_rest:
            self.faults.append(f"not at rest: {self.world.gateway.ledger}")
        for live in self.watch.lives:
            if live.in_flight:
                self.faults.append(f"in flight at the end: {live.in_flight}")

    def _judge_metrics(self) -> None:
        answered = self._counted("http_server_requests_total", "status")
        requests = self._counted("http_server_requests_total", "uri")
        exchanges = sum(count for uri, count in requests.items() if uri.startswith("/v1/"))
        if exchanges != self._begun["request"]:
            self.faults.append(f"{self._begun['request']} requests were begun, {requests} counted")
        attempts = self._counted(CALLS, "outcome") + self._forgotten
        if attempts.total() != self._begun["attempt"] or attempts["unsettled"]:
            self.faults.append(f"{self._begun['attempt']} attempts were begun, {attempts} counted")
        for client in self.clients:
            self.statuses.update(str(answer.status) for answer in client.answers() if answer.complete)
        begun_early = self.schedule.configuration["streaming"]["keep_alive_before_first_event"]
        for status, count in self.statuses.items():
            if count > answered[status] and not (status == "200" and begun_early):
                self.faults.append(f"clients saw {count} answers {status}, {answered} counted")

    def _counted(self, metric: str, label: str) -> Counter[str]:
        counts = Counter[str]()
        for labels, number in self._samples(metric):
            counts[dict(labels)[label]] += number
        return counts

    def _samples(self, metric: str) -> Iterator[tuple[frozenset[tuple[str, str]], int]]:
        for family in self.world.gateway.observing.registry.collect():
            for sample in family.samples:
                if sample.name == metric:
                    yield frozenset(sample.labels.items()), int(sample.value)

    def _judge_connections(self) -> None:
        for address, here, there in self.network.connections:
            gateway = there if address == GATEWAY else here
            if gateway.lost is None:
                self.faults.append(f"the gateway left a connection open: {address} {gateway.protocol!r}")


def run(seed: int) -> Run:
    """Play the schedule of one seed."""
    gc.freeze()  # so that only what the run leaves is looked through at its end
    try:
        return Run(make_schedule(seed)).play()
    finally:
        gc.unfreeze()


def main() -> int:
    """Play many; say which failed and how to see them again."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.run", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many schedules to play")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="play this one alone")
    options = parser.parse_args()
    seeds = (
        [options.seed] if options.seed is not None else range(options.first, options.first + options.seeds)
    )
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False)
    failed, statuses = [], Counter[str]()
    for seed in seeds:
        played = run(seed)
        statuses += played.statuses
        if played.faults:
            failed.append(seed)
            print(f"seed {seed} failed; again: python -m tests.simulation.run --seed {seed}")
            for fault in played.faults:
                print("   ", fault.replace("\n", "\n    "))
        if options.seed is not None:
            print(f"fingerprint {played.network.fingerprint()}")
    print(f"{len(seeds)} schedules, {len(failed)} failed {failed or ''}")
    print(f"answers by status: {dict(sorted(statuses.items()))}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
