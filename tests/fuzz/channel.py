"""The client side of the gateway over resources that note every request that they are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from jairouter.errors import GatewayError
from jairouter.interfaces import IBodySink
from jairouter.web.errors import write_error
from tests.fuzz.reference import Fields, Message, Reading, read_answers, read_requests
from tests.fuzz.watching import watched
from tests.web.serving import Serving


def by_name(fields: Fields) -> list[tuple[bytes, bytes]]:
    """Headers as twisted.web keeps them: the order of different names is lost, and their spelling."""
    return sorted(((name.lower(), value) for name, value in fields), key=lambda pair: pair[0])


@dataclass(frozen=True)
class Seen:
    """A request as a resource saw it, or as it should have seen it."""

    method: bytes
    target: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @classmethod
    def of(cls, message: Message) -> Seen:
        """What a resource must see of this."""
        method, target, _ = message.start
        if not target.startswith(b"/"):
            _, _, rest = target.partition(b"://")
            cut = min((at for at in (rest.find(b"/"), rest.find(b"?")) if at >= 0), default=len(rest))
            target = rest[cut:] if rest[cut : cut + 1] == b"/" else b"/" + rest[cut:]
        return cls(method, target, tuple(by_name(message.fields)), message.body)


class Collecting(Resource):
    """As most resources of twisted.web: it is rendered when the body is there.

    Attributes:
        seen: Every request that was complete.
        broken: Every request whose body did not come to its end.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Seen] = []
        self.broken: list[Seen] = []

    def note(self, request: Any, body: bytes) -> Seen:
        """What there is to see."""
        fields = tuple(
            (name, value.strip(b" \t"))
            for name, values in request.requestHeaders.getAllRawHeaders()
            for value in values
        )
        return Seen(request.method, request.uri, tuple(by_name(fields)), body)

    def render(self, request: Any) -> Any:
        self.seen.append(self.note(request, request.content.read()))
        return b"%d" % len(self.seen)


class Taking(Collecting):
    """As the model routes: it is rendered when the head is there, and takes the body as it comes."""

    takes_upload = True

    def render(self, request: Any) -> Any:
        request.upload.start(_Sink(self, request))
        return NOT_DONE_YET


@implementer(IBodySink)
class _Sink:
    def __init__(self, resource: Taking, request: Any) -> None:
        self._resource = resource
        self._request = request
        self._body = b""

    def chunk(self, data: bytes) -> None:
        self._body += data

    def end(self) -> None:
        self._resource.seen.append(self._resource.note(self._request, self._body))
        answer = b"%d" % len(self._resource.seen)
        self._request.setHeader(b"Content-Length", b"%d" % len(answer))
        self._request.write(answer)
        self._request.finish()

    def broke(self, error: GatewayError) -> None:
        self._resource.broken.append(self._resource.note(self._request, self._body))
        if not self._request._disconnected:
            write_error(self._request, error)


@dataclass
class Taken:
    """What became of a client's bytes.

    Attributes:
        seen: The requests that reached the resource.
        broken: Those whose bodies did not come to their ends.
        answers: What the client got.
        closed: Whether the connection was closed.
        faults: What must not be, whatever was sent.
    """

    seen: Sequence[Seen] = ()
    broken: Sequence[Seen] = ()
    answers: Sequence[Message] = ()
    closed: bool = False
    faults: list[str] = field(default_factory=list)

    @property
    def statuses(self) -> tuple[int, ...]:
        """Of the answers."""
        return tuple(int(answer.start[1]) for answer in self.answers)

    @property
    def refused(self) -> list[int]:
        """Which of the answers were refusals; the resources make none."""
        return [at for at, answer in enumerate(self.answers) if _is_error(answer) and not answer.keeps]

    @property
    def unreadable(self) -> int:
        """How many requests were good HTTP, but twisted.web could not read the forms in them."""
        return sum(_is_error(answer) and answer.keeps for answer in self.answers)

    @property
    def gist(self) -> tuple[object, ...]:
        """What must not depend on packets."""
        return self.seen, self.statuses, self.closed


