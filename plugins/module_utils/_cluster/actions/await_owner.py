# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Waits for the commit of the owner who applies the operator's resources from outside the cluster."""

from __future__ import annotations

from ..._rollout.documents import Observation
from ..._rollout.documents.actions import AwaitOwner
from ..._rollout.operator.handover import as_wanted
from .action import Call, Done, Handler
from .scope_installation import scoping
from .wait import tell


class AwaitingOwner(Handler[AwaitOwner]):
    def carry_out(self, action: AwaitOwner, call: Call) -> Done:
        return Done(tell(action), until=action["until"])

    def foresee(self, action: AwaitOwner, call: Call) -> Done:
        """What is to be committed is judged as if it were to be written."""
        scoping(call, create=False, check_mode=True)
        return Done(tell(action))

    def predict(self, action: AwaitOwner, call: Call) -> Observation:
        return as_wanted(call.seen, call.plan["admission_label"], call.wishes.placement)
