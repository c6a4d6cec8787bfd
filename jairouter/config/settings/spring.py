"""The few `spring.*` keys that mean something here."""

from jairouter.config.forms import Words
from jairouter.config.quantities import Seconds
from jairouter.config.settings.section import Section


class ApplicationSettings(Section):
    """What this installation calls itself."""

    name: Words = "jairouter"
    """Name of the application, for use as `${spring.application.name}` elsewhere."""


class ProfileSettings(Section):
    """Which variants of the configuration apply."""

    active: tuple[Words, ...] = ()
    """Profiles whose files (`application-<profile>.yml`) are read, in this order. The option
    `--profile` comes first, then the variable `SPRING_PROFILES_ACTIVE`, then this key in a file
    that belongs to no profile."""


class LifecycleSettings(Section):
    """How long stopping may take."""

    timeout_per_shutdown_phase: Seconds | None = None
    """Used as `server.drain.timeout` when that is not given."""


class SpringSettings(Section):
    """Keys of existing files that mean something here; others under `spring` are accepted."""

    application: ApplicationSettings = ApplicationSettings()
    profiles: ProfileSettings = ProfileSettings()
    lifecycle: LifecycleSettings = LifecycleSettings()
