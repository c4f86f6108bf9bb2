# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Puts failed nodes into quarantine: one write each, with which calico-node leaves the node and new workloads stay away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..._kube.client import ApiError
from ..._rollout.documents import NodeSeen, Observation, TaintSeen
from ..._rollout.documents.actions import Quarantine
from ..._rollout.kubernetes.names import ANNOTATION_QUARANTINE, QUARANTINE_KEY
from ..._rollout.kubernetes.quarantine import NO_TAINT, begun
from ..._rollout.plan.build import planned_nodes
from ..node_quarantine import Patched, patch_nodes, shown
from .action import Call, Change, Done, Handler, Told
from .node_writes import NodeWrites, node_writes, refuse_strangers, told


class Quarantining(Handler[Quarantine]):
    looks_anew: ClassVar[bool] = True
    """A node that became ready a moment ago did not fail; a watch may be behind."""

    def carry_out(self, action: Quarantine, call: Call) -> Done:
        written = _written(action, call, dry_run=False)
        taken = _taken(written)
        return Done(
            tell(action, written),
            stored=[("nodes", [each.after for each in written if each.after is not None])],
            learned=taken.answers("quarantine"),
            again=taken.again,
            failure=_failure(action, taken.final),
        )

    def foresee(self, action: Quarantine, call: Call) -> Done:
        return Done(tell(action, _written(action, call, dry_run=True)))

    def predict(self, action: Quarantine, call: Call) -> Observation:
        after = call.seen.copy()
        effect = call.plan["quarantine"]["taint"]
        after["nodes"] = {
            name: _in_quarantine(node, call.plan["admission_label"]["key"], action, name, effect)
            if name in action["nodes"]
            else node
            for name, node in call.seen["nodes"].items()
        }
        return after


def tell(action: Quarantine, written: Sequence[Patched]) -> Told:
    changed = [each for each in written if each.before is not None]
    failed = _taken(written).sentences
    entry: dict[str, Any] = {
        "do": action["do"],
        "batch": action["batch"],
        "count": len(changed),
        "nodes": [each.node for each in changed],
        "reasons": {each.node: action["reasons"][each.node] for each in changed},
        **({"failed": failed} if failed else {}),
    }
    before, after = {}, {}
    for each in changed:
        before[each.node], after[each.node] = shown(each)
    return Told(entry, bool(changed), [Change("nodes", before, after)])


def _written(action: Quarantine, call: Call, *, dry_run: bool) -> list[Patched]:
    refuse_strangers(action["nodes"], planned_nodes(call.plan))
    label, effect = call.plan["admission_label"], call.plan["quarantine"]["taint"]

    def judge_of(name: str) -> Any:
        return lambda raw: begun(raw, label["key"], action["causes"][name], action["reasons"][name], effect)

    return patch_nodes(
        call.cluster,
        {name: judge_of(name) for name in action["nodes"]},
        call.limits.rate,
        call.limits.concurrency,
        deadline=call.deadline,
        dry_run=dry_run,
    )


def _taken(written: Sequence[Patched]) -> NodeWrites:
    return node_writes({each.node: each.error for each in written})


def _failure(action: Quarantine, final: Sequence[ApiError]) -> str | None:
    if not final:
        return None
    why = told(final)
    return f"batch {action['batch']}: {len(final)} of {len(action['nodes'])} failed nodes could not be put into quarantine: {why}"


def _in_quarantine(node: NodeSeen, admission_key: str, action: Quarantine, name: str, effect: str) -> NodeSeen:
    after, cause = node.copy(), action["causes"][name]
    kept = {key: value for key, value in node["labels"].items() if key != admission_key}
    after["labels"] = {**kept, QUARANTINE_KEY: cause}
    after["annotations"] = {**node["annotations"], ANNOTATION_QUARANTINE: action["reasons"][name]}
    if effect != NO_TAINT:
        others = [taint for taint in node["taints"] if taint["key"] != QUARANTINE_KEY]
        after["taints"] = [*others, TaintSeen(key=QUARANTINE_KEY, value=cause, effect=effect)]
    return after
