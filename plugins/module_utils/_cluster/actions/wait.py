# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Waits for the cluster: for the operator, for calico-node, for a soak."""

from __future__ import annotations

from ..._rollout.documents.actions import AwaitOwner, AwaitRestart, Wait
from .action import Call, Done, Handler, Told


class Waiting(Handler[Wait]):
    def carry_out(self, action: Wait, call: Call) -> Done:
        return Done(tell(action), until=action["until"])

    def foresee(self, action: Wait, call: Call) -> Done:
        return Done(tell(action), until=action["until"])


def tell(action: Wait | AwaitOwner | AwaitRestart) -> Told:
    return Told({"do": action["do"], "why": action["why"]})
