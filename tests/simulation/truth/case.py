"""One request: what was to become of it, and what did."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tests.simulation.backends import Attempt
from tests.simulation.clients import SimulatedClient
from tests.simulation.configuration import Configuration
from tests.simulation.messages import Message, read_answers
from tests.simulation.schedule import RequestPlan, Schedule

if TYPE_CHECKING:
    from jairouter.exchange import Exchange


KEEP_ALIVE = b": keep-alive\n\n"


@dataclass(frozen=True)
class Case:
    """One request, what became of it behind the gateway, and what its client was told.

    Attributes:
        schedule: The run.
        client: Who asked.
        request: What.
        configuration: In force when the gateway began with it.
        attempts: What backends saw of it, in order.
        exchange: What the gateway knows it as, or None if it knows nothing of it.
        answer: What came back, or None.
        number: Which one of the client's it is.
        earlier: Answers that the client got before.
    """

    schedule: Schedule
    client: SimulatedClient
    request: RequestPlan
    configuration: Configuration
    attempts: list[Attempt]
    exchange: Exchange | None
    answer: Message | None
    number: int
    earlier: list[Message]

    @property
    def service(self) -> Configuration:
        """What is configured for its service."""
        found: Configuration = self.configuration["model"]["services"][self.request.service]
        return found

    @property
    def retry(self) -> Configuration:
        """When there may be further attempts."""
        found: Configuration = self.service["retry"]
        return found

    @property
    def others(self) -> list[str]:
        """The models that may stand in for the one that was asked for."""
        models = self.fallback.get("models", {})
        named: list[str] = models.get(self.request.model, models.get("*", []))
        return [name for name in named if name != self.request.model]

    @property
    def fallback(self) -> Configuration:
        """What there is to fall back on."""
        found: Configuration = self.service.get("fallback", {})
        return found

    @property
    def stood_in(self) -> str:
        """Who answered in place of the model, as the answer itself says."""
        return ((self.answer and self.answer.header(b"x-jairouter-fallback")) or b"").decode()

    @property
    def begun_early(self) -> bool:
        """Whether its answer may have begun with comments, before anything was known of it."""
        return self.request.stream and bool(self.configuration["streaming"]["keep_alive_before_first_event"])

    @property
    def may_be_late(self) -> bool:
        """Whether some limit of time may end whatever is under way."""
        return bool(self.configuration["webclient"].get("total_timeout")) or self.request.slow

    @cached_property
    def told(self) -> list[Message]:
        """What each backend said, as HTTP has it; status 0 if that is no answer."""
        return [told_by(each) for each in self.attempts]

    def model_of(self, attempt: Attempt) -> str:
        """Which model a backend was asked for."""
        asked = bytes(attempt.body)
        if self.request.service == "stt" or not attempt.complete:
            return self.request.model
        return next((other for other in self.others if asked == self.body_for(other)), self.request.model)

    def body_for(self, model: str) -> bytes:
        """The request as a backend must get it that is asked for another model."""
        return self.request.body.replace(f'"{self.request.model}"'.encode(), f'"{model}"'.encode(), 1)

    @property
    def first_byte(self) -> float | None:
        """When the client saw the first byte of the answer, without comments that keep it waiting."""
        whole = bytes(self.client.received)
        at = sum(len(each.raw) for each in self.earlier)
        head = whole.find(b"\r\n\r\n", at)
        while head >= 0 and whole.startswith(b"HTTP/1.1 1", at):
            at, head = head + 4, whole.find(b"\r\n\r\n", head + 4)
        if head < 0:
            return None
        if b": keep-alive" in whole[at:]:
            at = whole.find(b"data:", head)
            if at < 0:
                return None
        return next((when for when, length in self.client.arrivals if length > at), None)


def told_by(attempt: Attempt) -> Message:
    """What a backend said, as HTTP has it; status 0 if that is no answer."""
    answers = read_answers(bytes(attempt.said), attempt.ended == "close")
    return answers[0] if answers else Message()


def is_clean(attempt: Attempt) -> bool:
    """Whether a backend did all that can be asked of one, so that there is no excuse."""
    return attempt.plan.kind == "good" and attempt.said_all and attempt.complete and not attempt.cut


def raced(attempt: Attempt) -> bool:
    """Whether it met a kept-alive connection that closed without a word: it is made again, for nothing."""
    return attempt.reused and attempt.may_be_unheard and attempt.lost is not None
