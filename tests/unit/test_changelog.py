# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What antsibull-changelog makes in a copy of the checkout comes back into it, and nothing else does."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.environment.places import CHECKOUT
from tests.gates import changelog, layout


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two fragments, of which its copy lies beside it."""
    for name in ("checkout", "a/b/c/copy"):
        (tmp_path / name / changelog.FRAGMENTS).mkdir(parents=True)
        for fragment in ("used.yml", "left.yml"):
            (tmp_path / name / changelog.FRAGMENTS / fragment).touch()
    (tmp_path / "checkout" / "galaxy.yml").write_text("version: 0.2.0\n")
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


def test_a_release_below_what_is_new_is_refused(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    release(monkeypatch, 0)
    (checkout / "plugins" / "modules").mkdir(parents=True)
    (checkout / "plugins" / "modules" / "show.py").write_text('    version_added: "0.10.0"\n')
    assert changelog.main() == 1
    assert "galaxy.yml has version 0.2.0, and some plugins and roles are new in 0.10.0" in capsys.readouterr().err
    assert not (checkout / "CHANGELOG.md").exists()


def test_what_is_new_names_the_next_release() -> None:
    releases = yaml.safe_load((CHECKOUT / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))["releases"]
    named = {version for versions in changelog.added(CHECKOUT).values() for version in versions}
    coming = named - set(releases)
    assert len(coming) <= 1
    assert all(changelog.ordered(version) > max(map(changelog.ordered, releases)) for version in coming)


def test_a_module_that_is_in_no_release_names_the_next_one() -> None:
    releases = yaml.safe_load((CHECKOUT / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))["releases"]
    released = {module["name"] for release in releases.values() for module in release.get("modules", [])}
    found = changelog.added(CHECKOUT)
    for source in (CHECKOUT / "plugins" / "modules").glob("*.py"):
        versions = found[source.relative_to(CHECKOUT)]
        assert (source.stem in released) == bool(versions & set(releases)), source.stem
