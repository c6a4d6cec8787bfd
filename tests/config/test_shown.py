"""Tests for `jairouter.config.shown`: what may be shown, and what may be stored."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.faults import Origin
from jairouter.config.naming import KeyPath
from jairouter.config.secret import MASK
from jairouter.config.shape import Leaf, at
from jairouter.config.shown import is_secret, shown
from jairouter.config.tree import Scalar
from jairouter.config.values import ROOT

INSTANCE: KeyPath = ("model", "services", "chat", "instances", 0)


def leaf(*path: str) -> Leaf:
    """What stands at a place of an instance."""
    found = at(ROOT, (*INSTANCE, *path))
    assert isinstance(found, Leaf)
    return found


class SecretTests(SynchronousTestCase):
    """Which texts say a secret, and which only where it is."""

    def check(self, where: Leaf, *, secret: tuple[str, ...], harmless: tuple[str, ...]) -> None:
        for text in (*secret, *harmless):
            is_one = text in secret
            self.assertEqual(is_secret(where.form, text), is_one, text)
            seen = shown(where, Scalar(text, Origin("a file")))
            self.assertEqual(MASK in str(seen), is_one, text)
            if not is_one:
                self.assertEqual(seen, text)

    def test_headers(self) -> None:
        """A default, and whatever else is written beside a placeholder, may be the secret itself."""
        self.check(
            leaf("headers", "Authorization"),
            secret=(
                "sk-live",
                "${KEY:sk-live}",
                "sk-live${KEY}",
                "Bearer sk-live${KEY}",
                "${KEY}-sk-live",
                "${A:${B:sk-live}}",
                "Bearer \\${KEY}",
            ),
            harmless=("${KEY}", "Bearer ${KEY}", "${USER}:${PASSWORD}", "Basic ${a.b-c_1}", "${KEY:}"),
        )

    def test_paths(self) -> None:
        """A query may hold a key."""
        self.check(
            leaf("path"),
            secret=("/v1?key=sk-live", "/v1?key=${KEY:sk-live}", "/v1?a=${A}&key=sk-live", "/${V}?sk-live"),
            harmless=("/v1", "/v1?key=${KEY}", "/${V}/chat?a=${A}&key=${KEY}", "/${V:v1}/chat"),
        )

    def test_addresses(self) -> None:
        self.check(
            leaf("base-url"),
            secret=("http://me:sk-live@host", "http://me:sk-live@${HOST}"),
            harmless=("http://host:1", "http://${HOST}:1", "http://${HOST:localhost}:8000"),
        )
