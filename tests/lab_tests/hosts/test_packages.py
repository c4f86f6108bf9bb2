# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The set-up installs what lab hosts are made with, or says in one line what to install."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.environment.places import CHECKOUT
from tests.lab.hosts import packages


def without(*commands: str) -> object:
    """shutil.which on a machine that lacks these commands."""
    which = shutil.which
    return lambda name, path=None: None if name in commands else which(name, path=path)


def test_nothing_is_missing_where_lab_hosts_run() -> None:
    assert packages.missing() == []


def test_missing_packages_are_named_as_debian_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", without("sshd", "ip"))
    assert packages.missing() == ["openssh-server", "iproute2"]


def test_a_system_python_without_seccomp_is_missing_its_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "INTERPRETER", "/bin/false")
    assert packages.missing() == ["python3-seccomp"]


def test_a_machine_that_cannot_fake_a_clock_is_missing_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "faketime_library", lambda: None)
    assert packages.missing() == ["libfaketime"]


def test_where_nothing_can_be_installed_one_line_names_it_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", without("sshd", "sudo", "apt-get"))
    assert packages.main() == 1
    printed = capsys.readouterr()
    assert (printed.out + printed.err).splitlines() == [
        "Please install what the lab's hosts are made with: openssh-server sudo"
    ]


def test_an_installed_sshd_is_not_started_as_a_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    switch = tmp_path / "ssh" / "sshd_not_to_be_run"
    there_at_installation: list[bool] = []
    monkeypatch.setattr(packages, "NO_SERVICE", switch)

    def apt(*arguments: str) -> int:
        there_at_installation.append(switch.exists())
        return 0

    monkeypatch.setattr(packages, "_apt", apt)
    packages.install(["openssh-server"])
    assert there_at_installation == [True]


def test_the_set_up_can_ask_before_it_has_an_environment() -> None:
    command = ["/usr/bin/python3", "-s", "-S", "-m", "tests.lab.hosts.packages"]  # -S: without site-packages
    done = subprocess.run(command, cwd=CHECKOUT, env={"PATH": "/usr/bin"}, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
