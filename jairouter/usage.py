"""What an answer has cost, as its backend says, or as near as can be told without it."""

from __future__ import annotations

from typing import NamedTuple


class Usage(NamedTuple):
    """Tokens of one answer.

    Attributes:
        prompt: Tokens of the request.
        completion: Tokens that were made.
        cached: Of those of the request, how many the backend had read before; 0 where it does not say.
        reasoning: Of those that were made, how many are not shown; likewise.
        estimated: Whether the backend said nothing, and these are guesses.
    """

    prompt: int
    completion: int
    cached: int = 0
    reasoning: int = 0
    estimated: bool = False
