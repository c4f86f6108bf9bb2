# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab leaves nothing behind, whatever became of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.lab.errors import LabError
from tests.lab.eventually import eventually
from tests.lab.hosts import HostSpec
from tests.lab.lab import Lab
from tests.lab.places import REPOSITORY, lab_directory, labs_root


@pytest.fixture
def second() -> Iterator[Lab]:
    """A lab that is not up, beside the one of all tests."""
    lab = Lab(f"second-{os.getpid()}")
    yield lab
    lab.down()


@pytest.fixture
def third() -> Iterator[Lab]:
    """Another one."""
    lab = Lab(f"third-{os.getpid()}")
    yield lab
    lab.down()


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "tests.lab", *words]


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(*words), cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_two_labs_run_side_by_side(second: Lab, third: Lab) -> None:
    """Brought up at once: neither takes a port, a bridge, an address or a node from the other, nor does its end."""
    with ThreadPoolExecutor(2) as pool:
        ups = [pool.submit(lab.up, [HostSpec("edge-1")], operator=False) for lab in (second, third)]
    for up in ups:
        up.result()
    assert set(second.record()["ports"].values()).isdisjoint(third.record()["ports"].values())
    (here,), (there,) = second.hosts, third.hosts
    assert here.address.rsplit(".", 1)[0] != there.address.rsplit(".", 1)[0]
    second.add_node("only-here")
    assert third.admin.get_or_none("/api/v1/nodes/only-here") is None
    processes = third.daemons.alive()
    second.down()
    assert not here.alive
    assert there.alive
    assert there.ssh(["hostname"]).stdout == "edge-1\n"
    assert third.daemons.alive() == processes
    assert [node["metadata"]["name"] for node in third.admin.list("/api/v1/nodes")] == ["edge-1"]


def test_an_up_that_was_killed_midway_is_cleaned_by_down(second: Lab) -> None:
    process = subprocess.Popen(
        _command("up", "--name", second.name, "--no-operator"), cwd=REPOSITORY, stdout=subprocess.DEVNULL
    )
    eventually(lambda: second.daemons.pid("kube-apiserver"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert second.daemons.strays() != []
    assert _run("down", "--name", second.name).returncode == 0
    assert second.daemons.strays() == []
    assert not second.directory.exists()


def test_a_daemon_that_no_pid_file_knows_is_found_and_ended(second: Lab) -> None:
    second.directory.mkdir(parents=True)
    second.daemons.start("lost", ["sleep", "300"])
    (second.directory / "pids" / "lost").unlink()
    (stray,) = second.daemons.strays()
    second.down()
    assert not Path(f"/proc/{stray}").exists()


def test_a_pid_that_belongs_to_somebody_else_by_now_is_left_alone(second: Lab) -> None:
    with subprocess.Popen(["sleep", "300"]) as stranger:
        pids = second.directory / "pids"
        pids.mkdir(parents=True)
        (pids / "etcd").write_text(f"{stranger.pid}\n")
        second.down()
        assert stranger.poll() is None
        stranger.kill()


def test_a_lab_whose_api_server_was_killed_says_so_and_comes_up_again(second: Lab) -> None:
    second.up(operator=False)
    for name in ("etcd", "kube-apiserver"):
        os.kill(second.daemons.alive()[name], signal.SIGKILL)
    eventually(lambda: "etcd" not in second.daemons.alive())
    status = _run("status", "--name", second.name)
    assert status.returncode == 1
    assert re.search(r"broken .*etcd", status.stderr)
    second.down()
    second.up(operator=False)
    assert second.admin.get("/version")["minor"] == "36"


def test_a_host_of_the_lab_is_a_node_with_its_identity_and_goes_with_the_lab(second: Lab) -> None:
    second.up(hosts=[HostSpec("only-1", groups=["edge"], labels={"tier": "edge"})], operator=False)
    (host,) = second.hosts
    node = second.admin.get("/api/v1/nodes/only-1")
    info = node["status"]["nodeInfo"]
    assert (info["machineID"], info["systemUUID"], info["bootID"]) == (host.machine_id, host.system_uuid, host.boot_id)
    assert node["status"]["addresses"][0] == {"type": "InternalIP", "address": host.address}
    assert node["metadata"]["labels"]["tier"] == "edge"
    assert list(yaml.safe_load(second.inventory.read_text())["all"]["children"]["edge"]["hosts"]) == ["only-1"]
    second.down()
    assert not host.alive


def test_a_lab_that_was_taken_down_leaves_no_file(second: Lab) -> None:
    second.directory.mkdir(parents=True)
    second.down()
    assert [path.name for path in labs_root().glob(f"*{second.name}*")] == []


def test_a_lab_that_is_up_is_not_started_again(lab: Lab) -> None:
    with pytest.raises(LabError, match="up already"):
        lab.up()


@pytest.mark.parametrize("name", ["", "../x", "Upper", "-a", "a" * 21])
def test_a_name_that_could_not_name_a_device_or_a_folder_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="is no lab name"):
        lab_directory(name)


def test_without_root_the_lab_says_that_it_needs_root(second: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(LabError, match="must run as root"):
            second.up()


def test_elsewhere_than_on_linux_the_lab_says_that_it_needs_linux(second: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sys, "platform", "darwin")
        with pytest.raises(LabError, match="Linux only"):
            second.up()


def test_secrets_of_a_lab_are_readable_by_root_only(lab: Lab) -> None:
    assert lab.directory.stat().st_mode & 0o077 == 0
    for path in (lab.kubeconfig, lab.admin_kubeconfig, lab.operator_kubeconfig, lab.audit_log):
        assert path.stat().st_mode & 0o077 == 0
