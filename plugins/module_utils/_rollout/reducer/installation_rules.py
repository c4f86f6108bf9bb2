# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The reducer's rules about the operator's resources: what is set in them, by whom, and what is not any more."""

from __future__ import annotations

from ..documents import Decision
from ..documents.actions import AwaitOwner, ScopeInstallation
from ..operator import overlay
from ..operator.intent import REFUSE
from ..plan.adoption import restart_text
from ..text.terminal import count, listed
from .decision import committing, decided, noted, stop
from .situation import Situation

FIELDS_SHOWN = 3
"""In a line of progress; the YAML has them all."""


def placement_restarts(situation: Situation) -> Decision | None:
    """The selector was set without it: setting it now would restart calico-node everywhere, unannounced."""
    wanting = situation.wanting.restarting
    if not situation.scoped or not wanting or situation.handover is not None:
        return None
    return stop(
        situation,
        f"{listed(wanting)}: not as the options have it, and the selector is in force already. To set it now restarts calico-node on "
        f"{count(len(situation.admitted), 'node')}; do that with installation_scope, or leave it out, then run again",
    )


def overlaid(situation: Situation) -> Decision | None:
    """Within seconds tigera-operator takes calico-node from nodes by it, so that nothing is waited for. Before the selector is
    written, `refused` refuses any overlay."""
    if not situation.scoped and situation.state["phase"] != "scoping":
        return None
    how = overlay.defeats(situation.seen, situation.plan["admission_label"])
    if how is None:
        return None
    what_next = f"{overlay.remedy(situation.plan['admission_label'])}. Then run again"
    return stop(situation, f"{how}. No further node was admitted. {what_next}")


def hand_over(situation: Situation) -> Decision | None:
    """Not before the first labels: a commit of the selector takes calico-node from every node without one."""
    owned = situation.handover
    if owned is None:
        return None
    why = owned.text()
    state = situation.state.copy()
    if situation.plan["adoption_max_unavailable"]:
        note = (
            f"maxUnavailable is not raised for the adoption: {listed(owned.owners)} would put it back at its next sync"
        )
        state["notes"] = noted(state, note)
    since = situation.now if state["owner_asked"] is None else state["owner_asked"]
    state["owner_asked"] = since
    asked = situation._replace(state=state)
    if situation.wishes.when_owned == REFUSE:
        return committing(stop(asked, f"{why}. Commit the fields there, then run again"), owned)
    if situation.now >= asked.owner_deadline:
        what = f"not committed after {situation.now - since:.0f} s: {why}. Commit the fields there, then run again"
        return committing(stop(asked, what), owned)
    state["phase"] = "awaiting_owner"
    left = asked.owner_deadline - situation.now
    why = (
        f"waiting for a commit, for at most {left:.0f} s more: {listed(owned.owners)} is to apply "
        f"{count(len(owned.fields), 'field')} ({listed(owned.fields, FIELDS_SHOWN)})"
    )
    action = AwaitOwner(do="await_owner", why=why, until=asked.owner_deadline)
    return committing(decided(asked, state, [action], "in_progress", why), owned)


def scope_installation(situation: Situation) -> Decision | None:
    if situation.state["phase"] == "scoping":
        return None
    if situation.scoped:
        return _place(situation)
    create = situation.seen["installation"] is None
    state = situation.state.copy()
    state["phase"] = "scoping"
    what = "create the Installation with" if create else "put into the Installation"
    restart = situation.plan["restart"]
    return decided(
        situation,
        state,
        [ScopeInstallation(do="scope_installation", create=create)],
        "in_progress",
        f"{what} the selector that keeps calico-node to admitted nodes"
        + (f". {restart_text(restart)}" if restart else ""),
    )


def _place(situation: Situation) -> Decision | None:
    """What restarts no calico-node is set at any time: by a run that asks for it later, or that was killed in between."""
    fields = [*situation.wanting.others, *situation.wanting.apiserver]
    if not fields:
        return None
    state = situation.state.copy()
    state["phase"] = "scoping"
    action = ScopeInstallation(do="scope_installation", create=False)
    return decided(situation, state, [action], "in_progress", f"set {listed(fields)}")
