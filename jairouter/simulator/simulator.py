"""A simulated backend: its settings, what it has seen, and how it answers."""

from __future__ import annotations

import dataclasses
import random as random_module
from collections import deque
from collections.abc import Callable, Iterable
from urllib.parse import unquote

from twisted.internet.interfaces import IReactorTime

from jairouter.simulator import faults as faults_module
from jairouter.simulator import raw, routes
from jairouter.simulator.answer import Answer, error_answer
from jairouter.simulator.call import Call, Unreadable, parse_json
from jairouter.simulator.delivery import Delivery
from jairouter.simulator.fault import Fault, UnknownFault
from jairouter.simulator.multipart import FormReader
from jairouter.simulator.options import Options
from jairouter.simulator.reading import meet_early
from jairouter.simulator.record import Disconnect, Seen
from jairouter.simulator.site import SimulatorRequest, SimulatorSite


class Simulator:
    """A model backend that answers without a model.

    ::

        simulator = Simulator(clock, Random(1), Options(name="a"))
        port = reactor.listenTCP(0, simulator.site(), interface="127.0.0.1")
        simulator.enqueue("error;status=503", "")  # the first request fails, the second does not
        simulator.fault = "reset"                  # all others are reset

    Attributes:
        options: Its settings; may be replaced at any time, and apply from the next request on.
        seen: The requests in the order their heads arrived, the latest `Options.remember`.
        disconnects: Clients that left before their answer was complete.
        connections: How many connections were ever made.
        open_connections: How many there are now.
        dropped: Connections closed by the fault `keep-alive-drop`.
        in_flight: The requests that have arrived, in part at least, and are not answered.
        most_in_flight: The most there were at one time.
    """

    def __init__(
        self,
        clock: IReactorTime,
        random: random_module.Random,
        options: Options | None = None,
        observer: Callable[[Seen, Answer], None] | None = None,
    ) -> None:
        """Make a simulator.

        Args:
            clock: Tells the time and makes all delays.
            random: Decides which requests fail, and makes ids.
            options: Its settings.
            observer: Called with each complete request and the answer it will get.

        Raises:
            UnknownFault: If the options name a fault there is not.
        """
        self.clock = clock
        self.options = options or Options()
        self.seen: list[Seen] = []
        self.disconnects: list[Disconnect] = []
        self.connections = 0
        self.open_connections = 0
        self.dropped = 0
        self.in_flight: set[SimulatorRequest] = set()
        self.most_in_flight = 0
        self._random = random
        self._observer = observer
        self._queue: deque[tuple[Fault, ...]] = deque()
        self.fault = self.options.fault

    @property
    def fault(self) -> str:
        """The faults every request meets, as a specification; empty for none."""
        return self._fault

    @fault.setter
    def fault(self, specification: str) -> None:
        self._always = faults_module.parse(specification)
        self._fault = specification

    def enqueue(self, *specifications: str) -> None:
        """Give the next POST requests, one each and in this order, a fault (or, when empty, none).

        Raises:
            UnknownFault: If one of them is not known; then none is enqueued.
        """
        self._queue.extend([faults_module.parse(one) for one in specifications])

    def site(self) -> SimulatorSite:
        """Return a factory for `listenTCP`, or for `buildProtocol` without a socket."""
        return SimulatorSite(self)

    def arriving(self, request: SimulatorRequest) -> None:
        """Take note of a request whose head is complete, and do what faults do that early."""
        self.in_flight.add(request)
        self.most_in_flight = max(self.most_in_flight, len(self.in_flight))
        self._remember(request.seen)
        try:
            request.faults = self._faults_at_head(request.seen)
        except UnknownFault as error:
            request.refusal = error_answer(str(error), 400, "unknown_fault")
        meet_early(self.clock, request)

    def _remember(self, seen: Seen) -> None:
        if self.options.remember > 0:
            self.seen.append(seen)
            del self.seen[: -self.options.remember]

    def _faults_at_head(self, seen: Seen) -> tuple[Fault, ...]:
        # A probe between two requests must not use up what was meant for the second.
        is_next = bool(self._queue) and seen.method == "POST"
        queued = self._queue.popleft() if is_next else self._always
        asked = (seen.header(b"x-simulate") or b"").decode("latin-1")
        return self._striking((*queued, *faults_module.parse(asked)), seen.path)

    def _striking(self, candidates: Iterable[Fault], path: str) -> tuple[Fault, ...]:
        """Return those faults that strike this time."""
        return tuple(
            fault
            for fault in candidates
            if path.startswith(fault.parameters.get("only", ""))
            and ("rate" not in fault.parameters or self._random.random() < fault.number("rate", 1))
        )

    def arrived(self, request: SimulatorRequest) -> None:
        """Answer a request that is complete."""
        body, seen = request.body, request.seen
        seen.sha256, seen.complete = body.sha256, True
        if body.length <= self.options.body_limit:
            seen.body = body.content
        try:
            answer = request.refusal or self._answer(request)
        except UnknownFault as error:
            answer = error_answer(str(error), 400, "unknown_fault")
        except Unreadable as error:
            answer = error_answer(str(error), 400)
        request.setHeader(b"X-Simulator", self.options.name.encode())
        request.setHeader(b"X-Simulator-Received", f"{body.length} {body.sha256}".encode())
        if self._observer is not None:
            self._observer(seen, answer)
        request.delivery = Delivery(self.clock, request, answer)
        request.delivery.start()

    def _answer(self, request: SimulatorRequest) -> Answer:
        call = self._call(request)
        by_model = faults_module.parse(call.model.partition("!")[2])
        struck = (*request.faults, *self._striking(by_model, call.path))
        call = dataclasses.replace(call, options=_paced(call.options, struck))
        answer = raw.raw_answer(call, request.body) or _by_route(call, request.body.form)
        answer = raw.in_pieces(call, answer)
        if answer.latency is None:
            answer = dataclasses.replace(answer, latency=call.options.latency)
        if call.method == "POST" and self._random.random() < self.options.error_rate:
            struck = (*struck, Fault("error", {}))
        return faults_module.apply(answer, struck)

    def _call(self, request: SimulatorRequest) -> Call:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.seen.headers
        }
        form, path = request.body.form, unquote(request.path.decode("latin-1"))
        try:
            value = parse_json(request.body.content) if form is None else {}
        except Unreadable:
            if not raw.is_asked(path, headers):
                raise
            # Who asks for bytes may send any bytes.
            value = {}
        return Call(
            method=request.seen.method,
            path=path,
            query=request.query(),
            headers=headers,
            json=value,
            parts=tuple(form.parts) if form is not None else (),
            options=self.options,
            created=int(self.clock.seconds()),
            ident=f"{self._random.getrandbits(64):016x}",
        )


def _by_route(call: Call, form: FormReader | None) -> Answer:
    if form is not None and not form.complete:
        raise Unreadable("the form ends before its closing boundary")
    return routes.respond(call)


def _paced(options: Options, faults: Iterable[Fault]) -> Options:
    """Return the settings as `pace` and `echo` change them for one request."""
    for fault in faults:
        if fault.name == "echo":
            options = dataclasses.replace(options, echo=True)
        if fault.name == "pace":
            options = dataclasses.replace(
                options,
                latency=fault.number("latency", options.latency),
                tokens=fault.whole_number("tokens", options.tokens),
                tokens_per_second=fault.number("tokens-per-second", options.tokens_per_second),
            )
    return options