class ChannelRig:
    """A site that many clients use, one after the other.

    Args:
        taking: Whether its resource takes bodies as they come.
    """

    def __init__(self, *, taking: bool) -> None:
        self._resource = Taking() if taking else Collecting()
        self.serving = Serving(self._resource)

    def send(self, pieces: Sequence[bytes]) -> Taken:
        """Send these bytes, read by read, and leave when all is quiet."""
        serving, resource = self.serving, self._resource
        resource.seen, resource.broken = [], []
        serving.network.connections.clear()
        with watched() as faults:
            client = serving.ask(*pieces)
            taken = Taken(closed=client.closed is not None, faults=faults)
            taken.seen, before = resource.seen, list(resource.broken)
            client.leave()
            serving.run()
        taken.broken = before or resource.broken
        sent = read_requests(b"".join(pieces))
        got = read_answers(bytes(client.received), sent, closed=taken.closed)
        taken.answers = got.messages
        if got.fault:
            taken.faults.append(f"what the client got is no answer: {got}")
        if serving.site.channels:
            taken.faults.append("the channel is not forgotten")
        return taken

    def close(self) -> list[Any]:
        """Stop. Returns the delayed calls that are left."""
        return self.serving.close()


def judge(reading: Reading, taken: Taken) -> list[str]:
    """What is wrong, when this was sent and that came of it.

    Whatever was accepted must be valid, and as the reference reads it. What is valid may be refused.
    """
    faults = list(taken.faults)
    expected = [Seen.of(message) for message in reading.messages if _reaches_a_resource(message)]
    left = _after(taken.seen, expected, taken.unreadable)
    if left is None:
        faults.append(f"seen {taken.seen}, valid is {expected}, then: {reading.fault}")
    answered = len(reading.messages) + (reading.begun is not None and not _reaches_a_resource(reading.begun))
    if len(taken.statuses) - len(taken.refused) > answered:
        faults.append(f"{taken.statuses} for {len(reading.messages)} requests")
    if taken.refused and not taken.closed:
        faults.append("refused, and left open")
    if taken.refused not in ([], [len(taken.answers) - 1]):
        faults.append(f"went on after a refusal: {taken.statuses}")
    begun = left[0] if left else None if reading.begun is None else Seen.of(reading.begun)
    for broken in taken.broken:
        if begun is None or not _is_start(broken, begun):
            faults.append(f"a body that broke off, {broken}, of {begun}")
    return faults


def judge_valid(reading: Reading, taken: Taken) -> list[str]:
    """What is wrong when everything was valid: then all of it must be accepted."""
    faults = judge(reading, taken)
    if reading.fault or reading.rest:
        faults.append(f"the reference finds it invalid: {reading}")
    if taken.refused or len(taken.statuses) != len(reading.messages):
        faults.append(f"answered {taken.statuses}")
    if taken.closed is reading.messages[-1].keeps:
        faults.append("closed" if taken.closed else "left open")
    return faults


def _after(seen: Sequence[Seen], expected: Sequence[Seen], unreadable: int) -> list[Seen] | None:
    """What is left of what was expected when this was seen of it; None when it is something else."""
    left, missing = list(expected), list(seen)
    while left and (missing or unreadable):
        first = left.pop(0)
        if missing and first == missing[0]:
            missing.pop(0)
        elif (
            unreadable
            and first.method == b"POST"
            and any(name == b"content-type" for name, _ in first.fields)
        ):
            unreadable -= 1
        else:
            return None
    return None if missing or unreadable else left


def _is_error(answer: Message) -> bool:
    return answer.start[1] >= b"400"


def _reaches_a_resource(message: Message) -> bool:
    return message.start[1] != b"*" and message.start[0] != b"CONNECT"


def _may_end_early(reading: Reading) -> bool:
    """Whether there is an ``OPTIONS *``: it is answered, and the connection maybe closed, before its body."""
    return any(message.start[1] == b"*" for message in (*reading.messages, reading.begun) if message)


def _is_start(broken: Seen, whole: Seen) -> bool:
    same = (broken.method, broken.target, broken.fields) == (whole.method, whole.target, whole.fields)
    return same and whole.body.startswith(broken.body)


def try_requests(data: bytes, pieces: Sequence[bytes], rigs: Sequence[ChannelRig]) -> list[str]:
    """Send bytes whole and in pieces, to each of the rigs, and judge all that comes of it."""
    reading, faults = read_requests(data), list[str]()
    for rig in rigs:
        whole, parts = rig.send([data]), rig.send(pieces)
        faults += judge(reading, whole) + judge(reading, parts)
        if whole.gist != parts.gist and not _may_end_early(reading):
            faults.append(f"in one piece {whole.gist}, in {len(pieces)} {parts.gist}")
    return faults
