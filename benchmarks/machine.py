"""What the figures were measured on, and what is missing to measure at all. Never the host's name."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import resource
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.processes import ROOT

PROGRAMS = ("nginx", "wrk", "setpriv")
PACKAGES = ("Twisted", "httptools", "treq", "msgspec")


def missing_programs() -> list[str]:
    """Which programs cannot be found."""
    # nginx is where only root looks for programs
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    return [name for name in PROGRAMS if shutil.which(name) is None]


def allow_descriptors() -> int:
    """Raise the soft limit to the hard one for this process and all that it starts. Returns the limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 1_000_000 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def cpu_model() -> str:
    """What the processor calls itself."""
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def slug() -> str:
    """A name for machines of this kind, fit for a file name."""
    words = re.sub(r"\(.*?\)|@.*|processor|cpu", " ", cpu_model().lower())
    return f"{re.sub(r'[^a-z0-9]+', '-', words).strip('-')}-{os.cpu_count()}-cores"


def busy(seconds: float = 1.0) -> float:
    """Which part of all cores is in use for the next moments: what others do who share the machine."""

    def ticks() -> tuple[int, int]:
        fields = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
        return sum(fields), fields[3] + fields[4]  # idle, and idle but for a disk

    total, idle = ticks()
    time.sleep(seconds)
    total_later, idle_later = ticks()
    return 1 - (idle_later - idle) / max(1, total_later - total)


def description() -> list[tuple[str, str]]:
    """Machine and versions, in pairs."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        ("CPU", f"{cpu_model()}, {os.cpu_count()} cores"),
        ("memory", f"{memory:.0f} GiB"),
        ("kernel", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        *((name, importlib.metadata.version(name)) for name in PACKAGES),
        ("nginx", _said(["nginx", "-v"], r"nginx/(\S+)")),
        ("wrk", _said(["wrk", "-v"], r"wrk (\S+)")),
        ("jairouter", _commit()),
    ]


def _said(command: Sequence[str], pattern: str) -> str:
    """What a program says about itself, whatever its exit status."""
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, process.stdout + process.stderr)
    return found[1] if found else "unknown"


def _commit() -> str:
    """The checkout's commit, and whether what was measured differs from it."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "jairouter", "requirements.lock")
        return git("rev-parse", "--short=12", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return importlib.metadata.version("jairouter")
