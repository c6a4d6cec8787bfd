"""`make bench`: measures the gateway and nginx side by side, prints a report and writes it to a file."""

from __future__ import annotations

import argparse
import datetime
import gc
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import added, machine, memory, open_loop, plain, reload, scrape, sse
from benchmarks.bench import Bench
from benchmarks.processes import Failure
from benchmarks.report import Section, document, paragraph, table

RESULTS = Path(__file__).with_name("results")
LEAST_DESCRIPTORS = 4096
MEASUREMENTS: dict[str, Callable[[Bench], Section]] = {
    "plain": plain.measure,
    "sse": sse.measure,
    "latency": open_loop.measure,
    "memory": memory.measure,
    "reload": reload.measure,
    "scrape": scrape.measure,
    "secured": added.secured,
    "observed": added.observed,
}


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        choices=list(MEASUREMENTS),
        metavar="NAME",
        help=f"one measurement of {', '.join(MEASUREMENTS)}; may be given again",
    )
    parser.add_argument(
        "--rounds", type=_positive, default=3, help="how often each is measured (%(default)s)"
    )
    parser.add_argument("--seconds", type=_positive, default=2, help="how long at a time (%(default)s)")
    parser.add_argument("--no-write", action="store_true", help="print the report, write no file")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _measure(options: argparse.Namespace, descriptors: int) -> tuple[list[Section], list[str]]:
    """Measure what was asked for. Whatever was started has ended when this returns."""
    sections: list[Section] = []
    with ExitStack() as stack:
        bench = Bench(stack, options.rounds, options.seconds, descriptors)
        try:
            for name, measure in MEASUREMENTS.items():
                if not options.only or name in options.only:
                    sections.append(measure(bench))
        except (Failure, OSError) as failure:  # in starting, or something has ended: nothing can go on
            bench.failed(str(failure))
        return sections, bench.failures


def _report(
    options: argparse.Namespace, busy: float, sections: Sequence[Section], failures: Sequence[str]
) -> str:
    today = datetime.datetime.now(tz=datetime.UTC).date()
    preface = [
        table(("measured on", ""), machine.description(), texts=2),
        paragraph(
            f"Each contestant was measured in {options.rounds} rounds of {options.seconds} s, taking turns, "
            "after a warm-up that does not count. In the second before the start, others kept "
            f"{busy:.0%} of the cores busy: the fewer the better."
        ),
    ]
    return document(f"jairouter and nginx side by side, {today}", preface, sections, failures)


def _path(only: Sequence[str] | None) -> Path:
    """Where the report goes. A part of one does not take the place of a whole one."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    return RESULTS / f"{'-'.join([str(today), machine.slug(), *sorted(only or ())])}.md"


def main(arguments: Sequence[str]) -> int:
    """The program. Returns its exit status."""
    options = _options(arguments)
    if missing := machine.missing_programs():
        print(
            f"bench: cannot find {', '.join(missing)}; `make bench` installs what it needs", file=sys.stderr
        )
        return 1
    descriptors = machine.allow_descriptors()
    if descriptors < LEAST_DESCRIPTORS:
        print(
            f"bench: a process may open {descriptors} files, this takes {LEAST_DESCRIPTORS}", file=sys.stderr
        )
        return 1
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    gc.disable()  # its pauses would be taken for latency, and there are no cycles worth a collection
    busy = machine.busy()
    try:
        sections, failures = _measure(options, descriptors)
    except KeyboardInterrupt:
        print("\nbench: interrupted; everything that was started has ended", file=sys.stderr)
        return 130
    report = _report(options, busy, sections, failures)
    print(report)
    if failures:
        print("bench: FAILED, see above; nothing was written", file=sys.stderr)
        return 1
    if not options.no_write:
        path = _path(options.only)
        path.parent.mkdir(exist_ok=True)
        path.write_text(report)
        print(f"bench: written to {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
