# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are: the checkout, and the cache outside it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
NAMESPACE = "calico_ops"
NAME = "rollout"


def cache() -> Path:
    """The root of all that is kept between runs; CALICO_OPS_CACHE moves it."""
    given = os.environ.get("CALICO_OPS_CACHE")
    if given:
        return Path(given).absolute()
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home).absolute() / "calico-ops-rollout"


def of_this_checkout(folder: Path) -> Path:
    """A place in a folder of the cache that no other checkout uses."""
    return folder / f"{CHECKOUT.name}-{hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]}"


def collection_in(root: Path) -> Path:
    """Where the collection lies below a collections path."""
    return root / "ansible_collections" / NAMESPACE / NAME


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """One process at a time makes a thing in the cache; the others wait and then find it made."""
    folder = cache() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / name, "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
