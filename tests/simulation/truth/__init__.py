"""Is what the clients were told true? Judged by what the backends said, never by what the gateway thinks."""

from __future__ import annotations

from tests.simulation.backends import Record
from tests.simulation.clients import SimulatedClient
from tests.simulation.schedule import Schedule
from tests.simulation.truth.answers import judge_answer
from tests.simulation.truth.attempts import judge_attempts
from tests.simulation.truth.breakers import judge_breakers
from tests.simulation.truth.budgets import judge_budgets
from tests.simulation.truth.case import Case
from tests.simulation.truth.choices import judge_choices
from tests.simulation.truth.limits import judge_limits
from tests.simulation.truth.outcomes import judge_outcomes
from tests.simulation.watch import Watch


def judge(schedule: Schedule, clients: list[SimulatedClient], record: Record, watch: Watch) -> list[str]:
    """Everything that is not as it must be."""
    faults = list(record.faults)
    cases = {}
    for client in clients:
        answers = client.answers()
        if len(answers) > len(client.begun):
            faults.append(f"client {client.plan.number} got more answers than it had asked for")
        for number, request in enumerate(client.plan.requests):
            exchange = watch.exchanges.get(request.tag)
            began = exchange.started if exchange is not None else client.plan.start
            case = Case(
                schedule,
                client,
                request,
                schedule.in_force(began),
                record.attempts.get(request.tag, []),
                exchange,
                answers[number] if number < len(answers) else None,
                number,
                answers[:number],
            )
            cases[request.tag] = case
    for case in cases.values():
        found = [
            *judge_attempts(case),
            *judge_choices(case),
            *judge_outcomes(case),
            *judge_answer(case, cases),
        ]
        kinds = [(attempt.plan.kind, attempt.plan.then) for attempt in case.attempts]
        faults += [f"request {case.request.tag} {kinds}: {fault}" for fault in found]
    faults += judge_limits(schedule, cases, watch)
    faults += judge_breakers(schedule, watch)
    faults += judge_budgets(schedule, watch)
    return faults
