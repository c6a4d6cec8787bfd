"""Packaging that pyproject.toml cannot express: where the twistd plugin goes.

Twisted finds plugins by looking into every ``twisted/plugins`` folder on ``sys.path``; this installs
ours there as a single module, without shadowing Twisted's own package.
"""

from setuptools import find_packages, setup

setup(
    packages=find_packages(include=["jairouter", "jairouter.*"]),
    package_dir={"twisted.plugins": "twisted_plugins"},
    py_modules=["twisted.plugins.jairouter_plugin"],
    # py.typed and other data files inside jairouter/, as far as MANIFEST.in names them: all.
    include_package_data=True,
)
