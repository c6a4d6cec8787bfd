"""What we hand to users, tried the way users take it.

An sdist and a wheel are built from a copy of the checkout, then installed in fresh virtual
environments: the wheel as a user would, with its dependencies found by their ranges on the package
index; the sdist and the editable checkout with the locked versions, from files on disk.
"""

import atexit
import functools
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parents[2]

# What is made in a checkout and is no part of the source.
NOT_SOURCE = shutil.ignore_patterns(
    *(".git", ".venv", "build", "dist", "*.egg-info", "_trial_temp*", ".mypy_cache"),
    *(".ruff_cache", ".import_linter_cache", ".hypothesis", ".coverage*"),
    *("__pycache__", "*.pyc", "dropin.cache", "twistd.pid"),
)

# What points a Python or a pip at this process's environment instead of the fresh one.
MISLEADING = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_REQUIRE_VIRTUALENV", "PIP_TARGET"}

# Imports each module and loads each command: whatever they need must have come with them.
IMPORT_EVERYTHING = """
import importlib, importlib.metadata, pkgutil
import jairouter
for module in pkgutil.walk_packages(jairouter.__path__, "jairouter."):
    if not module.name.endswith(".__main__"):
        importlib.import_module(module.name)
for script in importlib.metadata.distribution("jairouter").entry_points:
    assert callable(script.load()), script
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program that must succeed, and return all that it printed."""
    environment = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    ran = subprocess.run(
        list(map(str, command)),
        check=False,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if ran.returncode:
        raise AssertionError(f"{command} exited with {ran.returncode}:\n{ran.stdout}")
    return ran.stdout


@functools.cache
def workplace() -> Path:
    """A folder outside the checkout, gone when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="jairouter-packaging-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "unrelated").mkdir()
    return folder


@functools.cache
def source() -> Path:
    """A copy of the checkout, so that building in it disturbs nobody."""
    return Path(shutil.copytree(ROOT, workplace() / "source", ignore=NOT_SOURCE))


@dataclass(frozen=True)
class Built:
    """What a release consists of."""

    sdist: Path
    wheel: Path


@functools.cache
def built() -> Built:
    """Build the sdist, and the wheel from it."""
    into = workplace() / "dist"
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", into, source(), cwd=source())
    (sdist,) = into.glob("*.tar.gz")
    (wheel,) = into.glob("*.whl")
    return Built(sdist, wheel)


@functools.cache
def wheelhouse() -> Path:
    """All locked packages as files: mostly from pip's cache, as they are installed here too."""
    into = workplace() / "wheelhouse"
    locks = ("-r", ROOT / "requirements.lock", "-r", ROOT / "requirements-build.lock")
    run(
        *(sys.executable, "-m", "pip", "-qq", "download", "--require-hashes", *locks),
        *("--dest", into),
        cwd=workplace(),
    )
    return into


def source_files(folder: str) -> set[str]:
    """The files under a folder of the copy, as paths from its top."""
    return {
        path.relative_to(source()).as_posix()
        for path in (source() / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


class SourceDistributionTests(SynchronousTestCase):
    """The sdist is the whole source."""

    def test_complete(self) -> None:
        """Tests, files for /etc, pages, news, benchmarks and locks travel with the code."""
        with tarfile.open(built().sdist) as archive:
            packed = {member.name.split("/", 1)[1] for member in archive.getmembers() if member.isfile()}
        folders = ["jairouter", "twisted_plugins", "tests", "etc", "docs", "newsfragments"]
        folders += ["benchmarks", "debian", "tools", ".ci"]
        wanted = {name for folder in folders for name in source_files(folder)}
        wanted |= {path.name for path in source().iterdir() if path.suffix in {".lock", ".toml"}}
        wanted |= {"Makefile", "MANIFEST.in", "README.md", "setup.py", "setup.cfg"}
        self.assertEqual(wanted - packed, set())


class WheelTests(SynchronousTestCase):
    """The wheel holds our package, our plugin, and nothing that is not ours."""

    def names(self) -> set[str]:
        """The files in the wheel but for its metadata."""
        with zipfile.ZipFile(built().wheel) as archive:
            return {name for name in archive.namelist() if ".dist-info/" not in name}

    def test_all_of_the_package(self) -> None:
        """Data files too: py.typed, and whatever else lies among the modules."""
        self.assertIn("jairouter/py.typed", self.names())
        self.assertEqual(source_files("jairouter") - self.names(), set())

    def test_every_folder_of_modules_is_a_package(self) -> None:
        """Without its `__init__.py` setuptools takes a folder of modules for data, and warns."""
        modules = {name for name in source_files("jairouter") if name.endswith(".py")}
        wanted = {f"{name.rpartition('/')[0]}/__init__.py" for name in modules}
        self.assertEqual(wanted - modules, set())

    def test_nothing_else(self) -> None:
        """No tests, no stray top-level package, and no `__init__.py` that shadows Twisted."""
        others = {name for name in self.names() if not name.startswith("jairouter/")}
        self.assertEqual(others, {"twisted/plugins/jairouter_plugin.py"})


class InstallationTests(SynchronousTestCase):
    """However it is installed, twistd and twist know us; once removed, they forget us."""

    def environment(self, name: str) -> Path:
        """Make a virtual environment without anything in it."""
        folder = workplace() / name
        run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=workplace())
        return folder

    def pip(self, environment: Path, *arguments: str | Path) -> str:
        """Run this Python's pip on another environment."""
        pip = (sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "-q")
        return run(*pip, *arguments, cwd=workplace())

    def try_out(self, environment: Path) -> None:
        """Check an installation from an unrelated folder, then remove it and check again."""
        bin_, elsewhere = environment / "bin", workplace() / "unrelated"
        for command in ("twistd", "twist"):
            self.assertRegex(
                run(bin_ / command, "--help", cwd=elsewhere),
                r"(?m)^ +jairouter +An AI model gateway$",
            )
        self.assertIn("--version", run(bin_ / "twistd", "-n", "jairouter", "--help", cwd=elsewhere))
        self.pip(environment, "check")
        run(bin_ / "python", "-c", IMPORT_EVERYTHING, cwd=elsewhere)

        self.pip(environment, "uninstall", "--yes", "jairouter")
        self.assertNotIn("jairouter", run(bin_ / "twistd", "--help", cwd=elsewhere))
        (site,) = (environment / "lib").glob("python3*/site-packages")
        self.assertEqual(list(missing_files(site, "twisted")), [])
        self.assertEqual([path.name for path in site.rglob("*jairouter*")], [])

    def test_wheel(self) -> None:
        """The ranges in our metadata are enough to find versions that work together today."""
        environment = self.environment("from-wheel")
        self.pip(environment, "install", built().wheel)
        self.try_out(environment)

    def test_sdist(self) -> None:
        """The sdist builds by itself, with nothing but its declared build requirements."""
        environment = self.environment("from-sdist")
        self.pip(environment, "install", "--no-index", "--find-links", wheelhouse(), built().sdist)
        self.try_out(environment)

    def test_editable(self) -> None:
        """A checkout installed as links: twistd sees the plugin, and edits are live."""
        environment = self.environment("editable")
        self.pip(
            environment,
            *("install", "--no-index", "--find-links", wheelhouse(), "--editable", source()),
        )
        edited = source() / "jairouter" / "__init__.py"
        before = edited.read_text()
        edited.write_text(before + "\nEDITED = True\n")
        self.addCleanup(edited.write_text, before)
        run(
            *(environment / "bin" / "python", "-c", "from jairouter import EDITED"),
            cwd=workplace() / "unrelated",
        )
        self.try_out(environment)


def missing_files(site: Path, name: str) -> Iterator[str]:
    """The files of an installed distribution that are no longer there."""
    (distribution,) = importlib.metadata.distributions(name=name, path=[str(site)])
    for file in distribution.files or ():
        if not Path(str(distribution.locate_file(file))).exists():
            yield str(file)


class LockTests(SynchronousTestCase):
    """The locks agree with pyproject.toml, and hold on any machine."""

    def pins(self, name: str) -> dict[str, str]:
        """The versions in a lock file, by canonical name."""
        found = re.findall(r"(?m)^([\w.-]+)==(\S+)", (ROOT / name).read_text())
        return {canonicalize_name(package): version for package, version in found}

    def asked_for(self) -> Iterator[tuple[str, Requirement]]:
        """Each requirement in pyproject.toml, with the lock that must satisfy it."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        groups = {
            "requirements.lock": [project["project"]["dependencies"]],
            "requirements-build.lock": [project["build-system"]["requires"]],
            "requirements-dev.lock": project["dependency-groups"].values(),
        }
        for lock, lists in groups.items():
            for requirements in lists:
                for requirement in requirements:
                    yield lock, Requirement(requirement)

    def test_satisfies_pyproject(self) -> None:
        """Whoever changes a range runs C{make lock}."""
        wrong = [
            f"{lock}: {requirement} is not locked, or to a version out of range"
            for lock, requirement in self.asked_for()
            if not requirement.specifier.contains(
                self.pins(lock).get(canonicalize_name(requirement.name), "0"), prereleases=True
            )
        ]
        self.assertEqual(wrong, [])

    def test_agree(self) -> None:
        """A package that is in two locks has one version, so both can be installed together."""
        pins: dict[str, set[str]] = {}
        for lock in ROOT.glob("requirements*.lock"):
            for name, version in self.pins(lock.name).items():
                pins.setdefault(name, set()).add(version)
        self.assertEqual({name: found for name, found in pins.items() if len(found) > 1}, {})

    def test_no_place(self) -> None:
        """They name packages only: no index, no host, no path."""
        for lock in ROOT.glob("requirements*.lock"):
            text = lock.read_text()
            self.assertNotRegex(text, r"(?m)://|^\s*--(?!hash)|^\S+ @ |\s/")


class DebianTests(SynchronousTestCase):
    """The Debian package says the same as the Python one."""

    def test_version(self) -> None:
        """A development version sorts before its release: C{.dev0} is spelt C{~dev0} there."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        first = (ROOT / "debian" / "changelog").read_text().splitlines()[0]
        self.assertRegex(first, rf"^jairouter \({re.escape(project['version'].replace('.dev', '~dev'))}\) ")
