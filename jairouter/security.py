"""From what is configured under `security` to what knows callers: a part of the composition root."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import LoopingCall

from jairouter.auditing import Event
from jairouter.auth.account_changes import AccountChanges
from jairouter.auth.accounts import Accounts
from jairouter.auth.gate import Gate
from jairouter.auth.guessing import Guessing
from jairouter.auth.jwks import PublishedKeys
from jairouter.auth.key_fetch import fetch_keys
from jairouter.auth.key_store import ApiKeys
from jairouter.auth.keys import KeyRing
from jairouter.auth.last_administrator import Left
from jairouter.auth.passwords import Passwords
from jairouter.auth.tokens import Tokens
from jairouter.auth.usage import Usage, UsageAdding
from jairouter.config.openings import is_open
from jairouter.filters.authenticate import Authenticate
from jairouter.filters.charge import Charge
from jairouter.interfaces import IRecorder
from jairouter.telemetry.audit.opening import begin_auditing
from jairouter.telemetry.refusals import RefusalRecord

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from jairouter.auditing import IAudit
    from jairouter.auth.signing import Elsewhere, Signing
    from jairouter.config.settings.root import Settings
    from jairouter.config.settings.security import SecuritySettings
    from jairouter.pipeline import Wrap
    from jairouter.request_body.spool import RunInThread
    from jairouter.store.document import Documents
    from jairouter.traffic.permits import Ledger
    from jairouter.upstream.endpoints import Dialing

PEPPER: Final = "api-keys"
PEPPER_BYTES: Final = 32
REFRESH: Final = 2.0
"""Seconds between two looks at what other gateways on the same store have changed: so long may a key that was
switched off through one of them be good at the others."""


@dataclass(frozen=True, slots=True)
class Means:
    """What it is made with, whatever is configured.

    Attributes:
        reactor: The clock.
        random: For keys, ids and salts.
        run_in_thread: For what blocks.
        today: Seconds since the epoch.
        registry: Of metrics.
        documents: What outlives the process.
        dialing: Connects to whoever publishes keys.
        ledger: Counts what is lent out.
    """

    reactor: Any
    random: Random
    run_in_thread: RunInThread
    today: Callable[[], float]
    registry: CollectorRegistry
    documents: Documents
    dialing: Callable[[], Dialing]
    ledger: Ledger


class Security:
    """Everything that knows callers, and records what they do.

    Blocks while it is made: for the start.

    Args:
        settings: What is configured.
        signing: What it says about tokens.
        development: Whether this is no gateway that anybody relies on.
        means: What it is made with.

    Attributes:
        settings: In force.
        gate: Knows callers; None with security off.
        auditing: The record.
        keys: The keys.
        accounts: The users.
        changes: Changes them.
        guessing: Counts who guesses.
        tokens: The tokens; None until some are accepted.

    Raises:
        StoreUnavailable: What is kept cannot be read.
        AuditUnusable: The record cannot be written.
    """

    def __init__(self, settings: Settings, signing: Signing | None, development: bool, means: Means) -> None:
        self._means = means
        documents, today = means.documents, means.today
        self.auditing = begin_auditing(
            settings, means.reactor, means.run_in_thread, today, means.random, means.registry
        )
        audit = self.auditing.audit
        self._peppered = False
        self._ring = KeyRing(means.random.randbytes(PEPPER_BYTES), today)
        self.prepare(settings.security)
        self._ring.configure(settings.security.api_key)
        self._usage = Usage(documents.open("usage"), self._ring, today)
        keys = documents.open("keys")
        users = documents.open("accounts", beside=keys)
        self.keys = ApiKeys(keys, self._ring, today, means.random, audit, self._usage)
        self.guessing = Guessing(settings.security.jwt.lockout)
        passwords = Passwords(means.run_in_thread)
        self.accounts = Accounts(users, passwords, self.guessing, means.reactor, today, audit)
        self.changes = AccountChanges(
            self.accounts,
            today,
            audit,
            lambda: self.keys.left(keys.latest()) if self.settings.keys_on else Left.NOBODY,
        )
        self.keys.others_may = lambda: self.changes.left(users.latest()) if self._issues else Left.NOBODY
        self._logins = documents.open("tokens")
        self.tokens: Tokens | None = None
        self.accounts.call_on_change(self._distrust)
        self._adding = UsageAdding(self._usage, means.reactor)
        self._looking = LoopingCall(self._refresh)
        self._looking.clock = means.reactor
        self.gate: Gate | None = None
        self.configure(settings.security, signing, development)

    def tokens_now(self) -> Tokens | None:
        """What knows tokens; None while they are not accepted."""
        return self.tokens if self.settings.tokens_on else None

    @property
    def audit(self) -> IAudit:
        """Is told what happens."""
        return self.auditing.audit

    def is_open(self, path: str) -> bool:
        """See `jairouter.web.guard.Guard`."""
        return is_open(self.settings.excluded_paths, path)

    def recorders(self, settings: SecuritySettings) -> Sequence[IRecorder]:
        """Those who are told how each exchange ended, by these settings."""
        refusals = RefusalRecord(self.audit)
        return (self._usage, refusals) if settings.keys_on else (refusals,)

    def prepare(self, settings: SecuritySettings) -> None:
        """See to what `configure` will need and may fail. Blocks; may be called in a thread.

        Raises:
            StoreUnavailable: The secret that keys are kept with can be neither read nor made.
        """
        if settings.keys_on and not self._peppered:
            random = self._means.random
            self._ring.season(self._means.documents.secret(PEPPER, partial(random.randbytes, PEPPER_BYTES)))
            self._peppered = True

    def configure(self, settings: SecuritySettings, signing: Signing | None, development: bool) -> None:
        """Go by other settings from now on; after `prepare`.

        Args:
            settings: The settings.
            signing: What they say about tokens.
            development: See the class.

        Raises:
            Exception: A checker of accounts cannot be made; then nothing has changed.
        """
        self.accounts.configure(settings.jwt, development)
        self.settings = settings
        self._ring.configure(settings.api_key)
        if signing is not None and settings.tokens_on:
            if self.tokens is None:
                self.tokens = self._make_tokens(signing)
                if self._looking.running:
                    self.tokens.review()
            else:
                self.tokens.configure(signing)
        self.gate = self.gate_for(settings)

    def gate_for(self, settings: SecuritySettings) -> Gate | None:
        """What knows callers by these settings; None with security off."""
        if not settings.on:
            return None
        return Gate(
            self._ring if settings.keys_on else None,
            self.tokens if settings.tokens_on else None,
            settings.api_key.header_name,
            settings.jwt.jwt_header,
        )

    def filters(self, settings: SecuritySettings) -> tuple[Wrap | None, Wrap | None]:
        """Authenticate and Charge by these settings; both None with security off."""
        gate = self.gate_for(settings)
        if gate is None:
            return None, None
        paths = settings.excluded_paths
        opened = partial(is_open, paths) if paths else None
        seconds = self._means.reactor.seconds
        return (
            partial(Authenticate, gate=gate, audit=self.audit, is_open=opened),
            partial(Charge, ledger=self._means.ledger, seconds=seconds),
        )

    def start(self) -> None:
        """Follow what other gateways change, and add up what is counted."""
        self._adding.startService()
        self._looking.start(REFRESH, now=False)
        if self.tokens is not None:
            self.tokens.review()
        self.audit.record(Event("GATEWAY_STARTED"))

    def stop(self) -> Deferred[Any]:
        """Leave nothing behind. Fires when all is written."""
        self.audit.record(Event("GATEWAY_STOPPED"))
        if self._looking.running:
            self._looking.stop()
        if self.tokens is not None:
            self.tokens.close()
        added = self._adding.stopService() if self._adding.running else self._usage.flush()
        return added.addBoth(lambda _: self.auditing.close())

    def _refresh(self) -> Deferred[Any]:
        return DeferredList(self._means.documents.refresh())

    def _make_tokens(self, signing: Signing) -> Tokens:
        means = self._means

        def permissions_of(username: str) -> frozenset[str] | None:
            account = self.accounts.active(username)
            return None if account is None else account.permissions

        def roles_of(username: str) -> Sequence[str] | None:
            account = self.accounts.active(username)
            return None if account is None else account.roles

        return Tokens(
            signing,
            self._logins,
            means.today,
            means.random,
            self.audit,
            permissions_of,
            roles_of,
            self._publish,
            self.accounts.standing,
        )

    def _publish(self, elsewhere: Elsewhere, changed: Callable[[], None]) -> PublishedKeys:
        def fetch(url: str, tls: Any) -> Deferred[bytes]:
            return fetch_keys(self._means.dialing(), url, tls)

        return PublishedKeys(elsewhere, fetch, self._means.reactor.seconds, changed)

    def _distrust(self, username: str) -> None:
        if self.tokens is not None:
            self.tokens.distrust(username)

    @property
    def _issues(self) -> bool:
        """Whether users can get a token here."""
        tokens = self.tokens_now()
        return tokens is not None and tokens.issues
