"""Settings of what the pages for operators tell browsers to keep to."""

from jairouter.config.forms import Switch
from jairouter.config.quantities import Seconds
from jairouter.config.settings.section import Section


class PageHeadersSettings(Section):
    """Headers by which browsers are told to be careful with answers that are not a model's.

    These are the answers of the management API, of the actuator, and the pages about them.
    """

    enabled: Switch = True
    """Whether such headers are sent: `X-Content-Type-Options`, `X-Frame-Options`, `Referrer-Policy`,
    `Cache-Control: no-store`, `Content-Security-Policy` and `Strict-Transport-Security`."""

    hsts: Seconds = 365 * 86400.0
    """How long browsers are told to come over HTTPS only (`Strict-Transport-Security`), where they came over
    HTTPS: to this listener, or to a trusted proxy that says so in `X-Forwarded-Proto`. 0 to say nothing."""
