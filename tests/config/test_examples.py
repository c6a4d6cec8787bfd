"""Tests of the configuration files that are shipped as examples."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import yaml
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.doors import WARNING, open_doors
from jairouter.config.faults import ConfigurationFaults
from jairouter.config.loader import load

ROOT = Path(__file__).resolve().parents[2]
SECURITY = ROOT / "etc" / "examples" / "application-security.yml"
GUIDE = Path(__file__).parent / "guide"
HASH = "$2b$12$FEjkBMopN441OVWQf4v28uYfzlq4CdQWzxUfyC2XPJpcL0IayGANS"
ENVIRON = {
    "FRONTEND_KEY_HASH": f"sha256:{sha256(b'x').hexdigest()}",
    "BACKEND_KEY": "sk-Vr9cXf3LhT0wQZ8mN2kYbJ6uGd4EsPaR",
    "JWT_SECRET": "yKjeGm-7feWk6b8vwotn21smSKT8M5NMppeJoxABmG8vggCSyYnWkmRV-B",
    "ADMIN_PASSWORD_HASH": HASH,
    "OPERATOR_PASSWORD_HASH": HASH,
}


class SecurityTests(SynchronousTestCase):
    """``etc/examples/application-security.yml``."""

    def test_it_is_valid_and_nothing_in_it_is_weak(self) -> None:
        loaded = load([SECURITY], ["prod"], ENVIRON)
        self.assertEqual([str(each) for each in loaded.notices if "weak" in each.text], [])
        self.assertEqual(loaded.settings.security.api_key.keys[1].permissions[2], "config:write")
        doors = [each for each in open_doors(loaded.settings) if not each.startswith(WARNING)]
        self.assertNotIn("models: anybody", doors)

    def test_it_does_not_start_with_secrets_left_out(self) -> None:
        for name in ENVIRON:
            environ = {each: value for each, value in ENVIRON.items() if each != name}
            faults = self.assertRaises(ConfigurationFaults, load, [SECURITY], ["prod"], environ)
            self.assertIn(name, str(faults))

    def test_it_is_the_guides_in_all_but_secrets(self) -> None:
        """Name by name; so it is noticed when one of the two is changed."""
        shipped = yaml.safe_load(SECURITY.read_text())["security"]
        for folder, part in (("api-keys", "api-key"), ("jwt", "jwt"), ("validation", "validation")):
            [file] = (GUIDE / folder).glob("*.yml")
            printed = yaml.safe_load(file.read_text())["security"][part]
            self.assertEqual(_without_secrets(shipped[part]), _without_secrets(printed))


def _without_secrets(value: object) -> object:
    if isinstance(value, list):
        return [_without_secrets(each) for each in value]
    if isinstance(value, dict):
        secret = ("value", "value-hash", "secret", "password")
        return {name: _without_secrets(each) for name, each in value.items() if name not in secret}
    return value
