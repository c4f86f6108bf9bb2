# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Tells the pods of witnesses where to connect to that could not run at the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..._rollout.documents import RolloutState
from ..._rollout.documents.actions import TendWitnesses
from ..._rollout.errors import RolloutError
from ..._rollout.reducer.witnesses import with_told
from ..policy_probe.witness import tend
from .action import Call, Done, Handler, Told
from .verify_policy import request_of


class Looked(NamedTuple):
    untold: Sequence[str] | None

    def kept_in(self, state: RolloutState, now: float) -> RolloutState:
        return with_told(state, self.untold, now)


class Tending(Handler[TendWitnesses]):
    """It is part of starting them, and told by that."""

    def carry_out(self, action: TendWitnesses, call: Call) -> Done:
        try:
            return Done(Told(), learned=Looked(tend(call.cluster, request_of(call.plan), action["run"])))
        except RolloutError:
            # The next look is another attempt. A witness that never begins says so in the end.
            return Done(Told(), learned=Looked(None))

    def foresee(self, action: TendWitnesses, call: Call) -> Done:
        return Done(Told())
