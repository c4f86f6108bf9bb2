# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The reducer's rules about network policy: a batch proves it by packets before the next one is admitted.

Policy is proven after the soak, so that the proof is as fresh as it can be, and a node that falls over soon costs no probe. It is
proven after maxUnavailable was put back: nothing restarts any more, and the proof of a large adoption takes long.

A run that goes on after another was killed has no memory of proofs. The batch under way is proven again. Each batch before it was
proven, or else the next one would have no label.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..documents import Batch, Decision, PolicyGap, PolicyProbeReport
from ..documents.actions import VerifyPolicy
from ..plan.build import planned_nodes
from ..plan.verify import is_proven
from ..policy.turns import MOST_AT_ONCE
from ..text.order import natural
from ..text.terminal import count, listed
from .decision import decided, stop
from .failures import kept_in, unenforcing, verdicts_of
from .policy_proof import failing, proven_of
from .situation import Situation, nodes_text

ROWS_SHOWN = 8
NODES_SHOWN = 5


def policy_not_in_force(situation: Situation) -> Decision | None:
    """A packet's fate was wrong. At once, whatever else there is to wait for: more nodes would be open, or cut off."""
    last = situation.state["policy"]["last"]
    if last is None or last["outcome"] != "failed":
        return None
    gaps = gaps_told(situation.state["policy"]["gaps"])
    running = f" Workloads that run there: {gaps}." if gaps else ""
    return stop(
        situation,
        f"{situation.stage}: network policy is not in force as written, although calico-node is ready: {_told(last)}.{running} "
        f"No further node was admitted{kept_in(situation, unenforcing(last))}; cure what is named, then run again",
    )


def overdue_proof(situation: Situation) -> bool:
    """Probes have lacked evidence for as long as a batch may take."""
    policy = situation.state["policy"]
    if policy["last"] is None or policy["since"] is None:
        return False
    return situation.now - policy["since"] >= situation.plan["batch_timeout"]


def policy_unproven(situation: Situation) -> Decision | None:
    """The nodes of the batch under way prove policy. What gives no evidence is tried again for as long as a batch may take."""
    batch = _batch_to_prove(situation)
    if batch is None:
        return None
    nodes = _unproven(situation, batch)
    if not nodes:
        return None
    policy = situation.state["policy"].copy()
    last = policy["last"]
    since = policy["since"] = situation.now if policy["since"] is None else policy["since"]
    tried_for = situation.now - since
    if last is not None and overdue_proof(situation):
        return stop(
            situation,
            f"{situation.stage}: network policy is not proven after {tried_for:.0f} s: {_told(last)}. No further node was admitted"
            f"{kept_in(situation, verdicts_of(last, ['unproven']))}; cure what is named, then run again",
        )
    offered = _proven_before(situation, batch)
    nodes = nodes[: _at_once(situation, offered)]
    state = situation.state.copy()
    state["phase"], state["policy"] = "verifying", policy
    again = f", again: {_told(last)}" if last is not None else ""
    action = VerifyPolicy(do="verify_policy", batch=batch["name"], nodes=nodes, offered=offered)
    why = f"{situation.stage}: proving network policy on {nodes_text(nodes)}{again}"
    return decided(situation, state, [action], "in_progress", why)


def _batch_to_prove(situation: Situation) -> Batch | None:
    plan, batch = situation.plan, situation.under_way
    return batch if batch is not None and is_proven(batch, plan["batches"], plan["verify"]) else None


def _unproven(situation: Situation, batch: Batch) -> list[str]:
    """Nodes of the batch without a proof. Those that were adopted beside the plan count with its first batch."""
    nodes = [name for name in batch["nodes"] if name in situation.admitted]
    if batch["index"] == situation.plan["batches"][0]["index"]:
        beside = situation.admitted.difference(planned_nodes(situation.plan), situation.plan["kept"])
        nodes += sorted(beside, key=natural)
    proven = proven_of(situation.state["policy"], batch["name"])
    return [name for name in nodes if name not in proven]


def _proven_before(situation: Situation, batch: Batch) -> list[str]:
    """Nodes that connections may end at: those of earlier runs and earlier batches, and the proven ones of this batch."""
    plan = situation.plan
    earlier = [one for one in plan["batches"] if one["index"] < batch["index"]]
    proven = [
        name
        for one in earlier
        if is_proven(one, plan["batches"], plan["verify"])
        for name in one["nodes"]
        if name in situation.admitted
    ]
    kept = [name for name in plan["kept"] if name in situation.admitted]
    return [*kept, *proven, *sorted(proven_of(situation.state["policy"], batch["name"]), key=natural)]


def _at_once(situation: Situation, offered: list[str]) -> int:
    settings = situation.plan["verify"]
    if settings is None or settings["mode"] != "each_node":
        return MOST_AT_ONCE
    # The first two nodes of a cluster have no proven one to connect to.
    return 1 if offered else 2


def gaps_told(gaps: Sequence[PolicyGap]) -> str:
    return listed([_gap_told(gap) for gap in gaps], NODES_SHOWN)


def _gap_told(gap: PolicyGap) -> str:
    """`2 on w-1 (shop/web, shop/db), selected by 3 NetworkPolicies`."""
    more = f" and {gap['pods'] - len(gap['examples'])} more" if gap["pods"] > len(gap["examples"]) else ""
    selected = f", selected by {count(gap['policies'], 'NetworkPolicy', 'NetworkPolicies')}" if gap["policies"] else ""
    return f"{gap['pods']} on {gap['node']} ({listed(gap['examples'])}{more}){selected}"


def _told(probe: PolicyProbeReport) -> str:
    """What is wrong, or lacking, by node and by pair of nodes."""
    wrong = failing(probe)
    entries = [entry for entry in probe["nodes"] if not wrong or entry["node"] in wrong]
    told = []
    for entry in entries:
        rows = f"; rows {listed(entry['failed'], ROWS_SHOWN)}" if entry["failed"] else ""
        told.append(f"{entry['node']} ({entry['verdict']}: {entry['reason'].rstrip('.')}{rows})")
    told += [f"between {' and '.join(pair['nodes'])} ({pair['reason'].rstrip('.')})" for pair in probe["pairs"]]
    return listed(told, NODES_SHOWN) if told else probe["reason"].rstrip(".")
