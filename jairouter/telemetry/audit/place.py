"""Where a record is, and how it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jairouter.telemetry.audit.chain import Chain
    from jairouter.telemetry.audit.files import Files
    from jairouter.telemetry.audit.line import Form


class Place(NamedTuple):
    """A record.

    Attributes:
        files: Where it is.
        form: How its lines look.
        chain: How they are bound together.
    """

    files: Files
    form: Form
    chain: Chain
