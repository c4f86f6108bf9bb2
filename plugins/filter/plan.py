# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A PrecheckReport and the cluster's nodes, as a Plan."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import (
    ClusterName,
    NodeFacts,
    Observation,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import build_plan
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.restarting import LEAST_PATIENCE
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import (
    document,
    from_the_cluster,
    made_or_complaint,
    readable,
)


@readable
def plan(
    report: Any,
    nodes: Any,
    tiers: Any,
    exclusions: Any = (),
    admission_label: Any = None,
    batch_timeout: Any = 600,
    soak: Any = 10,
    observation: Any = None,
    adoption_max_unavailable: Any = None,
    cluster: Any = None,
    restart_patience: Any = LEAST_PATIENCE,
    or_complaint: bool = False,
) -> Any:
    return made_or_complaint(
        or_complaint,
        lambda: build_plan(
            from_the_cluster(nodes, "nodes", NodeFacts),
            document(report, "PrecheckReport"),
            plain(tiers),
            plain(exclusions),
            plain(admission_label),
            plain(batch_timeout),
            plain(soak),
            None if observation is None else from_the_cluster(observation, "observation", Observation),
            plain(adoption_max_unavailable),
            None if cluster is None else from_the_cluster(cluster, "cluster", ClusterName),
            plain(restart_patience),
        ),
    )


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan": plan}
