# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The reducer's rule about what the hosts were checked for."""

from __future__ import annotations

from ..documents import Decision
from ..evidence.for_calico import evidence_for_another
from ..plan.adoption import ADOPTION
from ..text.terminal import listed
from .decision import stop
from .situation import Situation

HOSTS_SHOWN = 10


def evidence_for_another_calico(situation: Situation) -> Decision | None:
    """A node is admitted only on evidence for the Calico that is in force or about to be written. An adopted one has its pod for that."""
    calico = situation.wishes.calico
    if calico is None:
        return None
    batches = [batch for batch in situation.plan["batches"] if batch["name"] != ADOPTION]
    waiting = {node for batch in batches for node in situation.unlabelled(batch)}
    gaps = evidence_for_another(situation.plan, calico, waiting)
    if not gaps:
        return None
    told = "; ".join(
        f"{gap['setting']} was {gap['checked']} and is to be {gap['asked']} (from {gap['source']}) for {listed(hosts, HOSTS_SHOWN)}"
        for gap, hosts in gaps
    )
    names = listed([f"precheck_{gap['setting']}" for gap, _hosts in gaps])
    return stop(
        situation,
        f"evidence_for_another_calico: the hosts were checked for another Calico than the one that they are to run: {told}. "
        f"Leave out {names} and let this run check the hosts again, or change the object that asks for something else",
    )
