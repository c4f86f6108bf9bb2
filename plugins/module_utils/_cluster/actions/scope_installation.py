# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Puts the selector, and what else is wanted of the operator's resources, into them."""

from __future__ import annotations

from ..._rollout.documents import Observation
from ..._rollout.documents.actions import ScopeInstallation
from ..._rollout.operator.handover import as_wanted
from ..._rollout.operator.intent import PATCH
from ..._rollout.plan.build import planned_nodes
from ..installation.scope import scope
from ..installation.scope_request import ScopeOutcome, ScopeRequest
from .action import INSTALLATION, Answers, Call, Change, Done, Handler, Told, refusable


class Scoping(Handler[ScopeInstallation]):
    """From a node that became ready without the label, the selector takes calico-node; a watch may be behind."""

    looks_anew = True

    def carry_out(self, action: ScopeInstallation, call: Call) -> Done:
        with refusable("selector"):
            outcome = scoping(call, action["create"], check_mode=False)
        return Done(tell(outcome), learned=Answers("selector", {}, [INSTALLATION]))

    def foresee(self, action: ScopeInstallation, call: Call) -> Done:
        return Done(tell(scoping(call, action["create"], check_mode=True)))

    def predict(self, action: ScopeInstallation, call: Call) -> Observation:
        return as_wanted(call.seen, call.plan["admission_label"], call.wishes.placement)


def scoping(call: Call, create: bool, check_mode: bool) -> ScopeOutcome:
    return scope(
        call.cluster,
        ScopeRequest(
            label=call.plan["admission_label"],
            placement=call.wishes.placement,
            planned=planned_nodes(call.plan),
            take_over=call.wishes.take_over,
            # A trial judges; who is to write it is decided when it is written.
            patch_owned=check_mode or call.wishes.when_owned == PATCH,
            check_mode=check_mode,
        ),
        observation=call.seen,
        create_spec=call.installation_spec if create else None,
    )


def tell(outcome: ScopeOutcome) -> Told:
    entry = {"do": "scope_installation", "create": outcome.created, "changed": outcome.changed}
    if outcome.taken_over:
        entry["taken_over"] = [conflict._asdict() for conflict in outcome.taken_over]
    parts = [Change(part["before_header"], part["before"], part["after"]) for part in outcome.diff()]
    return Told(entry, outcome.changed, parts)
