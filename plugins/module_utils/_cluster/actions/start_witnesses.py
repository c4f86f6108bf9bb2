# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Starts connections between pods that go on while calico-node starts or restarts on the nodes of a batch.

What the API server refuses, for now or for good, neither holds up a rollout nor stops it: a witness is no gate, and the client has sent
each request again already. The report has its words for the batch, and no other attempt is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from ..._kube.client import ApiError
from ..._rollout.calico_node.readiness import running
from ..._rollout.documents import RolloutState
from ..._rollout.documents.actions import StartWitnesses
from ..._rollout.errors import RolloutError
from ..._rollout.kubernetes.scheduling import has_network
from ..._rollout.reducer.witnesses import few, with_nothing_seen, with_started
from ..policy_probe.witness import Wanted, start, take_over
from .action import Call, Done, Handler, Told
from .verify_policy import request_of


class Began(NamedTuple):
    batch: str
    nodes: Sequence[str]
    run: str | None = None
    trouble: Mapping[str, str] = {}
    untold: Sequence[str] | None = ()

    def kept_in(self, state: RolloutState, now: float) -> RolloutState:
        return with_started(state, self.batch, self.nodes, self.run, self.trouble, self.untold, now)


class NothingSeen(NamedTuple):
    batch: str
    nodes: Sequence[str]
    why: str

    def kept_in(self, state: RolloutState, now: float) -> RolloutState:
        return with_nothing_seen(state, self.batch, self.nodes, self.why)


class Starting(Handler[StartWitnesses]):
    begins_a_call: ClassVar[bool] = True

    def carry_out(self, action: StartWitnesses, call: Call) -> Done:
        request = request_of(call.plan)
        began = Began(action["batch"], action["nodes"], action["run"], untold=None)
        try:
            if began.run is None:
                found = take_over(call.cluster, request, _batch(action, call))
                if found is not None:
                    began = Began(action["batch"], [*found.nodes, *action["nodes"]], found.run, untold=found.untold)
            if action["nodes"]:
                started = start(call.cluster, request, _wanted(action, call), began.run)
                began = began._replace(run=started.run, trouble=started.trouble, untold=started.untold)
        except RolloutError as error:
            why = refusal(error)
            if began.run is None:
                return Done(
                    tell(action, [], {"": why}), learned=NothingSeen(action["batch"], _batch(action, call), why)
                )
            began = began._replace(trouble=dict.fromkeys(action["nodes"], why))
        return Done(tell(action, began.nodes, began.trouble), learned=began)

    def foresee(self, action: StartWitnesses, call: Call) -> Done:
        """Nothing is started, and so nothing is heard."""
        return Done(tell(action, action["nodes"], {}), learned=Began(action["batch"], action["nodes"]))


def tell(action: StartWitnesses, nodes: Sequence[str], trouble: Mapping[str, str]) -> Told:
    """:param nodes: those that have one now, by an earlier run too"""
    if not nodes and not trouble:
        return Told()
    entry: dict[str, Any] = {
        "do": action["do"],
        "batch": action["batch"],
        "count": len(nodes),
        "nodes": list(nodes),
        **({"trouble": few(trouble)} if trouble else {}),
    }
    return Told(entry)


def refusal(error: RolloutError) -> str:
    return f"the API server refuses what its witness takes: {error.said}" if isinstance(error, ApiError) else str(error)


def _batch(action: StartWitnesses, call: Call) -> list[str]:
    return next(batch["nodes"] for batch in call.plan["batches"] if batch["name"] == action["batch"])


def _wanted(action: StartWitnesses, call: Call) -> Wanted:
    nodes = call.seen["nodes"]
    places = [name for name in (*action["nodes"], *action["offered"]) if name in nodes]
    return Wanted(
        nodes=action["nodes"],
        offered=action["offered"],
        lifetime=action["lifetime"],
        without_network={name for name in places if not has_network(nodes[name])},
        unguarded=set(action["nodes"]) - running(call.seen),
    )
