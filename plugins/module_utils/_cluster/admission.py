# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The writes that admit nodes, and their trial before the first of them."""

from __future__ import annotations

from collections.abc import Sequence

from .._kube.client import NODES, Cluster
from .._kube.writes import Write
from .._rollout.calico_node.readiness import carries
from .._rollout.documents import NodeSeen, Observation, Plan
from .._rollout.documents.actions import LabelNodes
from .._rollout.errors import RolloutError
from .._rollout.evidence.admission_annotations import written_to
from .._rollout.reducer.decision import label_action
from .dry_run import Trial, denial, try_writes


def label_writes(action: LabelNodes) -> list[Write]:
    """One write a node, its label and annotations together."""
    return [
        Write(
            name,
            "PATCH",
            f"{NODES}/{name}",
            {"metadata": {"labels": action["labels"], "annotations": written_to(action, name)}},
        )
        for name in action["nodes"]
    ]


def try_admission(
    cluster: Cluster,
    plan: Plan,
    actions: Sequence[LabelNodes],
    observation: Observation,
    rate: float,
    concurrency: int,
    deadline: float | None,
) -> Trial:
    """Try the labels of every batch: a policy that denies the last batch its labels is met before the first one is admitted.

    RolloutError where one is denied.

    :param actions: what is to be labelled now; the rest of the plan's nodes follows them
    """
    nodes, label = observation["nodes"], plan["admission_label"]
    writes = {write.name: write for action in actions for write in label_writes(action)}
    for batch in plan["batches"]:
        later = [
            name
            for name in batch["nodes"]
            if name in nodes and name not in writes and not carries(nodes[name]["labels"], label)
        ]
        writes.update(
            (write.name, write) for write in label_writes(label_action(plan, batch["name"], later, observation))
        )
    carried = {name: _carried(nodes[name]) for name in writes if name in nodes}
    trial = try_writes(cluster, list(writes.values()), carried, rate, concurrency, deadline=deadline)
    if trial.denied:
        raise RolloutError(
            f"The API server denies the admission label to {denial(trial.denied)}. Nothing was written. Let that "
            "policy or webhook allow it, or exclude what it denies, then run again"
        )
    return trial


def _carried(node: NodeSeen) -> dict[str, str]:
    taints = {f"taint {taint['key']} {taint['effect']}": taint["value"] for taint in node["taints"]}
    return {**node["labels"], **taints}
