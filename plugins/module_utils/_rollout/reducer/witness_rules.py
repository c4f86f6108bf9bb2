# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The reducer's rules about witnesses: connections between pods that go on while calico-node starts or restarts on a node.

A proof of policy comes after the soak, and cannot see what happened before. Witnesses begin before the first write that concerns their
node, and are heard after the soak, or when the rollout stops.

A witness is no gate. A node may have none (it has no network yet, a quota, a taint), and that is no fault of Calico's: the report has
why, and the rollout goes on. A denied connection that came through is a fault, and stops it.

A run that was killed leaves its witnesses, which the next one takes over for the batch under way. It gives no new ones to nodes that
carry the label under a selector that is in force: what they were to see is over.
"""

from __future__ import annotations

from ..documents import Batch, Decision
from ..documents.actions import StartWitnesses, TendWitnesses
from ..kubernetes.scheduling import Demands, has_network, obstacle
from ..plan.verify import is_witnessed
from .decision import decided, finishing, stop
from .situation import RESTART_SLACK, Situation, nodes_text
from .witnesses import TEND_EVERY, holes_told

MOST_AT_ONCE = 250
"""Nodes that are given a witness before a line of progress is shown: 500 pods are made in 10 s."""
SPARE = 120
"""Seconds for the starts before the label, and for the report."""


def denied_came_through(situation: Situation) -> Decision | None:
    """Policy did not hold for a moment, although it holds now. No further node is to go through the same.

    Which connections come through on a node that went into quarantine, without calico-node, is no news.
    """
    gone = {entry["node"] for entry in situation.quarantined}
    told = [
        holes_told(name, seen)
        for name, seen in situation.state["witness"]["batches"].items()
        if not gone.issuperset(seen["denied_through"])
    ]
    if not told:
        return None
    return stop(
        situation,
        f"denied connections came through before the soak was over: {'; '.join(told)}. For that time, policy was not in force for "
        "workloads there either. No further node was admitted. Look at what calico-node, and whatever else writes firewall rules, did "
        "there at that instant; then run again",
    )


def witness_first_batch(situation: Situation) -> Decision | None:
    """Before the labels that precede the selector. Under a selector that is there, only what a killed run left is looked for."""
    plan, state = situation.plan, situation.state
    if not situation.scoped:
        first = plan["batches"][0]
        return _start(situation, first, [name for name in first["nodes"] if name in situation.before_the_selector])
    if state["witness"]["batch"] is not None:
        return None
    batch = situation.under_way
    return _start(situation, batch, situation.unlabelled_now) if batch is not None else None


def witness_next_batch(situation: Situation) -> Decision | None:
    for batch in situation.plan["batches"]:
        if situation.unlabelled(batch):
            return _start(situation, batch, situation.startable(batch))
    return None


def witnesses_untold(situation: Situation) -> Decision | None:
    """Pods that had no network, or no place, at the start."""
    witness, nodes = situation.state["witness"], situation.seen["nodes"]
    if witness["run"] is None or witness["batch"] is None or situation.now < witness["looked"] + TEND_EVERY:
        return None
    due = [name for name in witness["untold"] if name in nodes and has_network(nodes[name])]
    if not due:
        return None
    action = TendWitnesses(do="tend_witnesses", batch=witness["batch"], nodes=due, run=witness["run"])
    why = f"{situation.stage}: telling witnesses on {nodes_text(due)} where to connect to"
    return decided(situation, situation.state, [action], "in_progress", why)


def witnesses_heard(situation: Situation) -> Decision | None:
    """After the soak, and before policy is proven: the probe has pods of its own."""
    actions = finishing(situation)
    if not actions or situation.state["witness"]["batch"] != situation.state["batch"]:
        return None  # Those of the next batch have begun, and its label is yet to come.
    why = f"{situation.stage}: hearing what its witnesses saw on {nodes_text(actions[0]['nodes'])}"
    return decided(situation, situation.state, [*actions], "in_progress", why)


def _start(situation: Situation, batch: Batch, missing: list[str]) -> Decision | None:
    """:param missing: nodes of the batch that are to get a witness now, if they have none yet"""
    plan, witness = situation.plan, situation.state["witness"]
    if not is_witnessed(batch, plan["batches"], plan["verify"]):
        return None
    begun = witness["batch"] == batch["name"]
    tried = {*witness["nodes"], *witness["over"]} if begun else set()
    nodes = [name for name in missing if name in situation.seen["nodes"] and name not in tried]
    if begun and not nodes:
        return None
    nodes = nodes[:MOST_AT_ONCE]
    action = StartWitnesses(
        do="start_witnesses",
        batch=batch["name"],
        nodes=nodes,
        offered=_undisturbed(situation, batch)[: len(nodes)],
        run=witness["run"] if begun else None,
        lifetime=_lifetime(situation, batch),
    )
    state = situation.state.copy()
    state["phase"] = "witnessing"
    what = f"starting witnesses on {nodes_text(nodes)}" if nodes else "looking for witnesses of an earlier run"
    return decided(situation, state, [action], "in_progress", f"batch {batch['name']}: {what}")


def _undisturbed(situation: Situation, batch: Batch) -> list[str]:
    """Nodes that nothing happens to: admitted before, ready, and open to the pods. None while calico-node is about to restart."""
    settings = situation.plan["verify"]
    if settings is None or not (situation.scoped and situation.in_force):
        return []
    pods = Demands({}, {}, settings["tolerations"] or [])
    ready = [row["node"] for row in situation.readiness["nodes"] if row["ready"] and row["node"] not in batch["nodes"]]
    return [name for name in ready if obstacle(name, situation.seen["nodes"][name], pods) is None]


def _lifetime(situation: Situation, batch: Batch) -> int:
    """What the batch may take at most. Who was killed costs so much CPU on these nodes, and no more."""
    plan = situation.plan
    # Nodes that go into quarantine give the others of the batch its time again.
    seconds = 2 * plan["batch_timeout"] + plan["soak"] + SPARE * (1 + len(batch["nodes"]) // MOST_AT_ONCE)
    if situation.scoped:
        return seconds
    # The labels, the commit of who applies the Installation, the operator, and then one node after the other.
    committed = situation.wishes.owner_timeout if situation.left_to_owner else 0
    restart = plan["restart"]["seconds"] * RESTART_SLACK if plan["restart"] else 0
    return seconds + plan["batch_timeout"] + int(committed) + restart
