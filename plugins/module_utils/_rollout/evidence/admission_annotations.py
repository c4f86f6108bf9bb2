# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A Node's annotations about its admission: written with the admission label, read for the status.

A waiver is noted as `CHECK=LAST-DAY`, several with commas between. Anybody who may write to a Node may write into its annotations:
what does not read like this is left aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone

from ..documents import Admission, CalicoSettings, NodeSeen, NotedWaiver, Plan
from ..documents.actions import LabelNodes
from ..kubernetes.names import (
    ANNOTATION_BATCH,
    ANNOTATION_CHECKED_FOR,
    ANNOTATION_PLAN,
    ANNOTATION_PRECHECK,
    ANNOTATION_WAIVED,
)
from .for_calico import read_noted, stale_settings
from .waivers import IN_FORCE

_NOTED = re.compile(r"([a-z0-9_]+)=([0-9]{4}-[0-9]{2}-[0-9]{2})\Z")


def waived_on(plan: Plan, nodes: Iterable[str], seen: Mapping[str, NodeSeen]) -> dict[str, str | None]:
    """By node, what its annotation of waivers becomes. Null where an earlier admission left one that this one does not rest on."""
    noted: dict[str, list[str]] = {}
    for each in plan["waivers"]:
        if each["node"] is not None and each["waiver"]["state"] == IN_FORCE:
            noted.setdefault(each["node"], []).append(f"{each['waiver']['check']}={each['waiver']['until']}")
    return {
        node: ",".join(sorted(noted[node])) if node in noted else None
        for node in nodes
        if node in noted or (node in seen and ANNOTATION_WAIVED in seen[node]["annotations"])
    }


def written_to(action: LabelNodes, node: str) -> dict[str, str | None]:
    """The annotations that the node gets; null takes one off."""
    waived = {ANNOTATION_WAIVED: action["waived"][node]} if node in action["waived"] else {}
    checked = {ANNOTATION_CHECKED_FOR: action["checked_for"][node]} if node in action["checked_for"] else {}
    return {**action["annotations"], **waived, **checked}


def admission(name: str, annotations: Mapping[str, str], now: float, calico: CalicoSettings | None = None) -> Admission:
    checked = read_noted(annotations.get(ANNOTATION_CHECKED_FOR))
    return Admission(
        node=name,
        batch=annotations.get(ANNOTATION_BATCH),
        plan=annotations.get(ANNOTATION_PLAN),
        precheck=annotations.get(ANNOTATION_PRECHECK),
        waivers=_noted_waivers(annotations.get(ANNOTATION_WAIVED, ""), now),
        stale=[] if calico is None or checked is None else stale_settings(checked, calico, name),
    )


def _noted_waivers(text: str, now: float) -> list[NotedWaiver]:
    today = datetime.fromtimestamp(now, timezone.utc).date().isoformat()
    found = [match for part in text.split(",") if (match := _NOTED.match(part))]
    # As ISO dates, the later day is the greater text.
    return [NotedWaiver(check=one[1], until=one[2], expired=today > one[2]) for one in found]
