# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the checkout laid out as Ansible's tools want it: ansible_collections/NAMESPACE/NAME, a git repository of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.environment import checkout
from tests.environment.places import cache, collection_in, locked, of_this_checkout

# Nobody's own git settings: no signing, no hooks, no templates.
GIT_ENV = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "gates",
    "GIT_AUTHOR_EMAIL": "gates@localhost",
    "GIT_COMMITTER_NAME": "gates",
    "GIT_COMMITTER_EMAIL": "gates@localhost",
}


@contextmanager
def copied(purpose: str) -> Iterator[Path]:
    """The copy's collection folder; fresh each time, one user at a time."""
    root = of_this_checkout(cache() / "gates") / purpose
    with locked(f"gates-{purpose}"):
        shutil.rmtree(root, ignore_errors=True)
        target = collection_in(root)
        checkout.copy(checkout.files(), target)
        for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "as checked"]):
            subprocess.run(["git", *command], cwd=target, env={**os.environ, **GIT_ENV}, check=True)
        yield target
