# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Ends the connections of witnesses, and keeps what they saw.

Where the API server refuses that, nothing is known of these nodes: the report says so in its words, and the rollout goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..._rollout.documents import FlowWitness, RolloutState
from ..._rollout.documents.actions import FinishWitnesses
from ..._rollout.errors import RolloutError
from ..._rollout.reducer.witnesses import with_seen
from ..policy_probe.witness import finish
from .action import Call, Done, Handler, Told
from .start_witnesses import NothingSeen, refusal
from .verify_policy import request_of


class Heard(NamedTuple):
    batch: str
    found: Sequence[FlowWitness]

    def kept_in(self, state: RolloutState, now: float) -> RolloutState:
        return with_seen(state, self.batch, self.found)


class Finishing(Handler[FinishWitnesses]):
    def carry_out(self, action: FinishWitnesses, call: Call) -> Done:
        try:
            found = finish(call.cluster, request_of(call.plan), action["nodes"], action["run"])
        except RolloutError as error:
            why = refusal(error)
            return Done(tell(action, []), learned=NothingSeen(action["batch"], action["nodes"], why))
        return Done(tell(action, found), learned=Heard(action["batch"], found))

    def foresee(self, action: FinishWitnesses, call: Call) -> Done:
        return Done(tell(action, []))


def tell(action: FinishWitnesses, found: Sequence[FlowWitness]) -> Told:
    entry: dict[str, Any] = {
        "do": action["do"],
        "batch": action["batch"],
        "count": len(action["nodes"]),
        "nodes": list(action["nodes"]),
        "denied_through": {each["node"]: each["denied_through"] for each in found if each["denied_through"]},
        "longest_gap_ms": max(
            (each["longest_gap"]["milliseconds"] for each in found if each["longest_gap"]), default=None
        ),
    }
    return Told(entry)
