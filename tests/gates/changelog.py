# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the fragments of changelogs/fragments into the changelog of the version that galaxy.yml names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.environment.places import CHECKOUT

from . import layout

FRAGMENTS = Path("changelogs", "fragments")
WRITTEN = (Path("CHANGELOG.md"), Path("changelogs", "changelog.yaml"))


def main() -> int:
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
