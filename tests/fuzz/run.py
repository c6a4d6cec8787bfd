"""Throws raw bytes at the gateway, guided by what they reach.

``make fuzz``, or for one target alone ``python -m tests.fuzz.run requests --seconds 600``. What does harm
is written to a file in ``tests/fuzz/found``, where `test_found` finds it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import traceback
from pathlib import Path

FOUND = Path(__file__).parent / "found"
WORK = Path(".fuzz")
"""What was learnt stays here for the next time."""

LONGEST = 2000
"""Bytes; more of them find nothing else, and slower."""


def fuzz(name: str, seconds: int) -> None:
    """Attack one target. Does not return: the fuzzer ends the process."""
    import atheris  # noqa: PLC0415 - only here is it needed, and not every machine has it

    # Only what is imported now is watched: the code under test, and the reference, whose branches are the
    # grammar's. (llhttp is not Python.)
    with atheris.instrument_imports(include=["jairouter", "tests.fuzz"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - see above
    from twisted.logger import globalLogBeginner  # noqa: PLC0415 - see above

    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False)
    target = TARGETS[name]()
    found, learnt, seeds = FOUND / name, WORK / name, WORK / f"{name}-seeds"
    for folder in (found, learnt, seeds):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds:
        if len(seed) <= LONGEST:
            (seeds / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)

    def attack(data: bytes) -> None:
        try:
            faults = target.attack(data)
        except Exception:  # whatever it is, it is a finding
            faults = [traceback.format_exc()]
        if faults:
            file = found / hashlib.sha256(data).hexdigest()[:16]
            file.write_bytes(data)
            print(f"\n{file}: {data!r}\n  " + "\n  ".join(faults), flush=True)
            os._exit(1)  # and not through the fuzzer, which would count it for one of its own

    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={found}/",
        "-timeout=10",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(learnt), str(seeds)], attack)
    atheris.Fuzz()


def main() -> None:
    """Attack the target that is named."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("target", choices=["requests", "answers", "gateway"])
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    fuzz(options.target, options.seconds)


if __name__ == "__main__":
    main()
