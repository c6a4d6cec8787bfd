"""Tests for `jairouter_plugin`, the module by which twistd learns of us."""

import subprocess
import sys

from twisted.application.service import IServiceMaker, ServiceMaker
from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase


class PluginTests(SynchronousTestCase):
    """Twisted finds our plugin, and loading it costs nothing."""

    def test_found_exactly_once(self) -> None:
        """Neither missing, nor seen twice through a checkout and an installation."""
        found = [
            maker.module
            for maker in getPlugins(IServiceMaker)
            if isinstance(maker, ServiceMaker) and maker.tapname == "jairouter"
        ]
        self.assertEqual(found, ["jairouter.tap"])

    def test_loads_nothing_of_ours(self) -> None:
        """A fault in jairouter cannot break the other twistd commands of the machine."""
        program = (
            "import sys, twisted.plugins.jairouter_plugin\n"
            "print(sorted(name for name in sys.modules if name.split('.')[0] == 'jairouter'))\n"
        )
        ran = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
        self.assertEqual((ran.stdout, ran.stderr), ("[]\n", ""))
