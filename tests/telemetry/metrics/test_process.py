"""Tests for `jairouter.telemetry.metrics.process`, with files that stand for /proc and /sys."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.process import ProcessMetrics, memory_limit
from tests.telemetry.metrics.samples import shown

STATUS = "Name:\tx\nVmRSS:\t  90 kB\nRssAnon:\t  60 kB\nRssFile:\t  20 kB\nRssShmem:\t  10 kB\nThreads:\t3\n"


class ProcessMetricsTests(SynchronousTestCase):
    """The process, and what limits it."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def test_memory(self) -> None:
        self.write("proc/self/status", STATUS)
        self.write("proc/meminfo", "MemTotal:  1000 kB\nMemFree:  1 kB\n")
        found = shown(ProcessMetrics(Families(), 12.5, ("1", "2", "3"), self.root))
        self.assertEqual(found["jvm_memory_used_bytes"], {("heap",): 60 * 1024, ("nonheap",): 30 * 1024})
        self.assertEqual(found["jvm_memory_max_bytes"], {("heap",): 1000 * 1024, ("nonheap",): -1})
        self.assertEqual(found["jairouter_start_time_seconds"], {(): 12.5})
        self.assertEqual(found["jairouter_build_info"], {("1", "2", "3"): 1})

    def test_control_groups(self) -> None:
        """The least of the group's own limit and those of the groups around it."""
        self.write("proc/meminfo", "MemTotal:  1000 kB\n")
        self.write("proc/self/cgroup", "0::/system.slice/jairouter.service\n")
        self.write("sys/fs/cgroup/system.slice/jairouter.service/memory.max", "max\n")
        self.write("sys/fs/cgroup/system.slice/memory.max", "4096\n")
        self.assertEqual(memory_limit(self.root), 4096)

    def test_inside_a_container(self) -> None:
        """It sees its own group as the root of all."""
        self.write("proc/self/cgroup", "0::/\n")
        self.write("sys/fs/cgroup/memory.max", "8192\n")
        self.assertEqual(memory_limit(self.root), 8192)

    def test_control_groups_of_version_1(self) -> None:
        self.write("proc/meminfo", "MemTotal:  1000 kB\n")
        self.write("proc/self/cgroup", "5:cpu:/x\n4:memory:/docker/abc\n0::/\n")
        self.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "2048\n")
        self.assertEqual(memory_limit(self.root), 2048)
        self.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
        self.assertEqual(memory_limit(self.root), 1000 * 1024)

    def test_nothing_says_it(self) -> None:
        self.assertEqual(memory_limit(self.root), -1)
        self.assertEqual(
            shown(ProcessMetrics(Families(), 0.0, ("1", "2", "3"), self.root))["jvm_memory_used_bytes"],
            {("heap",): 0, ("nonheap",): 0},
        )
