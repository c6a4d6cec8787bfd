"""What is said about a configuration: faults, which refuse it, and notices, which do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jairouter.config.naming import KeyPath, dotted


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written.

    Attributes:
        source: a file as the user named it, `environment variable NAME`, or another source.
        line: the line in that file, counted from 1; None where lines make no sense.
    """

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth knowing about a configuration that is valid.

    Attributes:
        text: what is to be known, in one line.
        origin: the place it is about, or None when it is about no single place.
    """

    text: str
    origin: Origin | None = None

    def __str__(self) -> str:
        return self.text if self.origin is None else f"{self.origin}: {self.text}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why a configuration cannot be used. It never holds the value of a secret.

    Attributes:
        text: what was expected and what was found, in one line.
        origin: the place to correct, or None when the fault is in no single place.
        path: the key, as `model.services.chat.instances[2].weight`; empty for a whole file.
    """

    text: str
    origin: Origin | None = None
    path: str = ""

    def __str__(self) -> str:
        parts = (str(self.origin or ""), self.path, self.text)
        return ": ".join(part for part in parts if part)


class ConfigurationFaults(Exception):
    """A configuration was refused; all its faults are told at once.

    Args:
        faults: at least one fault.
        files: the names of other files that were read for it, and may have to be mended.
    """

    def __init__(self, faults: Iterable[Fault], files: Iterable[str] = ()) -> None:
        self.files = tuple(dict.fromkeys(files))
        self.faults: tuple[Fault, ...] = tuple(dict.fromkeys(faults))
        super().__init__("\n".join(map(str, self.faults)))


class Findings:
    """Collects what is found while a configuration is read, so that nothing stops at the first.

    Args:
        faults: what was found before.
        notices: likewise.

    Attributes:
        files: the names of other files that were read.
    """

    def __init__(self, faults: Iterable[Fault] = (), notices: Iterable[Notice] = ()) -> None:
        self.files: list[str] = []
        self.faults = list(faults)
        self.notices = list(notices)

    def fault(self, origin: Origin | None, path: KeyPath, text: str) -> None:
        """Add one fault."""
        # A key may be any text; one fault is one line.
        key = "".join(c if c.isprintable() else "?" for c in dotted(path)[:300])
        self.faults.append(Fault(text, origin, key))

    def notice(self, origin: Origin | None, text: str) -> None:
        """Add one notice, unless the same was said of the same source."""
        source = origin and origin.source
        said = ((n.text, n.origin and n.origin.source) for n in self.notices)
        if (text, source) not in said:
            self.notices.append(Notice(text, origin))

    def check(self) -> None:
        """Go on only when there was no fault.

        Raises:
            ConfigurationFaults: there was at least one.
        """
        if self.faults:
            sources = list(dict.fromkeys(_source(fault) for fault in self.faults))
            # Line by line, as a reader goes through each source.
            order = sorted(self.faults, key=lambda f: (sources.index(_source(f)), _line(f)))
            raise ConfigurationFaults(order, self.files)


def _source(fault: Fault) -> str | None:
    return fault.origin.source if fault.origin else None


def _line(fault: Fault) -> int:
    return (fault.origin.line if fault.origin else None) or 0
