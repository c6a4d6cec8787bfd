"""What the tests of backups share."""

from __future__ import annotations

import os
from pathlib import Path

from jairouter.store.backup_directory import BackupDirectory
from tests.store.rig import StoreTestCase


class BackupTestCase(StoreTestCase):
    """A store that nothing is stored in yet, and a configuration file."""

    def setUp(self) -> None:
        super().setUp()
        self.where = self.path / "backups"
        self.configuration = self.path.parent / "jairouter.yml"
        self.configuration.write_text("server: {port: 1}")
        self.directory = self.make_directory()

    def make_directory(self, max_backups: int = 3, compress: bool = True) -> BackupDirectory:
        return BackupDirectory(self.where, self.path, max_backups, compress, self.today)

    def make(self) -> Path | None:
        return self.directory.make([self.configuration])

    @property
    def archives(self) -> list[str]:
        names = os.listdir(self.where) if self.where.exists() else []
        return sorted(each for each in names if each != ".lock")
