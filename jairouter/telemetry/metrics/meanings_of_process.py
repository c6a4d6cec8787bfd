"""Metrics under names that are known from elsewhere: of any process, of Python, of a Java virtual machine."""

from __future__ import annotations

from typing import Final

from jairouter.telemetry.metrics.meaning import COUNTER, GAUGE, SYSTEM, Meaning


def _gauge(name: str, labels: str, about: str, stands_for: str = "") -> Meaning:
    return Meaning(name, GAUGE, tuple(labels.split()), SYSTEM, about, True, stands_for)


def _counter(name: str, labels: str, about: str, stands_for: str = "") -> Meaning:
    return Meaning(name, COUNTER, tuple(labels.split()), SYSTEM, about, True, stands_for)


PROCESS: Final = (
    _gauge("process_virtual_memory_bytes", "", "Virtual memory size in bytes."),
    _gauge("process_resident_memory_bytes", "", "Resident memory size in bytes."),
    _gauge("process_start_time_seconds", "", "Start time of the process since unix epoch in seconds."),
    _counter("process_cpu_seconds", "", "Total user and system CPU time spent in seconds."),
    _gauge("process_open_fds", "", "Number of open file descriptors."),
    _gauge("process_max_fds", "", "Maximum number of open file descriptors."),
    _counter("python_gc_objects_collected", "generation", "Objects collected during gc"),
    _counter("python_gc_objects_uncollectable", "generation", "Uncollectable objects found during GC"),
    _counter("python_gc_collections", "generation", "Number of times this generation was collected"),
)

JVM: Final = (
    _gauge(
        "jvm_memory_used_bytes",
        "area",
        "Memory in use. There is no Java virtual machine: it is the process's.",
        "`heap`: resident memory that is the process's own. `nonheap`: what it shares or could read again.",
    ),
    _gauge(
        "jvm_memory_max_bytes",
        "area",
        "Most memory that can be used. There is no Java virtual machine: it is the process's.",
        "`heap`: the least of its control groups' limits and the machine's memory. `nonheap`: -1, for none.",
    ),
    _counter(
        "logback_events",
        "level",
        "Events that were logged, by level. There is no Logback: they are the gateway's own.",
        "events of the gateway's own log",
    ),
)
