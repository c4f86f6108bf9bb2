# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment chooses the right Python, and its parts are made anew exactly when what they are made of changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.environment import checkout, collection, interpreters, steps, virtualenv
from tests.environment.__main__ import variables
from tests.environment.places import CHECKOUT, NAME, NAMESPACE, collection_in


def shim(folder: Path, name: str, answer: str) -> Path:
    """An executable that answers the probe; with no answer it fails, as a pyenv shim without a version does."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {answer}\n" if answer else "#!/bin/sh\nexit 127\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("ignored\n")
    (tmp_path / "one").write_text("1")
    monkeypatch.setattr(checkout, "CHECKOUT", tmp_path)
    return tmp_path


def test_a_python_that_does_not_run_is_not_taken(tmp_path: Path) -> None:
    assert not interpreters.works(str(shim(tmp_path, "python3.13", "")), (3, 13))


def test_a_python_that_is_another_version_than_its_name_says_is_not_taken(tmp_path: Path) -> None:
    assert not interpreters.works(str(shim(tmp_path, "python3.13", "3.11")), (3, 13))


def test_the_newest_patch_of_a_version_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    for patch in ("9", "10"):
        shim(tmp_path, f"versions/3.12.{patch}/bin/python3.12", "3.12")
    assert "3.12.10" in next(iter(interpreters.candidates((3, 12))))


@pytest.mark.parametrize(("core", "chosen"), [("newest", 13), ("2.16", 12)])
def test_the_newest_version_that_works_and_that_the_core_runs_on_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, core: str, chosen: int
) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("CALICO_OPS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CALICO_OPS_PYTHON", raising=False)
    for version, answer in ((14, ""), (13, "3.13"), (12, "3.12")):
        shim(tmp_path, f"versions/3.{version}.0/bin/python3.{version}", answer)
    monkeypatch.setenv("PATH", "")
    made = []
    of_this_machine_too = interpreters.candidates
    monkeypatch.setattr(
        interpreters,
        "candidates",
        lambda version: [path for path in of_this_machine_too(version) if path.startswith(str(tmp_path))],
    )
    monkeypatch.setattr(virtualenv, "_make", lambda core, python, version: made.append((python, version)))
    virtualenv.ready(virtualenv.CORES[core])
    assert made == [(str(tmp_path / f"versions/3.{chosen}.0/bin/python3.{chosen}"), (3, chosen))]


def pins(core: str) -> dict[str, str]:
    lines = virtualenv.CORES[core].requirements.read_text().splitlines()
    named = (line.partition(";")[0].partition("==") for line in lines if "==" in line)
    return {name.strip().lower(): version.strip() for name, _equals, version in named}


def test_what_is_tested_with_is_the_same_for_every_core_but_for_what_is_tested() -> None:
    newest, old = pins("newest"), pins("2.16")
    differing = {name for name in newest.keys() & old.keys() if newest[name] != old[name]}
    # resolvelib: ansible-galaxy of each core wants its own.
    assert differing == {"ansible", "ansible-core", "kubernetes", "resolvelib"}


def test_the_oldest_client_that_is_promised_is_the_one_that_is_tested() -> None:
    assert f"kubernetes>={pins('2.16')['kubernetes']}" in (CHECKOUT / "requirements.txt").read_text().splitlines()


def test_a_forced_python_of_no_supported_version_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = shim(tmp_path, "python3.6", "3.6")
    monkeypatch.setenv("CALICO_OPS_PYTHON", str(old))
    with pytest.raises(steps.SetupError, match=str(old)):
        interpreters.forced()


def test_files_of_the_project_are_tracked_and_new_ones_but_not_ignored_ones(repository: Path) -> None:
    (repository / "ignored").write_text("")
    subprocess.run(["git", "add", "one"], cwd=repository, check=True)
    (repository / "two").write_text("2")
    assert checkout.files() == [".gitignore", "one", "two"]


def test_a_deleted_file_is_no_file_of_the_project(repository: Path) -> None:
    subprocess.run(["git", "add", "one"], cwd=repository, check=True)
    (repository / "one").unlink()
    assert checkout.files() == [".gitignore"]


@pytest.mark.parametrize("change", ["content", "mode", "name"])
def test_every_change_of_a_file_makes_a_new_tarball(repository: Path, change: str) -> None:
    before = checkout.digest(checkout.files())
    if change == "content":
        (repository / "one").write_text("2")
    elif change == "mode":
        (repository / "one").chmod(0o755)
    else:
        (repository / "one").rename(repository / "other")
    assert checkout.digest(checkout.files()) != before


def test_the_tarball_is_installed_also_where_the_user_has_this_version(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("galaxy.yml", "README.md"):
        shutil.copy(CHECKOUT / name, repository)
    home = repository / "ignored"
    theirs = collection_in(home / ".ansible" / "collections")
    theirs.mkdir(parents=True)
    version = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text())["version"]
    about = {"namespace": NAMESPACE, "name": NAME, "version": version, "dependencies": {}}
    (theirs / "MANIFEST.json").write_text(json.dumps({"collection_info": about, "format": 1}))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("CALICO_OPS_CACHE", str(home / "cache"))
    assert (collection_in(collection.installed(Path(sys.prefix))) / "README.md").is_file()


def test_a_collection_that_a_run_beside_may_use_is_kept_and_one_of_old_goes(tmp_path: Path) -> None:
    now = time.time()
    for number in range(collection.KEPT + 3):
        (tmp_path / f"recent-{number}").mkdir()
    for number in range(2):
        (tmp_path / f"old-{number}").mkdir()
        os.utime(tmp_path / f"old-{number}", (now, now - collection.UNUSED_SECONDS - 60))
    collection._forget_old(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"recent-{number}" for number in range(collection.KEPT + 3)
    ]


def test_settings_of_the_callers_shell_do_not_reach_the_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "null")
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
    env = variables(tmp_path / "venv", tmp_path / "collections")
    assert not {"ANSIBLE_STDOUT_CALLBACK", "PYTHONSTARTUP"} & set(env)
    assert env["ANSIBLE_COLLECTIONS_PATH"] == str(tmp_path / "collections")
    assert env["PATH"].startswith(str(tmp_path / "venv" / "bin"))


def test_a_step_that_fails_shows_what_the_command_said(tmp_path: Path) -> None:
    with pytest.raises(steps.SetupError, match="no space left"):
        steps.step(
            "a step", [sys.executable, "-c", "raise SystemExit('no space left')"], log=tmp_path / "log", timeout=30
        )


def test_a_step_past_its_time_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(steps.SetupError, match="given up"):
        steps.step("a step", [sys.executable, "-c", "import time; time.sleep(60)"], log=tmp_path / "log", timeout=0.5)
