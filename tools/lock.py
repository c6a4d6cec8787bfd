"""Writes the lock files from pyproject.toml: exact versions, with the hashes of all their files.

``python tools/lock.py [pip-compile arguments]``. What is locked stays as it is while the ranges
admit it; ``--upgrade`` takes the newest, ``--upgrade-package NAME`` one of them.
"""

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent

# A lock is for every machine: it says what, never from where.
_OPTIONS = (
    "--quiet",
    "--generate-hashes",
    "--allow-unsafe",
    "--strip-extras",
    "--no-header",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-trusted-host",
    "--no-emit-options",
)


def compile_lock(name: str, source: str, arguments: Sequence[str], requirements: Sequence[str] = ()) -> None:
    """Write one lock file.

    Args:
        name: The file to write, in the checkout.
        source: The file that pip-compile reads, or ``-`` for the requirements given here.
        arguments: More options for pip-compile.
        requirements: What to lock when the source is ``-``.
    """
    command = [sys.executable, "-m", "piptools", "compile", *_OPTIONS, *arguments]
    subprocess.run(  # noqa: S603 - our own
        [*command, "--output-file", name, source],
        cwd=_ROOT,
        check=True,
        text=True,
        input="\n".join(requirements),
    )
    path = _ROOT / name
    note = "# Written by `make lock` from pyproject.toml; install with `pip install --require-hashes`.\n"
    # Standard input is called "-r -" in the file, which tells nobody anything.
    path.write_text(note + path.read_text().replace("-r -", "pyproject.toml"))


def main(arguments: Sequence[str]) -> None:
    """Write all lock files, each agreeing with those before it.

    Args:
        arguments: More options for pip-compile.
    """
    with (_ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    groups: dict[str, list[str]] = project["dependency-groups"]
    compile_lock("requirements.lock", "pyproject.toml", arguments)
    compile_lock(
        "requirements-build.lock",
        "-",
        ["--constraint", "requirements.lock", *arguments],
        # pip does the installing, so it is locked as well.
        [*project["build-system"]["requires"], "pip"],
    )
    compile_lock(
        "requirements-dev.lock",
        "-",
        [
            "--constraint",
            "requirements.lock",
            "--constraint",
            "requirements-build.lock",
            *arguments,
        ],
        [requirement for name, group in groups.items() if name != "fuzz" for requirement in group],
    )
    compile_lock(
        "requirements-fuzz.lock",
        "-",
        ["--constraint", "requirements-dev.lock", *arguments],
        groups["fuzz"],
    )


if __name__ == "__main__":
    main(sys.argv[1:])
