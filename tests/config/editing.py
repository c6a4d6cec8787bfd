"""What the tests of edits share: a gateway's configuration that is edited, version by version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jairouter.config.loader import Loaded, Stored, Text, build, read
from jairouter.config.patch import secrets_in
from jairouter.control import Changes, Edit

FILE = """\
server.port: 8081
model:
  rate-limit: {enabled: true}
  services:
    chat:
      load-balance: round-robin
      rate-limit: {capacity: 100}
      instances:
      - name: gpt-4
        base-url: https://api.openai.com/
        path: /v1/chat/completions
        weight: 1
        headers: {Authorization: 'Bearer ${OPENAI}', X-Team: s3cret}
      - {name: local, base-url: '${LOCAL}', api-key: s3cret}
    embedding:
      instances: [{name: bge, base-url: 'http://[::1]:9000'}]
"""
ENVIRON = {
    "OPENAI": "k3y",
    "LOCAL": "http://localhost:8000",
    "SECURITY_CHANGES_VARIABLES": "OPENAI,NEXT",
}
GPT = "gpt-4@https://api.openai.com/v1/chat/completions"


class Edited:
    """A configuration that is edited.

    Args:
        text: of its file.
        environ: the environment variables.
        changes: what is stored before.
    """

    def __init__(
        self, text: str = FILE, environ: Mapping[str, str] = ENVIRON, changes: Changes | None = None
    ) -> None:
        self._environ = environ
        self._sources = read([Text("a.yml", text.encode())], (), environ)
        self.version = 0
        self.changes: Changes = {}
        self.loaded: Loaded = build(self._sources, environ)
        if changes is not None:
            self._take(changes)

    def _take(self, changes: Changes) -> None:
        self.loaded = build(self._sources, self._environ, Stored(self.version + 1, changes))
        self.changes = changes
        self.version += 1

    def __call__(self, edit: Edit) -> Edited:
        """Make one edit; one that changes nothing makes no version."""
        changes = edit(self.loaded, self.changes)
        assert not secrets_in(changes)
        if changes is not self.changes:
            self._take(changes)
        return self

    def refiled(self, text: str) -> Edited:
        """Lay the same changes over another file."""
        return Edited(text, self._environ, self.changes)

    def of(self, service: str) -> Any:
        """What is stored of a service."""
        return self.changes.get("model", {}).get("services", {}).get(service)

    def instances(self, service: str = "chat") -> dict[str, Any]:
        """The instances of a service that apply, by name."""
        return {each.name: each for each in self.loaded.settings.model.services[service].instances}
