# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The whole check of a host: gather, judge, one PrecheckResult."""

import time
from typing import Any, Dict, Iterable, List, Optional, Tuple

from .answers import Facts
from .checks.catalogue import CATALOGUE
from .checks.declaration import Check, Judgement, Want, as_result, conduct
from .host import gather

_VERSION = 1
Judged = List[Tuple[Check, Judgement]]


def examine(
    want: Want, selected: Optional[Iterable[str]] = None, deadline: float = 30.0
) -> Tuple[Dict[str, Any], Judged]:
    """The document, and the judgements of the checks that were asked for and apply."""
    started = time.monotonic()
    names = {one.id for one in CATALOGUE} if selected is None else set(selected)
    gathered = gather(want, [one for one in CATALOGUE if one.id in names], deadline)
    facts = Facts(gathered.facts)
    judged = judge(facts, want, names)
    document = {
        "kind": "PrecheckResult",
        "version": _VERSION,
        "settings": {key: value for key, value in want._asdict().items() if key != "node_name"},
        "node_name": want.node_name,
        "identity": identity(facts),
        "verdict": verdict(judged),
        "checks": [as_result(one, judgement) for one, judgement in judged],
        "modules_loaded": gathered.modules_loaded,
        "duration": round(time.monotonic() - started, 3),
    }
    return document, [(one, judgement) for one, judgement in judged if one.id in names]


def judge(facts: Facts, want: Want, names: Iterable[str]) -> Judged:
    wanted = set(names)
    return [(one, conduct(one, facts, want, one.id in wanted)) for one in CATALOGUE]


def verdict(judged: Judged) -> str:
    """No evidence is never a pass: a check that applies and could not judge weighs as much as one that failed."""
    good = all(judgement.status != "fail" and judgement.evidence for _check, judgement in judged)
    return "pass" if good else "fail"


def complaints(judged: Judged, fail_on: str) -> List[str]:
    """A sentence for each check that makes the module fail; missing evidence weighs as much as a failure."""
    grave: Tuple[str, ...] = {"never": (), "fail": ("fail",), "warn": ("fail", "warn")}[fail_on]
    return [
        "{}: {}. Remedy: {}.".format(one.id, judgement.message, judgement.remedy)
        for one, judgement in judged
        if judgement.status in grave or (grave and not judgement.evidence)
    ]


def identity(facts: Facts) -> Dict[str, Any]:
    system = facts.get("os_release", {})
    addresses = facts.get("addresses", [])
    return {
        "hostname": facts.get("hostname"),
        "fqdn": facts.get("fqdn", facts.get("hostname")),
        "machine_id": facts.get("machine_id"),
        "system_uuid": facts.get("system_uuid"),
        "boot_id": facts.get("boot_id"),
        "addresses": sorted({one["address"] for one in addresses if one["global"] and one["address"]}),
        "architecture": facts.get("architecture"),
        "kernel": facts.get("kernel_release"),
        "os_id": system.get("ID"),
        "os_version": system.get("VERSION_ID"),
    }
