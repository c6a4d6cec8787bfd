"""Finding and reading configuration files: the only part of this package that does I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from jairouter.config.content import content_of
from jairouter.config.document import MOST_BYTES, documents
from jairouter.config.faults import Fault, Findings, Notice, Origin
from jairouter.config.placeholders import resolve
from jairouter.config.profiles import (
    ALWAYS,
    STEMS,
    SUFFIXES,
    find,
    profile_of_file,
    split_profiles,
    texts_of,
)
from jairouter.config.tree import Members, Node, Scalar, lookup
from jairouter.config.values import ROOT

_ACTIVE = ("spring", "profiles", "active")
_VARIABLE = "SPRING_PROFILES_ACTIVE"


@dataclass(frozen=True)
class Text:
    """A file that has been read already, such as standard input.

    Attributes:
        name: how faults should name it.
        content: its bytes.
    """

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Source:
    """One file as it was read.

    Attributes:
        name: how it is named.
        profile: the profile it belongs to, or None.
        documents: the YAML documents in it.
    """

    name: str
    profile: str | None
    documents: tuple[Node, ...]


@dataclass(frozen=True)
class Sources:
    """All files of a configuration, as they were read; many configurations can be made of them.

    Attributes:
        files: the files from low to high.
        profiles: the active profiles, in order.
        faults: what was found to be wrong.
        notices: what is to be known about them.
        paths: the files that were read or could not be, and the directories that were looked in; what has
            to be watched.
        digest: SHA-256 of all that was read, in hexadecimal; another one means that something is different.
    """

    files: tuple[Source, ...] = field(repr=False)
    profiles: tuple[str, ...]
    faults: tuple[Fault, ...]
    notices: tuple[Notice, ...]
    paths: tuple[Path, ...]
    digest: str


def read_sources(
    paths: Sequence[str | Path | Text], profiles: Sequence[str], environ: Mapping[str, str]
) -> Sources:
    """Read all files that count, in order, and settle which profiles are active.

    Args:
        paths: files and directories as the user gave them.
        profiles: the profiles the user asked for.
        environ: the environment variables.
    """
    findings = Findings()
    reader = _Reader(findings)
    bases = [reader.base(path) for path in paths]
    first = [source for sources in bases for source in sources]
    active = _active(profiles, environ, first, findings)
    sources: list[Source] = []
    for path, base in zip(paths, bases, strict=True):
        sources += base
        if _is_directory(path):
            sources += reader.of_profiles(Path(str(path)), active, found_base=bool(base))
    faults, notices = tuple(findings.faults), tuple(findings.notices)
    return Sources(tuple(sources), active, faults, notices, reader.paths(), reader.digest(active))


def _is_directory(path: str | Path | Text) -> bool:
    try:
        return not isinstance(path, Text) and Path(path).is_dir()
    except (OSError, ValueError):
        return False


class _Reader:
    """Reads files and remembers what is wrong with them."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._paths: dict[Path, None] = {}
        self._digest = sha256()

    def paths(self) -> tuple[Path, ...]:
        """Return where it was looked."""
        return tuple(self._paths)

    def digest(self, profiles: tuple[str, ...]) -> str:
        """Return what tells whether anything that was read is different now."""
        told = self._digest.copy()
        told.update(repr(profiles).encode(errors="replace"))
        return told.hexdigest()

    def _note(self, name: str, content: bytes | str) -> None:
        about = content if isinstance(content, bytes) else content.encode(errors="replace")
        self._digest.update(repr((name, len(about))).encode(errors="replace"))
        self._digest.update(about)

    def base(self, path: str | Path | Text) -> list[Source]:
        """Read a file, or the files of a directory that belong to no profile."""
        if isinstance(path, Text):
            return [self._parsed(path.name, path.content)]
        if not _is_directory(path):
            return list(self._read(Path(path)))
        self._paths[Path(path)] = None
        return [s for stem in STEMS for s in self._of_stem(Path(path), stem)]

    def of_profiles(self, directory: Path, active: tuple[str, ...], *, found_base: bool) -> list[Source]:
        """Read the files of a directory that belong to profiles."""
        wanted = active if ALWAYS in active else (ALWAYS, *active)
        sources: list[Source] = []
        for profile in wanted:
            found = [s for stem in STEMS for s in self._of_stem(directory, f"{stem}-{profile}")]
            if not found and profile != ALWAYS:
                told = f"the profile {profile} has no file here ({STEMS[0]}-{profile}.yml)"
                self._findings.notice(Origin(str(directory)), told)
            sources += found
        if not sources and not found_base:
            names = ", ".join(f"{stem}.yml" for stem in STEMS)
            told = f"the directory has no configuration file ({names})"
            self._findings.fault(Origin(str(directory)), (), told)
        return sources

    def _of_stem(self, directory: Path, stem: str) -> Iterator[Source]:
        for suffix in SUFFIXES:
            path = directory / (stem + suffix)
            try:
                there = path.exists()
            except OSError:
                there = True  # reading it will tell what is wrong
            if there:
                yield from self._read(path)

    def _read(self, path: Path) -> Iterator[Source]:
        self._paths[path] = None
        try:
            content = content_of(path, MOST_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a usable name"
            self._findings.fault(Origin(str(path)), (), f"the file cannot be read: {reason}")
            self._note(str(path), reason)
            return
        yield self._parsed(str(path), content)

    def _parsed(self, name: str, content: bytes) -> Source:
        self._note(name, content)
        read = tuple(documents(content, name, self._findings))
        return Source(name, profile_of_file(Path(name).name), read)


def _active(
    profiles: Sequence[str],
    environ: Mapping[str, str],
    sources: Sequence[Source],
    findings: Findings,
) -> tuple[str, ...]:
    """Settle which profiles are active; the nearest to the user has the say."""
    asked = split_profiles(profiles, Origin("--profile"), findings)
    if asked or any(profiles):
        return asked
    if environ.get(_VARIABLE):
        origin = Origin(f"environment variable {_VARIABLE}")
        return split_profiles((environ[_VARIABLE],), origin, findings)
    for source in reversed(sources):
        if source.profile is None:
            for document in reversed(source.documents):
                found = find(document, _ACTIVE)
                if found is not None and not find(document, ("spring", "config", "activate")):
                    texts = _resolved(found, environ)
                    return split_profiles(texts, found.origin, findings)
    return ()


def _resolved(node: Node, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the profiles a value names; its placeholders can be environment variables only."""
    tree = Members({str(i): Scalar(t, node.origin) for i, t in enumerate(texts_of(node))}, node.origin)
    # What cannot be resolved is told later, when the whole tree is.
    resolved = resolve(tree, ROOT, environ, Findings())
    scalars = (lookup(resolved, (name,)) for name in resolved.members)
    return tuple(scalar.text for scalar in scalars if isinstance(scalar, Scalar))
