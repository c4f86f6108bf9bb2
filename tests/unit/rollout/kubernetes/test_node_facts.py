# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.node_facts import node_facts

RAW = {
    "metadata": {"name": "edge-1", "uid": "u-1", "labels": {"tier": "edge"}},
    "spec": {"unschedulable": True},
    "status": {
        "addresses": [
            {"type": "Hostname", "address": "edge-1"},
            {"type": "InternalIP", "address": "10.0.0.1"},
            {"type": "ExternalIP", "address": "203.0.113.1"},
            {"type": "InternalIP", "address": "fd00::1"},
        ],
        "nodeInfo": {
            "machineID": "0123456789abcdef0123456789abcdef",
            "systemUUID": "4C4C4544-0042-3510-8052-B4C04F4E3632",
            "bootID": "",
            "architecture": "arm64",
            "operatingSystem": "linux",
        },
    },
}


def test_facts_are_what_tells_a_node_from_others() -> None:
    assert {key: value for key, value in node_facts(RAW).items() if key != "object"} == {
        "name": "edge-1",
        "uid": "u-1",
        "labels": {"tier": "edge"},
        "machine_id": "0123456789abcdef0123456789abcdef",
        "system_uuid": "4c4c4544-0042-3510-8052-b4c04f4e3632",
        "boot_id": None,
        "internal_ips": ["10.0.0.1", "fd00::1"],
        "architecture": "arm64",
        "os": "linux",
        "unschedulable": True,
        "calico_ready": False,
        "quarantined": None,
        "batch": None,
    }


def test_a_node_that_no_kubelet_has_reported_on_has_no_facts_but_its_labels() -> None:
    facts = node_facts(
        {"metadata": {"name": "new", "labels": {"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"}}}
    )
    assert (facts["machine_id"], facts["internal_ips"], facts["unschedulable"]) == (None, [], False)
    assert (facts["os"], facts["architecture"]) == ("linux", "arm64")
