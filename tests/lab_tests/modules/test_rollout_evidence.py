# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Against a real API server: evidence for another Calico than the cluster's is refused before the first write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.options import DEFAULTS
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.for_calico import noted

from tests.lab.lab import Lab
from tests.lab.modules import Modules
from tests.plans import plan_of

pytestmark = pytest.mark.operator

CHECKED: dict[str, Any] = {**DEFAULTS, "encapsulation": "vxlan", "pod_cidrs": ["10.244.0.0/16"]}
POOL = {"cidr": "10.244.0.0/16", "encapsulation": "IPIP"}
ANOTHER = {"calicoNetwork": {"linuxDataplane": "BPF", "ipPools": [POOL]}}
FITTING = {"calicoNetwork": {"ipPools": [{**POOL, "encapsulation": "VXLAN"}]}}


@pytest.fixture
def modules(cluster: Lab, tmp_path: Path) -> Modules:
    for name in ("a", "b"):
        cluster.add_node(name)
    return Modules(cluster, tmp_path)


def plan(settings: Any = CHECKED) -> Any:
    return plan_of(["a", "b"], evidence=[{"settings": settings, "nodes": {"a": "h-a", "b": "h-b"}}])


@pytest.mark.parametrize("check", [True, False])
def test_prechecks_for_vxlan_and_iptables_do_not_let_bpf_and_ipip_in(modules: Modules, check: bool) -> None:
    outcome = modules.run("rollout_step", check=check, plan=plan(), installation_spec=ANOTHER, max_duration=5)
    assert outcome["outcome"] == "stopped"
    told = outcome["report"]["reason"]
    assert told.startswith("evidence_for_another_calico: ")
    assert (
        "dataplane was iptables and is to be bpf (from rollout_installation_spec calicoNetwork.linuxDataplane) for h-a, h-b"
        in told
    )
    assert "encapsulation was vxlan and is to be ipip" in told
    assert outcome.writes == []


def test_with_evidence_for_this_calico_nodes_go_in_and_note_what_they_were_checked_for(
    cluster: Lab, modules: Modules
) -> None:
    asked = modules.run("calico_settings", installation_spec=FITTING)["settings"]
    assert asked["sources"]["encapsulation"] == "rollout_installation_spec calicoNetwork.ipPools"
    assert asked["sources"]["service_cidrs"].startswith("ServiceCIDR/")
    assert asked["unread"] == []
    settings = asked["settings"]
    outcome = modules.run("rollout_step", plan=plan(settings), installation_spec=FITTING, max_duration=30)
    assert outcome["outcome"] == "done", outcome["report"]["reason"]
    annotations = cluster.admin.get("/api/v1/nodes/a")["metadata"]["annotations"]
    assert annotations["rollout.calico-ops.dev/checked-for"] == noted(settings)
    status = modules.run("rollout_info")["status"]
    assert [one["stale"] for one in status["admitted"]] == [[], []]
