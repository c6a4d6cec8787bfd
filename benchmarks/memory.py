"""What a stream costs that is open and silent."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from benchmarks.bench import Bench
from benchmarks.contestants import request_body
from benchmarks.gateway import Gateway
from benchmarks.nginx import Yardstick
from benchmarks.paced import PacedBackend
from benchmarks.processes import Process, memory
from benchmarks.report import Budget, Section
from benchmarks.streams import Streams

SIZES = (1000, 9000)
BUDGET = 20.0
_SPARE = 200
_SETTLING = 1.0

ABOUT = """\
Each stream has had its head and one event, and then nothing more comes. Processes of their own, started
for this; the gateway may have more connections than by default (`server.max-connections`,
`webclient.connection-pool.max-connections`). "Private" is what the kernel counts as this process's alone
(`Private_Clean` and `Private_Dirty` in `smaps_rollup`); KB per stream is its growth over no streams. What
the kernel itself holds for the sockets is not in it."""


def measure(bench: Bench) -> Section:
    """Measure the gateway and nginx."""
    sizes = [size for size in SIZES if _descriptors(size) <= bench.descriptors]
    notes = [
        f"{size} streams were skipped: they take {_descriptors(size)} file descriptors in one process, "
        f"and {bench.descriptors} are allowed"
        for size in SIZES
        if size not in sizes
    ]
    rows: list[list[str]] = []
    budgets: list[Budget] = []
    for name in ("gateway", "nginx"):
        what = f"memory of silent streams, {name}"
        private = bench.attempt(what, partial(_measure_one, bench, name, sizes, rows))
        if private and name == "gateway":
            budgets += [
                Budget(f"memory per silent stream, {size} streams", BUDGET, kilobytes, "KB")
                for size, kilobytes in private.items()
            ]
    columns = ("through", "streams", "RSS MB", "private MB", "KB per stream")
    return Section("Memory of silent streams", ABOUT, columns, rows, 1, budgets, notes)


def _descriptors(streams: int) -> int:
    return 2 * streams + _SPARE


def _measure_one(bench: Bench, name: str, sizes: list[int], rows: list[list[str]]) -> dict[int, float]:
    """Add the rows of one contestant. Returns the KB per stream, by the number of streams."""
    per_stream: dict[int, float] = {}
    with ExitStack() as stack:
        backend = PacedBackend(events=1, streams=1, hold=True)
        stack.callback(backend.stop)
        process, port = _start(name, backend.port, bench.descriptors)
        stack.callback(process.stop)
        streams = Streams(name, port, request_body("idle", 600, stream=True))
        stack.callback(streams.close)
        _warm_up(name, port)
        base = 0
        for size in (0, *sizes):
            streams.hold(size)
            streams.listen(_SETTLING)
            process.check()
            figures = memory(process.pid)
            private = figures["Private_Clean"] + figures["Private_Dirty"]
            if size == 0:
                base = private
            else:
                per_stream[size] = (private - base) / size
            growth = f"{per_stream[size]:.1f}" if size else ""
            rows.append([name, str(size), f"{figures['Rss'] / 1024:.1f}", f"{private / 1024:.1f}", growth])
    return per_stream


def _start(name: str, backend: int, descriptors: int) -> tuple[Process, int]:
    if name == "nginx":
        nginx = Yardstick({"idle": backend}, descriptors, ("idle",))
        return nginx, nginx.ports["idle"]
    room = {"max-connections": descriptors}
    gateway = Gateway(name, {"idle": backend}, server=room, webclient={"connection-pool": room})
    return gateway, gateway.port


def _warm_up(name: str, port: int) -> None:
    """A few streams that come and go, so that what is made once does not count."""
    streams = Streams(name, port, request_body("idle", 600, stream=True))
    try:
        streams.hold(20)
    finally:
        streams.close()
