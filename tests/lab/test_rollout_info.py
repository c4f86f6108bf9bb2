# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""rollout_info on a real API server, as the collection's own account."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout import documents

from tests.lab.lab import Lab
from tests.lab.modules import Modules
from tests.lab.nodes import NodeSpec
from tests.schemas import schema


@pytest.fixture
def modules(cluster: Lab, tmp_path: Path) -> Modules:
    return Modules(cluster, tmp_path)


def test_a_cluster_without_calico_is_described_by_valid_documents_and_nothing_is_written(
    cluster: Lab, modules: Modules
) -> None:
    cluster.add_nodes(
        [
            NodeSpec("b", {"zone": "edge"}, address="10.0.0.2", machine_id="B" * 32, architecture="arm64"),
            NodeSpec("a", unschedulable=True),
        ]
    )
    outcome = modules.run("rollout_info")
    assert not outcome["changed"]
    assert outcome.writes == []
    for node in outcome["nodes"]:
        jsonschema.validate(node, schema(documents.NodeFacts))
    jsonschema.validate(outcome["observation"], schema(documents.Observation))
    assert [node["name"] for node in outcome["nodes"]] == ["a", "b"]
    a, b = outcome["nodes"]
    assert (a["unschedulable"], b["unschedulable"]) == (True, False)
    assert (b["machine_id"], b["internal_ips"], b["architecture"]) == ("b" * 32, ["10.0.0.2"], "arm64")
    assert b["labels"]["zone"] == "edge"
    assert outcome["observation"]["daemonset"] is None
    assert outcome["observation"]["installation"] is None
