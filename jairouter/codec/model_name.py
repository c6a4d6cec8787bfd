"""What a model name from a request may look like, whichever body it came in."""

import re
from typing import Final

# Names go into log lines, header values and error messages, where a control character (C0, DEL,
# C1) could forge a line. U+FFFD is what decoders leave for text they could not decode, so a name
# with it in would mean something else to the gateway than to the backend.
_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\ufffd]")


def fault_in(name: str) -> str | None:
    """Say what is wrong with a model name, to go after the word "model".

    Args:
        name: the name as the client gave it, already decoded. Any length.

    Returns:
        For example ``"must not be empty"``; None when nothing is wrong. Whether such a model
        exists is not asked here.
    """
    if not name:
        return "must not be empty"
    if _UNFIT.search(name):
        return "must not contain control characters or undecodable text"
    return None
