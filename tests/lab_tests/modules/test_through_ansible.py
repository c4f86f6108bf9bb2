# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module for the cluster, as a task of a playbook: it takes and returns there what it takes and returns alone.

The other tests run modules alone. What Ansible adds is here, with each module once, and in the tests of the playbooks.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.lab.calico import ADDRESSES
from tests.lab.lab import Lab
from tests.lab.modules import Modules, eventually

pytestmark = [pytest.mark.ansible, pytest.mark.oldest_core]

CALLS: dict[str, dict[str, Any]] = {
    "rollout_info": {},
    "calico_settings": {"installation_spec": ADDRESSES},
    "node_labels": {
        "nodes": ["a"],
        "labels": {"example.org/colour": "red"},
        "annotations": {"example.org/note": "a b"},
    },
    "node_taints": {"selector": "example.org/open", "taints": [{"key": "example.org/closed", "effect": "NoSchedule"}]},
    "installation_scope": {"create": True, "spec": ADDRESSES},
    "node_readiness": {"nodes": ["a"], "timeout": 1},
}
# What Ansible writes into each result, and what no two calls share.
OF_ANSIBLE = {"action", "exception", "invocation", "_ansible_no_log", "stderr", "stderr_lines"}
OF_THE_MOMENT = {"elapsed", "read_at", "selector_since", "uid"}


@pytest.fixture(scope="module")
def modules(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Modules:
    lab.reset()
    lab.add_node("a", {"example.org/open": "", "rollout.calico-ops.dev/admitted": "true"})
    lab.add_node("b")
    modules = Modules(lab, tmp_path_factory.mktemp("modules"))
    # What a new cluster tells of itself changes for a while: the operator writes its statuses every 5 s.
    eventually(lambda: told(modules) == told(modules, after=6), "nothing changes")
    return modules


def told(modules: Modules, after: float = 0) -> Any:
    time.sleep(after)
    return comparable(modules.run("rollout_info").result)


@pytest.fixture(scope="module")
def played(modules: Modules) -> dict[str, dict[str, Any]]:
    return modules.play(CALLS, check=True, diff=True)


@pytest.mark.parametrize("module", CALLS)
def test_a_module_returns_through_ansible_what_it_returns_alone(
    modules: Modules, played: dict[str, dict[str, Any]], module: str
) -> None:
    alone = modules.run(module, check=True, diff=True, **CALLS[module])
    assert alone.writes == []
    assert comparable(played[module]) == comparable(alone.result)


def comparable(result: Any) -> Any:
    if isinstance(result, dict):
        return {key: comparable(value) for key, value in result.items() if key not in OF_ANSIBLE | OF_THE_MOMENT}
    return [comparable(value) for value in result] if isinstance(result, list) else result
