# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-lint over the collection's content, offline, with the collection resolvable by its name."""

from __future__ import annotations

import os
import subprocess
import sys

from . import layout


def main() -> int:
    with layout.copied("ansible-lint") as collection:
        # Ansible finds the collection's own modules and roles in the copy, not an installed version of them.
        env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collection.parents[2])}
        command = ["ansible-lint", "--offline", "--profile", "production", "--strict", "--nocolor"]
        return subprocess.run(command, cwd=collection, env=env, stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
