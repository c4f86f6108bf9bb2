# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Has nodes prove network policy: pods of the rollout's own connect to each other while policies come and go.

What it writes it takes away again, so it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, cast

from ..._kube.client import ApiError
from ..._rollout.documents import GapCause, Plan, PolicyGap, PolicyProbeReport, RolloutState
from ..._rollout.documents.actions import VerifyPolicy
from ..._rollout.errors import RolloutError
from ..._rollout.policy.policy_gap import Doubt, gaps_on
from ..._rollout.reducer.policy_proof import as_foreseen, failing, with_probe
from ..policy_probe.options import probe_request
from ..policy_probe.request import ProbeRequest
from ..policy_probe.run import prove
from ..workloads import workloads_on
from .action import Answers, Call, Done, Handler, RefusedForNow, Told


class Probed(NamedTuple):
    """What a probe showed."""

    batch: str
    probe: PolicyProbeReport
    gaps: Sequence[PolicyGap]
    """Workloads on the nodes that failed in it."""

    def kept_in(self, state: RolloutState, now: float) -> RolloutState:
        answered = Answers("policy_probe", {}, [self.probe["namespace"]]).kept_in(state, now)
        return with_probe(answered, self.batch, self.probe, self.gaps, now)


class Foreseen(NamedTuple):
    batch: str
    nodes: Sequence[str]

    def kept_in(self, state: RolloutState, now: float) -> RolloutState:
        return as_foreseen(state, self.batch, self.nodes, now)


class Verifying(Handler[VerifyPolicy]):
    begins_a_call: ClassVar[bool] = True

    def carry_out(self, action: VerifyPolicy, call: Call) -> Done:
        request = request_of(call.plan)
        try:
            probe = prove(call.cluster, request, action["nodes"], action["offered"])
        except ApiError as error:
            if not error.is_passing:
                raise
            raise RefusedForNow(
                Answers("policy_probe", {request.namespace: error.said}, [request.namespace]), str(error)
            ) from error
        learned = Probed(action["batch"], probe, _gaps(call, probe))
        return Done(tell(action, probe), learned=learned, again=probe["outcome"] == "not_proven")

    def foresee(self, action: VerifyPolicy, call: Call) -> Done:
        return Done(tell(action, None), learned=Foreseen(action["batch"], action["nodes"]))


def request_of(plan: Plan) -> ProbeRequest:
    """The plan's settings as the probe takes them."""
    settings = plan["verify"]
    if settings is None:
        raise RolloutError("plan: it proves no network policy.")
    return probe_request(settings)


def tell(action: VerifyPolicy, probe: PolicyProbeReport | None) -> Told:
    """`probe` is None in check mode."""
    entry: dict[str, Any] = {
        "do": action["do"],
        "batch": action["batch"],
        "count": len(action["nodes"]),
        "nodes": list(action["nodes"]),
    }
    if probe is not None:
        entry["outcome"], entry["reason"] = probe["outcome"], probe["reason"]
        entry["verdicts"] = {proof["node"]: proof["verdict"] for proof in probe["nodes"]}
        entry["settled"], entry["seconds"] = probe["settled"], probe["seconds"]
    return Told(entry)


def _gaps(call: Call, probe: PolicyProbeReport) -> list[PolicyGap]:
    """What runs on nodes that do not enforce policy. It is told beside the failure, so that a refused list is none of its own."""
    failed = failing(probe)
    doubts = {
        entry["node"]: Doubt(cast(GapCause, entry["verdict"]), entry["reason"])
        for entry in probe["nodes"]
        if entry["node"] in failed
    }
    try:
        return gaps_on(doubts, workloads_on(call.cluster, failed).running, failed)
    except ApiError:
        return []
