"""Reads configurations, with all that they name, and finds out what a gateway starts with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jairouter.auth.signing import Signing, read_signing
from jairouter.config.faults import ConfigurationFaults, Findings, Origin
from jairouter.config.loader import Loaded, Stored, alone, build, read
from jairouter.config.profiles import is_development
from jairouter.refusals import VersionNotFound
from jairouter.reloading.beginning import Beginning, begin
from jairouter.store.files import VersionFiles
from jairouter.upstream.tls_settings import ReadTls, read_tls

if TYPE_CHECKING:
    from jairouter.config.files import Sources, Text
    from jairouter.config.settings.root import Settings
    from jairouter.config.settings.store import StoreSettings
    from jairouter.control import Entry, Version


@dataclass(frozen=True)
class Checked(Loaded):
    """A configuration of which the files that it names are read as well.

    Attributes:
        tls: What it says about connections.
        signing: What it says about tokens.
    """

    tls: ReadTls = field(default_factory=lambda: ReadTls({}, ()))
    signing: Signing | None = None

    @property
    def development(self) -> bool:
        """Whether this is no gateway that anybody relies on."""
        return is_development(self.profiles)


class Reading:
    """Reads configurations from the places that the command line names. Blocks.

    Args:
        paths: Files and directories.
        profiles: That are active.
        environ: Environment variables.
        today: Seconds since the epoch.

    Attributes:
        tls: What is in force; of it is used again what has not changed.
    """

    def __init__(
        self,
        paths: Sequence[str | Path | Text],
        profiles: Sequence[str],
        environ: Mapping[str, str],
        today: Callable[[], float],
    ) -> None:
        self.tls: ReadTls | None = None
        self._paths = tuple(paths)
        self._profiles = tuple(profiles)
        self._environ = dict(environ)
        self._today = today

    def read(self) -> Sources:
        """Read the files."""
        return read(self._paths, self._profiles, self._environ)

    def build(self, sources: Sources, stored: Stored | None = None) -> Checked:
        """Make a configuration, and read what it names.

        Args:
            sources: The files.
            stored: Changes that lie over them.

        Raises:
            ConfigurationFaults: Something is wrong.
        """
        named = Named(datetime.fromtimestamp(self._today(), UTC), self.tls)
        loaded = build(sources, self._environ, stored, named)
        return Checked(**vars(loaded), tls=named.tls, signing=named.signing)

    def begin(self) -> Beginning:
        """Find out what a gateway starts with.

        Raises:
            ConfigurationFaults: The files alone are wrong.
        """
        sources = self.read()
        settings = alone(sources, self._environ, "store").store
        return begin(sources, self.build, open_files(settings, self._today) or _Nothing())


class Named:
    """Reads what settings name, while a configuration is built: a `jairouter.config.loader.Further`. Blocks.

    Args:
        now: By which certificates are valid.
        before: What was in force until now; of it is used again what has not changed.

    Attributes:
        tls: What they say about connections; of a configuration without faults.
        signing: What they say about tokens; None where none are accepted.
    """

    def __init__(self, now: datetime, before: ReadTls | None = None) -> None:
        self._now, self._before = now, before
        self.tls = ReadTls({}, ())
        self.signing: Signing | None = None

    def __call__(
        self, settings: Settings, origins: Mapping[str, Origin], profiles: tuple[str, ...], findings: Findings
    ) -> None:
        """Read them; what is wrong goes to the findings."""
        try:
            self.tls = read_tls(settings, origins, self._now, self._before)
        except ConfigurationFaults as faults:
            findings.faults += faults.faults
            findings.files += faults.files
        findings.notices += self.tls.notices
        if settings.security.tokens_on:
            jwt = settings.security.jwt
            self.signing = read_signing(jwt, origins, findings, is_development(profiles))


class _Nothing:
    """Where nothing is kept, there is nothing at the start."""

    def history(self) -> tuple[Entry, ...]:
        return ()

    def read(self, number: int) -> Version:
        raise VersionNotFound(f"there is no version {number}")


def open_files(settings: StoreSettings, today: Callable[[], float]) -> VersionFiles | None:
    """The files that versions are kept in; None where they are kept in memory.

    Args:
        settings: Of the store.
        today: Seconds since the epoch.
    """
    if settings.type == "memory":
        return None
    return VersionFiles(Path(settings.path), settings.max_versions, settings.lock_timeout, today)
