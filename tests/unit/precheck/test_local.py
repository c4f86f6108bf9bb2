# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Felix takes for granted on its own host, as files and the kernel's list of locks tell it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps import local
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps.root import Root

from tests.unit.precheck.builders import judgement
from tests.unit.precheck.kernels import healthy, knowing
from tests.unit.precheck.trees import tree


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("127.0.0.1 localhost\n::1 ip6-localhost localhost\n", ["127.0.0.1", "::1"]),
        ("127.0.0.1\tnode-1 LOCALHOST. # as it came\n", ["127.0.0.1"]),
        ("# 127.0.0.1 localhost\n127.0.0.1 node-1 # localhost\n", []),
        ("127.0.0.1 localhost.localdomain\n", []),
        ("localhost 127.0.0.1\n", []),
        ("", []),
    ],
)
def test_localhost_is_read_from_the_file_as_go_reads_it(tmp_path: Path, text: str, addresses: list[str]) -> None:
    assert local.localhost(tree(tmp_path, {"/etc/hosts": text})) == addresses


def locked(base: Path, holder: int, line: str = "FLOCK  ADVISORY  WRITE") -> Root:
    """A host on which this process has the lock, by the kernel's own list of locks."""
    root = tree(base, {"/run/xtables.lock": "", f"/proc/{holder}/comm": "iptables\n"})
    keep(base, holder, line)
    return root


def keep(base: Path, holder: int, line: str = "FLOCK  ADVISORY  WRITE") -> None:
    file = os.stat(base / "run/xtables.lock")
    name = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    others = f"1: POSIX  ADVISORY  WRITE 5 {name}9 0 EOF\n2: -> {line} 9 {name} 0 EOF\n"
    (base / "proc/locks").write_text(f"{others}3: {line} {holder} {name} 0 EOF\n", encoding="ascii")


def test_who_keeps_the_lock_of_iptables_is_named(tmp_path: Path) -> None:
    naps: list[float] = []
    assert local.lock_holder(locked(tmp_path, 77), naps.append) == {
        "pid": 77,
        "program": "iptables",
        "seconds": sum(naps),
    }


def test_who_has_the_lock_for_a_moment_is_not_named(tmp_path: Path) -> None:
    root = locked(tmp_path, 77)
    assert local.lock_holder(root, lambda _seconds: keep(tmp_path, 78)) is None


def test_a_lock_that_nobody_has_costs_no_time(tmp_path: Path) -> None:
    root = locked(tmp_path, 77)
    (tmp_path / "proc/locks").write_text("", encoding="ascii")

    def nap(_seconds: float) -> None:
        raise AssertionError("nobody has the lock")

    assert local.lock_holder(root, nap) is None
    (tmp_path / "run/xtables.lock").unlink()
    assert local.lock_holder(root, nap) is None


def test_the_holder_is_named_in_the_finding() -> None:
    facts = knowing(healthy(), xtables_lock={"pid": 77, "program": "iptables", "seconds": 0.75})
    found = judgement("xtables_lock_free", facts)
    assert "iptables (pid 77)" in found.message
    assert found.observed == "/run/xtables.lock held for 0.75 s or longer"
