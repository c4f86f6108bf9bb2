# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What is remembered of probes: which nodes of the batch under way enforce policy, and the last probe that did not prove it.

A cluster has thousands of nodes, so a batch that is proven is a few numbers. Rows are kept of one probe only, and of its bad nodes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..documents import BatchProof, PolicyGap, PolicyProbeReport, PolicyStanding, PolicyState, RolloutState
from ..documents.plan import VerifySettings
from ..policy.fates import ENFORCED
from ..text.instant import rfc3339

MOST_LIMITS = 20
"""Sentences remembered: those that name nodes would be another for each batch."""


def with_probe(
    state: RolloutState, batch: str, probe: PolicyProbeReport, gaps: Sequence[PolicyGap], now: float
) -> RolloutState:
    """The state after a probe of nodes of this batch. `gaps` has the workloads of the nodes that failed in it."""
    proven = _proven_by(probe)
    policy = _with_proven(state["policy"], batch, proven, now)
    longest = [entry["settled_ms"] for entry in probe["nodes"] if entry["node"] in proven]
    longest.append(policy["batches"][batch]["longest_ms"])
    policy["batches"][batch]["longest_ms"] = max((each for each in longest if each is not None), default=None)
    policy["limits"] = list(dict.fromkeys([*policy["limits"], *probe["limits"]]))[:MOST_LIMITS]
    if probe["outcome"] == "proven":
        policy["since"] = policy["last"] = None
        policy["gaps"] = []
    else:
        policy["last"] = without_what_is_right(probe)
        policy["gaps"] = list(gaps)
    after = state.copy()
    after["policy"] = policy
    return after


def as_foreseen(state: RolloutState, batch: str, nodes: Sequence[str], now: float) -> RolloutState:
    """Check mode: as everywhere in it, all goes well."""
    after = state.copy()
    after["policy"] = _with_proven(state["policy"], batch, nodes, now)
    after["policy"]["since"] = None
    return after


def still_ready(policy: PolicyState, ready: Collection[str]) -> PolicyState:
    """A node whose calico-node was not ready for a moment has to prove policy again."""
    after = policy.copy()
    after["proven"] = [node for node in policy["proven"] if node in ready]
    return after


def proven_of(policy: PolicyState, batch: str) -> frozenset[str]:
    return frozenset(policy["proven"] if policy["batch"] == batch else ())


def failing(probe: PolicyProbeReport) -> list[str]:
    """Nodes on which a packet's fate was wrong, or right too late."""
    return [entry["node"] for entry in probe["nodes"] if entry["verdict"] not in (ENFORCED, "unproven")]


def without_what_is_right(probe: PolicyProbeReport) -> PolicyProbeReport:
    """The probe with the nodes that it did not prove, and with the rows that were wrong or gave no evidence, whole."""
    after = probe.copy()
    after["nodes"] = [entry for entry in probe["nodes"] if entry["verdict"] != ENFORCED]
    bad = {row for entry in [*after["nodes"], *probe["pairs"]] for row in entry["failed"]}
    after["rows"] = [row for row in probe["rows"] if row["id"] in bad]
    return after


def policy_standing(settings: VerifySettings | None, policy: PolicyState) -> PolicyStanding | None:
    """For the report; None where the plan proves nothing."""
    if settings is None:
        return None
    return PolicyStanding(
        mode=settings["mode"],
        nodes=sum(batch["nodes"] for batch in policy["batches"].values()),
        limits=policy["limits"],
        unproven=policy["last"],
        policy_gaps=policy["gaps"],
    )


def _proven_by(probe: PolicyProbeReport) -> list[str]:
    """Those nodes of it that need no further probe. What is lacking without being lacking on a node leaves all of them unproven."""
    proven = [entry["node"] for entry in probe["nodes"] if entry["verdict"] == ENFORCED]
    whole = len(proven) == len(probe["nodes"])
    return [] if whole and probe["outcome"] != "proven" else proven


def _with_proven(policy: PolicyState, batch: str, proven: Sequence[str], now: float) -> PolicyState:
    after = policy.copy()
    before = policy["proven"] if policy["batch"] == batch else []
    after["batch"], after["proven"] = batch, list(dict.fromkeys([*before, *proven]))
    known = policy["batches"].get(batch)
    after["batches"] = {
        **policy["batches"],
        batch: BatchProof(
            nodes=len(after["proven"]),
            probes=(known["probes"] if known else 0) + 1,
            longest_ms=known["longest_ms"] if known else None,
            at=rfc3339(now),
        ),
    }
    return after
