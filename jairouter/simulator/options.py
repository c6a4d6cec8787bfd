"""What a simulated backend is told to be: its name, its pace, its way to misbehave."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Options:
    """The settings of one simulated backend.

    Attributes:
        name: Who answers; stands in the `X-Simulator` header and in `system_fingerprint`.
        models: The models it serves; any model is accepted when empty.
        latency: Seconds from the end of the request to the first byte of the answer.
        tokens_per_second: Pace of a streamed answer; 0 means as fast as the peer takes it.
        tokens: Length of a generated text, in tokens, unless the request asks for less.
        echo: Answer with exactly the text of the prompt, whatever its length.
        error_rate: Share of model requests, from 0 to 1, answered with status 500.
        fault: A fault specification applied to every request; see `faults.parse`.
        remember: How many requests `Simulator.seen` keeps; the oldest go first.
        idle_timeout: Seconds after which a kept-alive connection without a request is closed;
            0 keeps it for ever.
        body_limit: Request bodies up to this many bytes are kept in `Simulator.seen`.
    """

    name: str = "sim-1"
    models: tuple[str, ...] = ()
    latency: float = 0.0
    tokens_per_second: float = 0.0
    tokens: int = 32
    echo: bool = False
    error_rate: float = 0.0
    fault: str = ""
    remember: int = 1000
    idle_timeout: float = 0.0
    body_limit: int = 1024 * 1024

    @property
    def gap(self) -> float | None:
        """Seconds between two tokens of a stream, or `None` for no waiting at all."""
        return 1.0 / self.tokens_per_second if self.tokens_per_second > 0 else None
