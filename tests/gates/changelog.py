# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the fragments of changelogs/fragments into the changelog of the version that galaxy.yml names.

Until a release raises it, galaxy.yml has the version of the last one, and what is new names the next one in `version_added`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tests.environment.places import CHECKOUT

from . import layout

FRAGMENTS = Path("changelogs", "fragments")
ADDED = re.compile(r"^ *version_added: [\"']?([0-9.]+)[\"']?$", re.MULTILINE)
WRITTEN = (Path("CHANGELOG.md"), Path("changelogs", "changelog.yaml"))


def added(checkout: Path) -> dict[Path, set[str]]:
    """The versions that each plugin and each role names for what is new in them."""
    sources = [
        *checkout.glob("plugins/**/*.py"),
        *checkout.glob("plugins/**/*.yml"),
        *checkout.glob("roles/*/meta/*.yml"),
    ]
    found = {source: {*ADDED.findall(source.read_text(encoding="utf-8"))} for source in sources}
    return {source.relative_to(checkout): versions for source, versions in found.items() if versions}


def ordered(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def main() -> int:
    version = str(yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))["version"])
    newer = {each for versions in added(CHECKOUT).values() for each in versions if ordered(each) > ordered(version)}
    if newer:
        sys.stderr.write(
            f"galaxy.yml has version {version}, and some plugins and roles are new in {', '.join(sorted(newer))}. "
            "Raise the version in galaxy.yml and in plugins/module_utils/_kube/client.py, then run it again.\n"
        )
        return 1
    # It asks ansible-doc for the plugins that are new, so the collection has to lie where Ansible finds it.
    with layout.copied("changelog") as copy:
        env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(copy.parents[2])}
        done = subprocess.run(
            ["antsibull-changelog", "release", "--update-existing"],
            cwd=copy,
            env=env,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            return done.returncode
        for path in WRITTEN:
            shutil.copyfile(copy / path, CHECKOUT / path)
        for fragment in (CHECKOUT / FRAGMENTS).glob("*.y*ml"):
            if not (copy / FRAGMENTS / fragment.name).exists():
                fragment.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
