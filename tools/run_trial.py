"""Runs trial, shows what it prints, and closes with one line that any CI can read.

``python tools/run_trial.py [trial arguments]``; without arguments, all of ``tests``. It exits with
trial's own status, except that a run with skipped or to-do tests, or with no test at all, has
failed too: a test that did not run has shown nothing.
"""

import re
import subprocess
import sys
from collections.abc import Sequence

# Enough for trial's summary, and for what the end of a run may print after it.
_TAIL = 64 * 1024

_RAN = re.compile(rb"^Ran \d+ tests in ", re.MULTILINE)
_VERDICT = re.compile(rb"^(?:PASSED|FAILED)(?: \((.*)\))?\r?$", re.MULTILINE)
_COUNT = re.compile(rb"(\w+)=(\d+)")


def run(command: Sequence[str]) -> tuple[int, bytes]:
    """Run a command, passing on what it prints at once.

    Args:
        command: The program and its arguments.

    Returns:
        Its exit status (as a shell has it: 128 and the signal's number when one ended it), and
        the end of what it wrote to standard output.
    """
    tail = b""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        # read1 returns what is there, so a slow test is seen while it runs.
        while chunk := process.stdout.read1(_TAIL):  # type: ignore[attr-defined]
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            tail = (tail + chunk)[-_TAIL:]
    status = process.returncode
    return (128 - status if status < 0 else status), tail


def summarise(tail: bytes) -> tuple[int, int, int] | None:
    """Read trial's closing summary.

    Args:
        tail: The end of what trial printed.

    Returns:
        How many tests passed, failed and were skipped, or None if trial came to no summary.
        An expected failure (a to-do) counts as skipped: it says nothing about the code.
    """
    # A test may print such lines too: the last are trial's. With no test there is no "Ran".
    ran = list(_RAN.finditer(tail))
    verdict = _VERDICT.search(tail, ran[-1].end() if ran else 0)
    if verdict is None:
        return None
    counts = {name.decode(): int(number) for name, number in _COUNT.findall(verdict[1] or b"")}
    failed = sum(counts.get(name, 0) for name in ("failures", "errors", "unexpectedSuccesses"))
    skipped = counts.get("skips", 0) + counts.get("expectedFailures", 0)
    return counts.get("successes", 0), failed, skipped


def main(arguments: Sequence[str]) -> int:
    """Run trial and print the closing line.

    Args:
        arguments: Trial's arguments.

    Returns:
        The exit status.
    """
    # -m and not the trial script: that does not put the working folder on the path.
    status, tail = run([sys.executable, "-u", "-m", "twisted.trial", *(arguments or ["tests"])])
    counts = summarise(tail)
    if counts is None:
        print(f"trial ended with status {status} and without a summary", flush=True)
        passed, failed, skipped = 0, 1, 0
    else:
        passed, failed, skipped = counts
    print()
    if skipped:
        print("A skipped or to-do test fails the run: install what it needs, or remove it.")
    if not passed and not failed:
        print("No test ran, which fails the run.")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return status or int(bool(failed or skipped or not passed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
