# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building the lab's programs: once, one at a time, and whole or not at all. Go is played by a script here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import binaries as module
from tests.lab.binaries import Tool, binaries, kubernetes_version, pod_tools, tools
from tests.lab.errors import LabError
from tests.lab.eventually import eventually
from tests.lab.places import REPOSITORY

FAKE_GO = """#!{python}
import os, pathlib, sys, time
if sys.argv[1] == "env":
    sys.exit(print("go{version}"))
pathlib.Path({calls!r}).open("a").write(" ".join(sys.argv) + "\\n")
print("k8s.io/some/package", flush=True)
time.sleep(float(os.environ.get("FAKE_GO_SECONDS", "0")))
if "FAKE_GO_FAILS" in os.environ:
    sys.exit("main.go:7: it does not compile")
output = pathlib.Path(sys.argv[sys.argv.index("-o") + 1])
for package in sys.argv[sys.argv.index("-o") + 2 :]:
    name = pathlib.Path.cwd().name if package == "." else package.rsplit("/", 1)[-1]
    (output / name).write_text("a program")
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the Go of this test notes its calls; the cache is empty and no ready binaries are named."""
    folder, calls = tmp_path / "go", tmp_path / "calls"
    folder.mkdir()
    calls.touch()
    go = folder / "go"
    go.write_text(FAKE_GO.format(python=sys.executable, version="1.99.0", calls=str(calls)))
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALICO_OPS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LAB_BIN", raising=False)
    return calls


def _silent(_text: str) -> None:
    return


def _builds(calls: Path) -> int:
    return len(calls.read_text().splitlines())


def test_every_program_is_built_once(calls: Path) -> None:
    first = binaries(_silent)
    assert all(path.exists() for path in first.values())
    assert binaries(_silent) == first
    assert _builds(calls) == len(tools())


def test_what_real_pods_need_is_built_when_it_is_asked_for(calls: Path) -> None:
    found = binaries(_silent, pod_tools())
    assert all(path.exists() for path in found.values())
    assert {"kubelet", "containerd", "ptp", "kube-network-policies"} <= set(found)
    assert not {"etcd", "kube-apiserver"} & set(found)
    assert _builds(calls) == len(pod_tools())
    assert "-tags no_btrfs,no_zfs,no_devmapper" in calls.read_text()


def test_kubernetes_is_stamped_with_the_version_in_its_go_mod(calls: Path) -> None:
    binaries(_silent)
    assert f"version.gitVersion=v{kubernetes_version()} " in calls.read_text()


def test_a_changed_go_sum_is_another_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOOLS", tmp_path)
    tool = Tool("etcd", {"etcd": "."})
    tool.directory.mkdir()
    (tool.directory / "go.sum").write_text("one")
    before = tool.key()
    (tool.directory / "go.sum").write_text("two")
    assert tool.key() != before


@pytest.mark.usefixtures("calls")
def test_a_build_that_fails_tells_the_compilers_words_and_leaves_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_GO_FAILS", "1")
    with pytest.raises(LabError, match=r"building etcd failed.*\n(.*\n)*.*does not compile"):
        binaries(_silent)
    monkeypatch.delenv("FAKE_GO_FAILS")
    assert all(path.exists() for path in binaries(_silent).values())


def test_a_build_that_was_killed_is_done_anew_once_its_compiler_has_stopped(calls: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.lab", "build"],
        cwd=REPOSITORY,
        env={**os.environ, "FAKE_GO_SECONDS": "3"},
        stdout=subprocess.DEVNULL,
    )
    eventually(lambda: _builds(calls) == 1)
    process.kill()
    process.wait()
    assert [path.name[:10] for path in (tmp_path / "cache" / "bin").glob(".b*")] == [".building-"]
    said: list[str] = []
    binaries(said.append)
    assert said[0] == "another build is under way: waiting for it"
    assert list((tmp_path / "cache" / "bin").glob(".b*")) == []


def test_a_second_build_waits_for_the_first_and_takes_what_it_made(calls: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-m", "tests.lab", "build"],
        cwd=REPOSITORY,
        env={**os.environ, "FAKE_GO_SECONDS": "2"},
        stdout=subprocess.DEVNULL,
    )
    eventually(lambda: _builds(calls) == 1)
    said: list[str] = []
    binaries(said.append)
    assert first.wait() == 0
    assert "another build is under way: waiting for it" in said
    assert _builds(calls) == len(tools())


@pytest.mark.usefixtures("calls")
def test_a_long_build_says_what_it_builds_and_for_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TELL_EVERY", 0.3)
    monkeypatch.setenv("FAKE_GO_SECONDS", "1")
    said: list[str] = []
    binaries(said.append)
    assert "  still building etcd: 0:00, 1 packages compiled" in said


def test_ready_binaries_are_taken_as_they_are(calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for tool in tools():
        for program in tool.programs:
            (tmp_path / program).touch(mode=0o755)
    monkeypatch.setenv("LAB_BIN", str(tmp_path))
    assert binaries(_silent)["kubectl"] == tmp_path / "kubectl"
    assert _builds(calls) == 0


def test_ready_binaries_that_are_not_all_there_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etcd").touch(mode=0o755)
    monkeypatch.setenv("LAB_BIN", str(tmp_path))
    with pytest.raises(LabError, match="has no kwok, kube-apiserver"):
        binaries(_silent)
