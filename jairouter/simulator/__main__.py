"""`python -m jairouter.simulator`: run one simulated backend until told to stop."""

from __future__ import annotations

import sys

from jairouter.simulator.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
