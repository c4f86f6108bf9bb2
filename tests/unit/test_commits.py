# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The subject of a commit is short and imperative, and old history is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environment.places import CHECKOUT
from tests.gates.commits import LENGTH, complaints, made_since, main, subject_of
from tests.gates.layout import GIT_ENV


def git(repository: Path, *arguments: str, at: str = "2027-01-01T00:00:00Z") -> None:
    environment = {**os.environ, **GIT_ENV, "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    subprocess.run(["git", *arguments], cwd=repository, env=environment, check=True, capture_output=True)


def commit(repository: Path, subject: str, at: str = "2027-01-01T00:00:00Z") -> None:
    git(repository, "commit", "--quiet", "--allow-empty", "--message", subject, at=at)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    return tmp_path


@pytest.mark.parametrize(
    "subject",
    [
        "Let a stop carry what it puts back",
        "Address a node by its name",
        "Need root for the lab",
        "Bring the lab up once",
        "Focus on one node",
        'Revert "Added a thing that was never good, and that has a subject which is long by itself"',
        "x" * LENGTH,
    ],
)
def test_an_imperative_subject_passes(subject: str) -> None:
    assert complaints(subject) == []


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("Added a lock", "'Added' is the past tense"),
        ("Adding a lock", "'Adding' is a gerund"),
        ("Adds a lock", "'Adds' is the third person"),
        ("The selector is refused", "'The' is no verb"),
        ("x" * (LENGTH + 1), "73 characters, and may have 72"),
        ("", "there is none"),
    ],
)
def test_another_subject_is_told_what_is_wrong(subject: str, told: str) -> None:
    (complaint,) = complaints(subject)
    assert told in complaint


def test_commits_from_before_the_rule_are_left_alone(repository: Path) -> None:
    commit(repository, "Told of old", at="2026-01-01T00:00:00Z")
    commit(repository, "Add a thing")
    assert [subject for _name, subject in made_since(repository)] == ["Add a thing"]


def test_commits_from_before_the_last_tag_are_left_alone(repository: Path) -> None:
    commit(repository, "Released")
    git(repository, "tag", "--annotate", "--message", "one", "1.0.0")
    commit(repository, "Add a thing")
    assert [subject for _name, subject in made_since(repository)] == ["Add a thing"]


def test_a_clone_without_tags_and_history_is_read_as_far_as_it_goes(repository: Path, tmp_path: Path) -> None:
    commit(repository, "Add one")
    commit(repository, "Add two")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", str(clone))
    assert [subject for _name, subject in made_since(clone)] == ["Add two"]


def test_a_wrong_subject_fails_the_gate_by_name(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(repository, "Adds a thing")
    monkeypatch.chdir(repository)
    assert main([]) == 1
    assert "'Adds a thing': 'Adds' is the third person" in capsys.readouterr().out
    assert main(["--message", str(message(repository, "Add a thing"))]) == 0


def message(folder: Path, text: str) -> Path:
    path = folder / "message"
    path.write_text(text)
    return path


def test_comments_and_empty_lines_of_a_message_are_not_its_subject() -> None:
    assert subject_of("\n# Please enter\nAdd a thing\n\nWhy.\n") == "Add a thing"


@pytest.mark.parametrize(("text", "code"), [("Add a thing\n", 0), ("Added a thing\n", 1)])
def test_the_hook_needs_nothing_but_a_python(tmp_path: Path, text: str, code: int) -> None:
    (tmp_path / "python3").symlink_to(sys.executable)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.defpath}"}
    hook = [str(CHECKOUT / ".githooks" / "commit-msg"), str(message(tmp_path, text))]
    assert subprocess.run(hook, cwd=CHECKOUT, env=environment, capture_output=True, check=False).returncode == code
