# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The reducer's rules about nodes that fail: where their tier says so, they go into quarantine, and the rollout goes on.

A quarantine is one write a node. Whatever happens then, the label on the Node says that it is in quarantine, so the next run needs no
memory of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..calico_node.network_left import clearable
from ..documents import Batch, Decision, PolicyState
from ..documents.actions import ClearNetwork, Quarantine
from ..kubernetes.names import QUARANTINE_KEY
from ..plan.budget import spent
from ..text.terminal import listed, printable
from .decision import decided, noted, stop
from .failures import Failure, unenforcing, unready, verdicts_of, why_not
from .policy_proof import failing
from .policy_rules import gaps_told, overdue_proof
from .situation import Situation, nodes_text

LONGEST = 600
"""Characters of a reason on a Node."""


def quarantine_unready(situation: Situation) -> Decision | None:
    """The batch has had its time: those of its nodes go that do not pass the gate."""
    return _into_quarantine(situation, unready(situation)) if situation.overdue else None


def quarantine_unenforcing(situation: Situation) -> Decision | None:
    """Packets had the wrong fate: those nodes go on which they had. What is wrong between two nodes halts the rollout."""
    last = situation.state["policy"]["last"]
    if last is None or last["outcome"] != "failed":
        return None
    wrong = set(failing(last))
    if any(not wrong.intersection(pair["nodes"]) for pair in last["pairs"]):
        return None
    return _into_quarantine(situation, unenforcing(last))


def quarantine_unproven(situation: Situation) -> Decision | None:
    """Probes gave no evidence for as long as a batch may take: the nodes go that they lacked."""
    last = situation.state["policy"]["last"]
    if last is None or last["outcome"] != "not_proven" or not overdue_proof(situation):
        return None
    return _into_quarantine(situation, verdicts_of(last, ["unproven"]))


def clear_network_unavailable(situation: Situation) -> Decision | None:
    """On request. A calico-node that went left a condition that nothing but a calico-node takes back."""
    if not situation.plan["quarantine"]["clear_network_unavailable"]:
        return None
    state = situation.state.copy()
    nodes = [
        name
        for name in clearable(situation.seen)
        if QUARANTINE_KEY in situation.seen["nodes"][name]["labels"] and name not in state["cleared"]
    ]
    if not nodes:
        return None
    state["cleared"] = [*state["cleared"], *nodes]
    action = ClearNetwork(do="clear_network_unavailable", nodes=nodes)
    why = f"clear the NetworkUnavailable that calico-node left on {nodes_text(nodes)}"
    return decided(situation, state, [action], "in_progress", why)


def budget_spent(situation: Situation) -> Decision | None:
    """The worst case counts: where one more failure is too many, no node is started that could fail."""
    batch = next((batch for batch in situation.plan["batches"] if situation.unlabelled(batch)), None)
    tier = batch and situation.tier_of(batch)
    if batch is None or tier is None or situation.startable(batch):
        return None
    waiting = situation.unlabelled(batch)
    return stop(
        situation,
        f"tier {tier['name']}: {spent(tier, situation.plan['budget'], situation.left_out)}. Not started, because each could fail too: "
        f"{nodes_text(waiting)} of batch {batch['name']}, and all that follow. Cure what is in quarantine and release it, raise "
        "failure_budget, or set on_failure to halt, then run again",
    )


def _into_quarantine(situation: Situation, failures: Sequence[Failure]) -> Decision | None:
    batch = situation.under_way
    if batch is None or not failures or why_not(situation, failures) is not None:
        return None
    nodes = [failure.node for failure in failures]
    state = situation.state.copy()
    # Those of the batch that stay have its whole time again, for the DaemonSet controller has to take the others off first.
    state["phase"], state["batch_started"], state["ready_since"] = "quarantining", situation.now, None
    for gap in state["policy"]["gaps"]:
        if gap["node"] in nodes:
            state["notes"] = noted(state, f"workloads run in quarantine, without Calico: {gaps_told([gap])}")
    state["policy"] = _forgotten(state["policy"])
    told = {failure.node: _sentence(situation, batch, failure) for failure in failures}
    action = Quarantine(
        do="quarantine",
        batch=batch["name"],
        nodes=nodes,
        causes={failure.node: failure.cause for failure in failures},
        reasons=told,
    )
    each = listed([f"{failure.node} ({failure.cause}: {failure.reason.rstrip('.')})" for failure in failures], 3)
    return decided(situation, state, [action], "in_progress", f"{situation.stage}: into quarantine with {each}")


def _forgotten(policy: PolicyState) -> PolicyState:
    """What the last probe lacked goes with the nodes that it was about; the others of its nodes prove policy again."""
    after = policy.copy()
    after["last"], after["gaps"], after["since"] = None, [], None
    return after


def _sentence(situation: Situation, batch: Batch, failure: Failure) -> str:
    """For the annotation: who comes to the Node later has nothing else."""
    told = f"{failure.cause}: {failure.reason.rstrip('.')} (batch {batch['name']} of plan {situation.plan['id']})"
    return printable(told)[:LONGEST]
