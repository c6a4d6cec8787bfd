"""The command `jairouter`: what an operator does beside running the gateway.

The gateway itself is run by `twistd jairouter`. `line` reads the arguments and turns every way to fail into a
status and one line; each other module does one thing that can be asked for.
"""

from jairouter.command.line import main

__all__ = ["main"]
