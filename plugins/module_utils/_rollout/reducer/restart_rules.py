# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The reducer's rules about nodes that restart calico-node, or cannot, when the selector is about to be set."""

from __future__ import annotations

from ..calico_node.max_unavailable import at_a_time, surges
from ..documents import Decision
from ..documents.actions import AwaitRestart
from ..plan.adoption import NAMES_SHOWN
from ..text.terminal import count, listed
from .decision import decided, stop
from .situation import Situation, nodes_text


def calico_restarting(situation: Situation) -> Decision | None:
    """Before the first label, and again before the selector, which would take calico-node for good from a node that has none in
    this very moment."""
    restarting = situation.restarting
    if not restarting or situation.state["phase"] == "scoping":
        return None
    since = situation.state["restarts_awaited"]
    since = situation.now if since is None else since
    until = since + situation.plan["batch_timeout"]
    told = listed([f"{each.node} ({each.reason})" for each in restarting], NAMES_SHOWN)
    silent = [each.node for each in restarting if each.kind == "silent"]
    if situation.now >= until:
        remedy = (
            f"Start the kubelet of {nodes_text(silent)}, or keep it out by rollout_exclude if it is gone for good"
            if silent
            else "Let the restart end"
        )
        return stop(
            situation,
            f"calico-node still restarts on {told} after {situation.now - since:.0f} s, and the selector would take it from there "
            f"for good. Nothing was taken. {remedy}, then run again",
        )
    state = situation.state.copy()
    state["phase"], state["restarts_awaited"] = "restarting", since
    why = (
        f"waiting for calico-node, which restarts on {told}, for at most {until - situation.now:.0f} s more: the selector would "
        "take it from there for good"
    )
    # The next one to count as stuck is no news that a watch would bring.
    turns = [situation.now + each.left for each in restarting if each.kind == "restarting"]
    action = AwaitRestart(
        do="await_restart", why=why, until=min([until, *turns]), nodes=[each.node for each in restarting]
    )
    return decided(situation, state, [action], "in_progress", why)


def pods_held_up(situation: Situation) -> Decision | None:
    """A pod of a silent kubelet is never gone: it stays Terminating, and the DaemonSet controller counts its node as unavailable
    (kube-controller-manager, `update.go`, `rollingUpdate`: neither an old nor a new pod). As many of them as maxUnavailable allows
    hold up the restart of all others for ever. The selector is not written then."""
    daemonset = situation.seen["daemonset"]
    held = situation.held_up
    if situation.scoped or situation.state["phase"] == "scoping" or daemonset is None or not held:
        return None
    if surges(daemonset["max_surge"]):
        return None
    restart = situation.plan["restart"]
    limit = (restart["raised_to"] if restart else None) or daemonset["max_unavailable"]
    at_once = at_a_time(limit, daemonset["max_surge"], daemonset["desired"])
    if len(held) < at_once:
        return None
    whose = "whose kubelet is silent" if len(held) == 1 else "whose kubelets are silent"
    return stop(
        situation,
        f"calico-node cannot restart on {nodes_text(held)}, {whose}: its pods there never go, count against maxUnavailable "
        f"({limit}: {count(at_once, 'node')} at a time), and would hold up the restart of all others. The selector was not written. "
        "Start the kubelet; or, for a machine that is gone, delete its Node or taint it node.kubernetes.io/out-of-service; or set "
        f"rollout_adoption_max_unavailable to {len(held) + 1} at least. Then run again",
    )
