# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Waits for nodes that restart calico-node, before the selector could take it from them."""

from __future__ import annotations

from ..._rollout.documents import Observation
from ..._rollout.documents.actions import AwaitRestart
from ..._rollout.reducer.simulate import restarted
from .action import Call, Done, Handler
from .wait import tell


class AwaitingRestart(Handler[AwaitRestart]):
    def carry_out(self, action: AwaitRestart, call: Call) -> Done:
        return Done(tell(action), until=action["until"])

    def foresee(self, action: AwaitRestart, call: Call) -> Done:
        return Done(tell(action))

    def predict(self, action: AwaitRestart, call: Call) -> Observation:
        """As everywhere in check mode, all goes well."""
        return restarted(call.seen, action["nodes"])
