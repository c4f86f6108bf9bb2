# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name of a run is that of ansible-playbook, whichever of its workers calls."""

from __future__ import annotations

import getpass
import multiprocessing
import os
import socket
from typing import Any, Callable

import pytest

pytest.importorskip("ansible")

from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.lock import this_run as run_of
from ansible_collections.calico_ops.rollout.plugins.plugin_utils import _run
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._run import this_run


def told(results: Any, host: str) -> None:
    results.put((this_run(host), os.getpid()))


def in_a_worker(host: str) -> tuple[dict[str, Any], int]:
    """As Ansible starts its workers."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    worker = context.Process(target=told, args=(results, host))
    worker.start()
    found: tuple[dict[str, Any], int] = results.get(timeout=60)
    worker.join()
    return found


def test_every_worker_names_the_process_that_started_it() -> None:
    (first, one), (second, two) = in_a_worker("localhost"), in_a_worker("localhost")
    assert one != two
    assert first == second
    assert first["pid"] == os.getpid()
    assert first["name"].startswith(f"{getpass.getuser()}@{socket.gethostname()}_{os.getpid()}_")


def test_another_playbook_has_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    first = this_run("localhost")
    monkeypatch.setattr(_run, "_PLAYBOOK", "another")
    assert this_run("localhost")["name"] != first["name"]


@pytest.mark.parametrize("error", [KeyError("uid not found"), OSError("no user")])
def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", refuse)
    assert this_run("localhost")["name"].startswith(f"{os.getuid()}@")


@pytest.mark.parametrize("find", [this_run, lambda host: in_a_worker(host)[0]], ids=["here", "worker"])
def test_the_module_takes_it(find: Callable[[str], dict[str, Any]]) -> None:
    given = find("localhost")
    run = run_of({"machine": None, "pid": None, "started": None, **given})
    assert run.holder.name == given["name"]
    assert run.goes_on()
