"""The command `jairouter`: what an operator does beside running the gateway.

The gateway itself is run by `twistd jairouter`. `line` reads the arguments and turns every way to fail into a
status and one line; each other module does one thing that can be asked for.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; see `jairouter.command.line.main`.

    Args:
        argv: The arguments; those of the process when not given.

    Returns:
        The exit status.
    """
    try:
        # Loading takes long enough for a Ctrl-C to come into it
        from jairouter.command import line  # noqa: PLC0415
    except KeyboardInterrupt:
        return 130
    return line.main(argv)
