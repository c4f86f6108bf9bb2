# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Raises maxUnavailable of calico-node's rolling update for the time of an adoption, and puts it back."""

from __future__ import annotations

from typing import Any, Literal

from ..._rollout.documents import InstallationSeen, Observation, RaisedSeen
from ..._rollout.documents.actions import RaiseMaxUnavailable, RestoreMaxUnavailable
from ..installation.max_unavailable import LimitOutcome, foreseen_restoration, raise_limit, restore_limit
from .action import INSTALLATION, Answers, Call, Change, Done, Handler, Told, refusable

Do = Literal["raise_max_unavailable", "restore_max_unavailable"]


class Raising(Handler[RaiseMaxUnavailable]):
    def carry_out(self, action: RaiseMaxUnavailable, call: Call) -> Done:
        with refusable(action["do"]):
            outcome = raise_limit(call.cluster, action)
        return _done(action["do"], outcome)

    def foresee(self, action: RaiseMaxUnavailable, call: Call) -> Done:
        return Done(tell(action["do"], raise_limit(call.cluster, action, check_mode=True)))

    def predict(self, action: RaiseMaxUnavailable, call: Call) -> Observation:
        installation = call.seen["installation"]
        if installation is None:
            return call.seen
        raised = RaisedSeen(previous=installation["max_unavailable"], raised=action["value"], plan=None, until=None)
        return _with(call.seen, installation, action["value"], raised)


class Restoring(Handler[RestoreMaxUnavailable]):
    def carry_out(self, action: RestoreMaxUnavailable, call: Call) -> Done:
        with refusable(action["do"]):
            outcome = restore_limit(call.cluster)
        return _done(action["do"], outcome)

    def foresee(self, action: RestoreMaxUnavailable, call: Call) -> Done:
        return Done(tell(action["do"], foreseen_restoration(call.seen)))

    def predict(self, action: RestoreMaxUnavailable, call: Call) -> Observation:
        installation = call.seen["installation"]
        if installation is None:
            return call.seen
        return _with(call.seen, installation, foreseen_restoration(call.seen).after, None)


def tell(do: Do, outcome: LimitOutcome) -> Told:
    """Raised and put back are two changes, each with a diff of its own: together they would look like none."""
    if not outcome.changed:
        return Told()
    when = "during the adoption" if do == "raise_max_unavailable" else "after the adoption"
    change = Change(f"{INSTALLATION} {when}", _fields(outcome.before), _fields(outcome.after))
    return Told({"do": do, "before": outcome.before, "after": outcome.after}, True, [change])


def _done(do: Do, outcome: LimitOutcome) -> Done:
    stored = [] if outcome.stored is None else [("installations", [outcome.stored])]
    return Done(tell(do, outcome), stored=stored, learned=Answers(do, {}, [INSTALLATION]))


def _fields(max_unavailable: str | None) -> dict[str, Any]:
    return {"nodeUpdateStrategy": {"rollingUpdate": {"maxUnavailable": max_unavailable}}}


def _with(
    seen: Observation, installation: InstallationSeen, value: str | None, raised: RaisedSeen | None
) -> Observation:
    after = seen.copy()
    limited = after["installation"] = installation.copy()
    limited["max_unavailable"], limited["raised"] = value, raised
    return after
