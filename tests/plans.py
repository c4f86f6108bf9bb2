# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans as the filter makes them, for as many batches as a test needs."""

from __future__ import annotations

from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Batch, Plan, PlannedTier
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import plan_id

KEY = "rollout.calico-ops.dev/admitted"


def plan_of(*batches: list[str], **more: Any) -> Plan:
    """One tier, `core`, whose budget is spent by what `excluded` leaves out of it; batches core-1, core-2, ... with these nodes.

    No soak, and a minute for each batch.
    """
    left_out = sum(entry["counts"] and entry["tier"] == "core" for entry in more.get("excluded", []))
    nodes = sum(len(batch) for batch in batches) + left_out
    plan = Plan(
        kind="Plan",
        version=1,
        id="",
        cluster=None,
        admission_label={"key": KEY, "value": "true"},
        precheck_digest="d" * 64,
        evidence=[],
        tiers=[
            PlannedTier(
                name="core", selector="", match=None, nodes=nodes, budget=left_out, left_out=left_out, on_failure="halt"
            )
        ],
        budget=None,
        batches=[
            Batch(index=number, name=f"core-{number}", tier="core", canary=False, nodes=list(batch))
            for number, batch in enumerate(batches, 1)
        ],
        excluded=[],
        unproven=[],
        restart=None,
        adoption_max_unavailable=None,
        waivers=[],
        cross_findings=[],
        kept=[],
        restarting=[],
        quarantine={"taint": "NoSchedule", "clear_network_unavailable": False},
        verify=None,
        warnings=[],
        restart_patience=1,
        batch_timeout=60,
        soak=0,
    )
    plan.update(more)  # type: ignore[typeddict-item]
    plan["id"] = plan_id(plan)
    return plan


def adopting(running: list[str], *batches: list[str], **more: Any) -> Plan:
    """As plan_of, with the nodes on which calico-node is Ready already in a batch before the others."""
    plan = plan_of(running, *batches, **more)
    plan["batches"][0]["name"], plan["batches"][0]["tier"] = "adoption", None
    plan["id"] = plan_id(plan)
    return plan
