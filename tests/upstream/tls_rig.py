"""What the tests of TLS settings have in common."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.faults import ConfigurationFaults
from jairouter.config.files import Text
from jairouter.config.loader import Loaded, load
from jairouter.upstream.tls_settings import ReadTls, read_tls
from tests.upstream.authority import NOW, issued, root, stranger, trust_store, write

URL = "https://10.0.0.1:8443"


class SettingsCase(SynchronousTestCase):
    """A folder with files, and configurations that name them."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        mine = issued("gateway.test")
        self.files = write(
            folder,
            root_pem=root().pem,
            other_pem=stranger().pem,
            trust_p12=trust_store("opensesame", stranger().certificate),
            mine_pem=mine.pem,
            mine_key=mine.key_pem("opensesame"),
            both_pem=mine.pem + mine.key_pem(),
            mine_p12=mine.store("opensesame"),
        )
        self.none = str(folder / "none.pem")

    @staticmethod
    def load(*instances: dict[str, Any], ssl: dict[str, Any] | None = None) -> Loaded:
        """One service; each instance is what is beside its name and address. One key on each line."""
        listed = [{"name": f"m{n}", "base-url": URL, "path": f"/{n}", **i} for n, i in enumerate(instances)]
        tree: dict[str, Any] = {"model": {"services": {"chat": {"instances": listed}}}}
        if ssl is not None:
            tree["webclient"] = {"ssl": ssl}
        return load([Text("a.yml", json.dumps(tree, indent=1).encode())], (), {})

    def read(
        self, *instances: dict[str, Any], ssl: dict[str, Any] | None = None, old: ReadTls | None = None
    ) -> ReadTls:
        loaded = self.load(*instances, ssl=ssl)
        return read_tls(loaded.settings, loaded.origins, NOW, old)

    def faults(self, *instances: dict[str, Any], ssl: dict[str, Any] | None = None) -> list[str]:
        error = self.assertRaises(ConfigurationFaults, self.read, *instances, ssl=ssl)
        return [f"{fault.path}: {fault.text}" for fault in error.faults]

    def notices(self, *instances: dict[str, Any], ssl: dict[str, Any] | None = None) -> list[str]:
        return [notice.text for notice in self.read(*instances, ssl=ssl).notices]
