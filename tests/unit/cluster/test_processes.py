# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process is gone only where that is certain: on this machine, since this boot, in this PID namespace."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster import processes
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.processes import are_gone, of_this_machine
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.lease import Process, Processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells processes so")


@contextmanager
def sleeping() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as child:
        try:
            yield child
        finally:
            child.kill()


def named(*pids: int) -> Processes:
    found = of_this_machine(*pids)
    assert found is not None
    return found


def test_a_process_that_lives_is_not_gone_and_one_that_ended_is() -> None:
    with sleeping() as child:
        both = named(os.getpid(), child.pid)
        own = named(child.pid)
        assert not are_gone(own)
    assert are_gone(own)
    assert not are_gone(both)


def test_a_process_is_named_once() -> None:
    assert len(named(os.getpid(), os.getpid()).processes) == 1


def test_a_zombie_is_gone() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert are_gone(named(child.pid))
    child.wait()


def test_another_process_with_the_same_pid_is_not_the_one_that_is_gone() -> None:
    own = named(os.getpid())
    (process,) = own.processes
    assert are_gone(own._replace(processes=(process._replace(started=process.started - 1),)))


@pytest.mark.parametrize("machine", ["another-boot pid:[1]", ""])
def test_nothing_is_known_of_another_machine(machine: str) -> None:
    assert not are_gone(Processes(machine, (Process(2**22 - 1, 1),)))
    assert not are_gone(None)


def test_another_container_of_this_machine_is_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with sleeping() as child:
        theirs = named(child.pid)
    assert are_gone(theirs)
    readlink = os.readlink
    monkeypatch.setattr(os, "readlink", lambda path: "pid:[7]" if str(path).endswith("ns/pid") else readlink(path))
    assert not are_gone(theirs)


def test_a_process_of_another_user_that_is_hidden_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    own = named(os.getpid())

    def refuse(pid: int, number: int) -> None:
        assert number == 0
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    monkeypatch.setattr(processes, "_stat", lambda _pid: None)
    assert not are_gone(own)


@pytest.mark.parametrize("number", [2**31, 2**70])
def test_a_number_that_is_no_pid_says_nothing(number: int) -> None:
    own = named(os.getpid())
    assert not are_gone(own._replace(processes=(Process(number, 1),)))


def test_with_the_proc_of_another_namespace_no_process_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "readlink", lambda path: "pid:[7]" if str(path).endswith("ns/pid") else "1")
    assert of_this_machine(os.getpid()) is None


def test_where_a_process_cannot_be_read_none_is_named() -> None:
    with sleeping() as child:
        pid = child.pid
    assert of_this_machine(os.getpid(), pid) is None
