# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Clears the condition NetworkUnavailable that calico-node left on nodes in quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from ..._kube.client import NODES
from ..._kube.writes import Write, write_all
from ..._rollout.calico_node.network_left import CONDITION
from ..._rollout.documents import NodeSeen, Observation
from ..._rollout.documents.actions import ClearNetwork
from ..._rollout.text.instant import rfc3339
from .action import Call, Change, Done, Handler, Told
from .node_writes import node_writes

STRATEGIC = "application/strategic-merge-patch+json"
"""Merges the list of conditions by their type: those of others are not written."""
REASON = "CalicoHasLeft"
"""Another one than calico-node's own, so that the Node tells who cleared it."""
MESSAGE = "calico-node has left this node; cleared by calico_ops.rollout"


class Clearing(Handler[ClearNetwork]):
    def carry_out(self, action: ClearNetwork, call: Call) -> Done:
        limits = call.limits
        written = write_all(
            call.cluster, clearing_writes(action, call.clock()), limits.rate, limits.concurrency, deadline=call.deadline
        )
        taken = node_writes({name: outcome.error for name, outcome in written.items()})
        return Done(
            tell(action, taken.done, call.seen),
            stored=[("nodes", [outcome.object for outcome in written.values() if outcome.object is not None])],
            learned=taken.answers("clear_network_unavailable"),
            again=taken.again,
            failure=f"NetworkUnavailable could not be cleared: {taken.final[0]}" if taken.final else None,
        )

    def foresee(self, action: ClearNetwork, call: Call) -> Done:
        return Done(tell(action, action["nodes"], call.seen))

    def predict(self, action: ClearNetwork, call: Call) -> Observation:
        after = call.seen.copy()
        after["nodes"] = {
            name: _cleared(node) if name in action["nodes"] else node for name, node in call.seen["nodes"].items()
        }
        return after


def clearing_writes(action: ClearNetwork, now: float) -> list[Write]:
    condition = {
        "type": CONDITION,
        "status": "False",
        "reason": REASON,
        "message": MESSAGE,
        "lastTransitionTime": rfc3339(now),
        "lastHeartbeatTime": rfc3339(now),
    }
    body = {"status": {"conditions": [condition]}}
    return [
        Write(name, "PATCH", f"{NODES}/{quote(name)}/status", body, content_type=STRATEGIC) for name in action["nodes"]
    ]


def tell(action: ClearNetwork, written: Sequence[str], seen: Observation) -> Told:
    entry: dict[str, Any] = {"do": action["do"], "count": len(written), "nodes": list(written)}
    before = {name: {CONDITION: f"True ({seen['nodes'][name]['network_reason']})"} for name in written}
    after = {name: {CONDITION: f"False ({REASON})"} for name in written}
    return Told(entry, bool(written), [Change("conditions of nodes", before, after)])


def _cleared(node: NodeSeen) -> NodeSeen:
    after = node.copy()
    after["network_unavailable"], after["network_reason"] = False, None
    return after
