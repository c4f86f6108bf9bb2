# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as Ansible sees it: the checkout itself behind a link, or the built tarball installed offline."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from . import checkout
from .places import CHECKOUT, NAME, NAMESPACE, cache, collection_in, locked
from .steps import SetupError, step

TIMEOUT = 300.0
KEPT = 5
UNUSED_SECONDS = 24 * 3600.0
"""A collection that was begun with more recently may be in use: several checkouts share the cache, and a test run takes long."""


def linked() -> Path:
    """A collections path whose calico_ops.rollout is the checkout."""
    root = cache() / "linked" / hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]
    link = collection_in(root)
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        with locked("linked"):
            if not link.is_symlink():
                link.symlink_to(CHECKOUT, target_is_directory=True)
    return root


def installed(venv: Path) -> Path:
    """A collections path that holds the tarball built from the checkout as it is now, and nothing else."""
    names = checkout.files()
    root = cache() / "collections" / checkout.digest(names)
    with locked("collections"):
        if _holds_collection(root):
            os.utime(root)
        else:
            shutil.rmtree(root, ignore_errors=True)
            _build_and_install(venv, names, root)
            _forget_old(root.parent)
    return root


def _holds_collection(root: Path) -> bool:
    return (collection_in(root) / "MANIFEST.json").is_file()


def _build_and_install(venv: Path, names: list[str], root: Path) -> None:
    root.parent.mkdir(parents=True, exist_ok=True)
    log = cache() / "logs" / "collection.log"
    galaxy = str(venv / "bin" / "ansible-galaxy")
    env = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_") and key != "PYTHONPATH"}
    with tempfile.TemporaryDirectory(dir=cache(), prefix="build-") as scratch:
        source, target = Path(scratch, "source"), Path(scratch, "installed")
        checkout.copy(names, source)
        build = [galaxy, "collection", "build", str(source), "--output-path", scratch]
        step("collection tarball", build, log=log, timeout=TIMEOUT, cwd=source, env=env)
        (tarball,) = Path(scratch).glob(f"{NAMESPACE}-{NAME}-*.tar.gz")
        # --offline: a dependency that crept in would fail here instead of being fetched. --force: it would do nothing where
        # the user has this version among the collections of their own.
        install = [
            galaxy,
            "collection",
            "install",
            str(tarball),
            "--collections-path",
            str(target),
            "--offline",
            "--force",
        ]
        step(f"{tarball.name} installed offline", install, log=log, timeout=TIMEOUT, cwd=source, env=env)
        if not _holds_collection(target):
            raise SetupError(f"ansible-galaxy installed nothing, and said: {log.read_text(encoding='utf-8')}")
        target.rename(root)


def _forget_old(folder: Path) -> None:
    by_age = sorted(((path.stat().st_mtime, path) for path in folder.iterdir()), reverse=True)
    for used, root in by_age[KEPT:]:
        if time.time() - used > UNUSED_SECONDS:
            shutil.rmtree(root)
