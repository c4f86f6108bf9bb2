# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A record of the admitted nodes that outlives their Node objects: so that the status names a node that registered anew.

A kubelet that registers again makes another Node, without the former label and annotations. calico-node leaves it without a message.
Nothing else in a cluster knows what they said: pods and leases go with the Node, and kube-controllers releases the node's addresses
(projectcalico/calico kube-controllers/pkg/controllers/node/ipam.go, releaseNodes). So each rollout notes name, UID, batch and plan of the
nodes that carry the label.

It is no ledger: nothing is decided by it. Anyone with write access may put anything into the ConfigMap. So only well-formed entries
count, and only to be shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from ..calico_node.readiness import carries, labelled
from ..documents import AdmissionLabel, NodeSeen, Observation
from ..kubernetes.names import ANNOTATION_BATCH, ANNOTATION_PLAN
from ..text.order import natural

VERSION = 1
UID_LENGTH = 8
"""Of a UUID: enough to distinguish two Nodes of one name."""
LARGEST = 512 * 1024
"""Bytes. 5,000 nodes with names of 40 characters take 275 KiB; etcd takes 1.5 MiB, and a ConfigMap 1 MiB."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\Z")
_WORD = re.compile(r"[A-Za-z0-9._-]{0,80}\Z")
_UID = re.compile(r"[A-Za-z0-9-]{1,8}\Z")


class Admitted(NamedTuple):
    uid: str
    """The first characters of the Node's UID."""
    batch: str
    """Empty where nobody noted one: the label was set by hand."""
    plan: str

    def text(self) -> str:
        if not self.batch:
            return "it carried the admission label, which no rollout had set"
        return f"it was admitted in batch {self.batch} of plan {self.plan}"


Record = Mapping[str, Admitted]
"""By node."""


def noted(
    before: Record, observation: Observation, label: AdmissionLabel, kept_out: Collection[str] = ()
) -> dict[str, Admitted]:
    """The record as it should be: every node that carries the label now, and those of before whose Node is gone or another one.

    A node whose own label was taken off is not kept: somebody did that. Nor is one that is to stay out (`kept_out`).
    """
    nodes = observation["nodes"]
    kept = {
        name: one
        for name, one in before.items()
        if name not in kept_out and (name not in nodes or uid_of(nodes[name]) not in ("", one.uid))
    }
    present = {name: _admitted(nodes[name]) for name in labelled(observation, label)}
    return _fitting({**kept, **{name: one for name, one in present.items() if one.uid}}, label, set(nodes))


def registered_anew(record: Record, observation: Observation, label: AdmissionLabel) -> dict[str, Admitted]:
    """Nodes that were admitted as another Node of their name, and carry no label now; with what was noted of them then."""
    nodes = observation["nodes"]
    return {
        name: record[name]
        for name in sorted(record, key=natural)
        if name in nodes
        and not carries(nodes[name]["labels"], label)
        and uid_of(nodes[name]) not in ("", record[name].uid)
    }


def taken_off(record: Record, name: str, node: NodeSeen) -> Admitted | None:
    """What was noted of a node that is still the same and whose label somebody took off."""
    noted_then = record.get(name)
    return noted_then if noted_then is not None and uid_of(node) == noted_then.uid else None


def uid_of(node: NodeSeen) -> str:
    return node["uid"][:UID_LENGTH]


def written(record: Record, label: AdmissionLabel) -> str:
    """Compact JSON; nodes of one batch stand together."""
    batches: dict[tuple[str, str], dict[str, str]] = {}
    for name in sorted(record, key=natural):
        one = record[name]
        batches.setdefault((one.plan, one.batch), {})[name] = one.uid
    document = {
        "version": VERSION,
        "label": _label(label),
        "admitted": [{"plan": plan, "batch": batch, "nodes": nodes} for (plan, batch), nodes in batches.items()],
    }
    return json.dumps(document, separators=(",", ":"))


def read(text: str, label: AdmissionLabel) -> dict[str, Admitted]:
    """What of the text is a record of this label; all else is left aside."""
    if len(text) > 2 * LARGEST:
        return {}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(document, dict) or (document.get("version"), document.get("label")) != (VERSION, _label(label)):
        return {}
    found: dict[str, Admitted] = {}
    for entry in _list(document.get("admitted")):
        plan, batch, nodes = (entry.get(key) if isinstance(entry, dict) else None for key in ("plan", "batch", "nodes"))
        if not (_reads(_WORD, plan) and _reads(_WORD, batch) and isinstance(nodes, dict)):
            continue
        for name, uid in nodes.items():
            if _reads(_NAME, name) and _reads(_UID, uid):
                found[name] = Admitted(uid, str(batch), str(plan))
    return found


def _admitted(node: NodeSeen) -> Admitted:
    batch, plan = (node["annotations"].get(key, "") for key in (ANNOTATION_BATCH, ANNOTATION_PLAN))
    if not (batch and plan and _reads(_WORD, batch) and _reads(_WORD, plan)):
        batch = plan = ""
    return Admitted(uid_of(node), batch, plan)


def _fitting(record: dict[str, Admitted], label: AdmissionLabel, present: set[str]) -> dict[str, Admitted]:
    """Where it grows too large, names whose Node is gone go first: a cluster that scales has new names all the time."""
    gone = sorted((name for name in record if name not in present), key=natural)
    while gone and len(written(record, label)) > LARGEST:
        for name in gone[: max(1, len(gone) // 4)]:
            del record[name]
        gone = gone[max(1, len(gone) // 4) :]
    return record


def _label(label: AdmissionLabel) -> str:
    return f"{label['key']}={label['value']}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _reads(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.match(value) is not None
