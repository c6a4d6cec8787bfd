"""Settings of who may call, and with what."""

from typing import Self

from pydantic import model_validator

from jairouter.config.forms import Switch, Words
from jairouter.config.settings.api_keys import ApiKeySettings
from jairouter.config.settings.auditing import AuditSettings
from jairouter.config.settings.changes import ChangesSettings
from jairouter.config.settings.outbound import OutboundSettings
from jairouter.config.settings.pages import PageHeadersSettings
from jairouter.config.settings.sanitization import SanitizationSettings
from jairouter.config.settings.section import Section, refuse
from jairouter.config.settings.tokens import JwtSettings
from jairouter.config.settings.validation import ValidationSettings


class SecuritySettings(Section):
    """Who may call, and with what. `jairouter.security` is the same."""

    enabled: Switch | None = None
    """Whether callers have to be known; `security.api-key.enabled` and `security.jwt.enabled` say how. Not
    given, they have to be as soon as one of these two is true; with false, anybody may call all the same."""

    excluded_paths: tuple[Words, ...] = ()
    """Paths at which anybody may use models, such as `/v1/embeddings`, or see which there are (`/v1/models`);
    `*` and `**` are placeholders. A route is open under both of its paths (`/v1`, `/api/v1`) if one of them
    fits. The management API is never among them."""

    api_key: ApiKeySettings = ApiKeySettings()
    jwt: JwtSettings = JwtSettings()
    validation: ValidationSettings = ValidationSettings()
    sanitization: SanitizationSettings = SanitizationSettings()
    audit: AuditSettings = AuditSettings()
    headers: PageHeadersSettings = PageHeadersSettings()
    outbound: OutboundSettings = OutboundSettings()
    changes: ChangesSettings = ChangesSettings()

    @property
    def on(self) -> bool:
        """Whether callers have to be known."""
        return self.keys_on or self.tokens_on

    @property
    def keys_on(self) -> bool:
        """Whether callers may be known by a key."""
        return self.enabled is not False and self.api_key.enabled

    @property
    def tokens_on(self) -> bool:
        """Whether callers may be known by a token."""
        return self.enabled is not False and self.jwt.enabled

    @model_validator(mode="after")
    def _check_there_is_a_way(self) -> Self:
        if self.enabled and not self.on:
            raise refuse("needs api-key.enabled or jwt.enabled, or nobody could call", "enabled")
        return self
