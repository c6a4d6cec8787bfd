"""What raw bytes are thrown at, and where they begin; `run` throws them, `test_found` what once did harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any
from zlib import crc32

from tests.fuzz.backend import BackendRig, try_answer
from tests.fuzz.channel import ChannelRig, try_requests
from tests.fuzz.corpus import answers, chunks, framing, lines
from tests.fuzz.corpus.pieces import PROBE
from tests.fuzz.gateway import GatewayRig, try_gateway
from tests.fuzz.watching import cut


@dataclass
class Target:
    """Something that takes bytes.

    Attributes:
        seeds: Bytes to begin with.
        attack: Gives it bytes; returns what was wrong.
        close: Stops it; returns the delayed calls that are left.
    """

    seeds: list[bytes]
    attack: Callable[[bytes], list[str]]
    close: Callable[[], list[Any]]


def pieces_of(data: bytes) -> list[bytes]:
    """The bytes in up to six pieces, always the same ones, so that the bytes are all there is to keep."""
    random = Random(crc32(data))
    return cut(data, [random.randint(0, len(data)) for _ in range(random.randint(1, 5))])


def requests() -> Target:
    """The client side."""
    rigs = [ChannelRig(taking=False), ChannelRig(taking=True)]
    cases = (*framing.CASES, *chunks.CASES, *lines.CASES)
    return Target(
        [case.data + PROBE for case in cases],
        lambda data: try_requests(data, pieces_of(data), rigs),
        lambda: [call for rig in rigs for call in rig.close()],
    )


def answers_of_backends() -> Target:
    """The backend side."""
    rig = BackendRig()
    return Target(
        [case.data for case in answers.CASES],
        lambda data: try_answer(data, pieces_of(data), rig),
        rig.close,
    )


def gateway() -> Target:
    """All of it: what reaches the backend."""
    rig = GatewayRig()
    cases = (*framing.CASES, *chunks.CASES, *lines.CASES)
    return Target(
        [case.data + PROBE for case in cases],
        lambda data: try_gateway(data, pieces_of(data), rig),
        rig.close,
    )


TARGETS: dict[str, Callable[[], Target]] = {
    "requests": requests,
    "answers": answers_of_backends,
    "gateway": gateway,
}
