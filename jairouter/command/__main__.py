"""`python -m jairouter.command`, where the command itself is not installed."""

from jairouter.command import main

if __name__ == "__main__":
    raise SystemExit(main())
