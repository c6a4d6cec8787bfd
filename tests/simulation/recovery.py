"""When the schedule is over all backends become good; then every model must find back to each of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

from tests.fakes import Client
from tests.simulation.backends import Record
from tests.simulation.configuration import ROUTES, Configuration, Seconds
from tests.simulation.network import SeededNetwork
from tests.simulation.schedule import RequestPlan, Schedule, shared_body
from tests.world import GATEWAY, World

OVER = 31.0
"""Seconds after which nothing more was to happen."""
LONGEST = 15.0
"""Seconds for which anything keeps an instance away whose backend is good: open times, ejections, checks."""
ROUNDS = 2
"""Requests for each instance of a model; the first may be the trial of a breaker."""

_FORM = (
    b'--B\r\nContent-Disposition: form-data; name="model"\r\n\r\n%b\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--B--\r\n'
)


def recover(
    schedule: Schedule,
    world: World,
    network: SeededNetwork,
    record: Record,
    reload: Callable[[Configuration], None],
) -> list[str]:
    """Let backends become good, wait, and ask every model.

    Args:
        schedule: The run.
        world: The gateway.
        network: On which it runs.
        record: Of the backends.
        reload: Has the gateway run by another configuration.

    Returns:
        What did not come back.
    """
    record.calm = True
    last = schedule.in_force(OVER)
    over = max([network.seconds(), *(outage.end for outage in schedule.outages)])
    network.pass_until(max(OVER, over + LONGEST))
    reload(_in_turn(last))
    faults = []
    for service, given in last["model"]["services"].items():
        for model in dict.fromkeys(each["name"] for each in given["instances"]):
            hosts = _hosts(given["instances"], model)
            if hosts and "failure_rate_threshold" in given.get("circuit_breaker", {}):
                # Of what failed before, one good answer more may make a rate that opens it
                _ask(schedule, network, record, service, model, hosts)
                network.pass_until(network.seconds() + LONGEST)
            if hosts:
                faults += _ask(schedule, network, record, service, model, hosts)
    if not world.at_rest:
        faults.append(f"not at rest after the recovery: {world.gateway.ledger}")
    return faults


def _in_turn(last: Configuration) -> Configuration:
    """The same, so that a few requests reach every instance, and no failure is hidden."""
    changed = copy.deepcopy(last)
    changed["model"].pop("rate_limit", None)
    for service in changed["model"]["services"].values():
        service.pop("rate_limit", None)
        service.pop("fallback", None)
        service["load_balance"].update(type="round-robin", slow_start=Seconds(0), panic_threshold=0)
        service["retry"].update(enabled=False)
        for instance in service["instances"]:
            instance["weight"] = min(instance["weight"], 1)
            instance.pop("rate_limit", None)
    return changed


def _hosts(instances: list[Configuration], model: str) -> set[str]:
    """Those that get traffic while all is well."""
    weighty = [each for each in instances if each["name"] == model and each["weight"]]
    best = min((each.get("priority", 0) for each in weighty), default=0)
    best_ones = [each for each in weighty if each.get("priority", 0) == best]
    return {each["base_url"].removeprefix("http://").partition(":")[0] for each in best_ones}


def _ask(
    schedule: Schedule, network: SeededNetwork, record: Record, service: str, model: str, hosts: set[str]
) -> list[str]:
    reached, faults = set(), []
    for number in range(ROUNDS * len(hosts)):
        request = _request(f"calm/{model}/{number}/{network.seconds()}", service, model)
        schedule.requests[request.tag] = request
        client = Client()
        network.arrive("10.1.0.9", GATEWAY, client)
        client.send(request.head + request.body)
        network.play(partial(_is_answered, client), network.seconds() + 5.0)
        reached |= {attempt.host for attempt in record.attempts.get(request.tag, ())}
        if not client.received.startswith(b"HTTP/1.1 200 "):
            faults.append(f"{model} has not recovered: {bytes(client.received)!r}")
    if reached != hosts:
        faults.append(f"{model} has not recovered: {hosts} should get traffic, {reached} do")
    return faults


def _is_answered(client: Client) -> bool:
    return client.closed is not None


def _request(tag: str, service: str, model: str) -> RequestPlan:
    content_type, body = b"application/json", shared_body(model, stream=False)
    if service == "stt":
        content_type, body = b"multipart/form-data; boundary=B", _FORM % model.encode()
    target = ROUTES[service]
    head = (
        b"POST %b HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nX-TRACE-TAG: %b\r\n"
        b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n"
    ) % (target.encode(), tag.encode(), content_type, len(body))
    behind = target.removeprefix("/api")
    return RequestPlan(
        tag, target, behind, service, model, b"", head, body, [], content_type, False, 0, True, False
    )
