# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What antsibull-changelog makes in a copy of the checkout comes back into it, and nothing else does."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.gates import changelog, layout


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two fragments, of which its copy lies beside it."""
    for name in ("checkout", "a/b/c/copy"):
        (tmp_path / name / changelog.FRAGMENTS).mkdir(parents=True)
        for fragment in ("used.yml", "left.yml"):
            (tmp_path / name / changelog.FRAGMENTS / fragment).touch()
    monkeypatch.setattr(changelog, "CHECKOUT", tmp_path / "checkout")
    monkeypatch.setattr(layout, "copied", lambda _purpose: contextlib.nullcontext(tmp_path / "a" / "b" / "c" / "copy"))
    return tmp_path / "checkout"


def release(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def run(command: list[str], *, cwd: Path, **_more: Any) -> subprocess.CompletedProcess[bytes]:
        for path in changelog.WRITTEN:
            (cwd / path).write_text("new")
        (cwd / changelog.FRAGMENTS / "used.yml").unlink()
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(subprocess, "run", run)


def test_the_changelog_comes_back_and_used_fragments_go(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release(monkeypatch, 0)
    assert changelog.main() == 0
    assert [(checkout / path).read_text() for path in changelog.WRITTEN] == ["new", "new"]
    assert [path.name for path in (checkout / changelog.FRAGMENTS).iterdir()] == ["left.yml"]


def test_a_release_that_fails_changes_nothing(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release(monkeypatch, 3)
    assert changelog.main() == 3
    assert not (checkout / "CHANGELOG.md").exists()
    assert sorted(path.name for path in (checkout / changelog.FRAGMENTS).iterdir()) == ["left.yml", "used.yml"]
