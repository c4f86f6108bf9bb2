# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A PrecheckReport and the cluster's nodes, as a Plan."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan import build_plan
from ansible_collections.calico_ops.rollout.plugins.plugin_utils.documents import document, readable


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
) -> Any:
    return build_plan(
        plain(nodes),
        document(report, "PrecheckReport"),
        plain(tiers),
        plain(exclusions),
        plain(admission_label),
        plain(batch_timeout),
        plain(soak),
        plain(observation),
        plain(adoption_max_unavailable),
        plain(cluster),
    )


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan": plan}
