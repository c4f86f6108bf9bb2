# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. An Installation named `overlay`: which of its fields take the place of those that a rollout writes into `default`.

tigera-operator merges the two when it renders (tigera/operator pkg/controller/utils/merge.go: OverrideInstallationSpec, compareFields,
mergeCalicoNodeDaemonSet, mergeCSINodeDriverDaemonset; the same at v1.34, 1.36, 1.38, 1.40, 1.42, 1.43 and 1.44). It descends as far as
a pod's spec. There nodeSelector, affinity and tolerations are one value each: the overlay's takes the place of the other as a whole, also
when it is empty. What the overlay leaves out, or has as null, stays as `default` has it. So does controlPlaneNodeSelector.
The result is never written back, so that Installation/default looks as before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..calico_node.readiness import carries, labelled
from ..documents import AdmissionLabel, NodeSeen, Observation, OverlaySeen
from ..kubernetes.names import OS_LABEL
from ..text.terminal import count, listed
from .overrides import (
    CONTROL_PLANE_SELECTOR,
    DAEMONSETS,
    PLACING,
    kept_off,
    pod_spec,
    selector_narrows,
    tolerations_narrow,
)
from .ownership import spec_managers

NAME = "overlay"
NAMES_SHOWN = 10


def overlay_seen(raw: Mapping[str, Any]) -> OverlaySeen:
    """A raw overlay, trimmed to the fields that a rollout writes into Installation/default too."""
    spec = raw.get("spec") or {}
    placement = {}
    for daemonset in DAEMONSETS:
        override = pod_spec(spec, daemonset)
        fields = {field: override[field] for field in PLACING if override.get(field) is not None}
        if fields:
            placement[daemonset] = fields
    return OverlaySeen(
        created=(raw.get("metadata") or {}).get("creationTimestamp"),
        managed_by=spec_managers(raw),
        placement=placement,
        control_plane_selector=spec.get(CONTROL_PLANE_SELECTOR),
    )


def defeats(observation: Observation, label: AdmissionLabel) -> str | None:
    """How the overlay undoes what a rollout wrote, in one sentence without its end; None where it does not, or there is none."""
    overlay = observation["overlay"]
    if overlay is None:
        return None
    nodes = observation["nodes"]
    admitted = {name: nodes[name] for name in labelled(observation, label)}
    told: list[str] = []
    for daemonset in DAEMONSETS:
        fields = overlay["placement"].get(daemonset, {})
        if "nodeSelector" in fields:
            told += _selector(daemonset, fields["nodeSelector"], label, admitted, nodes)
        told += tolerations_narrow(daemonset, fields)
        told += kept_off(daemonset, fields, admitted)
    selector = overlay["control_plane_selector"]
    if selector is not None and not carries(selector, label):
        told.append(f"its {CONTROL_PLANE_SELECTOR} ({_pairs(selector)}) lacks {label['key']}={label['value']}")
    if not told:
        return None
    since = f" (created {overlay['created']})" if overlay["created"] else ""
    return (
        f"the Installation named {NAME}{since} takes the place of fields of Installation/default, which itself looks as before: "
        + "; ".join(told)
    )


def remedy(label: AdmissionLabel) -> str:
    text = f"{label['key']}={label['value']}"
    return (
        f"Delete it (kubectl delete installations.operator.tigera.io {NAME}), or take its selectors, affinity and tolerations out of "
        f"it, or add {text} to its selectors: tigera-operator then puts calico-node back onto the nodes with {text}"
    )


def _selector(
    daemonset: str,
    selector: Mapping[str, str],
    label: AdmissionLabel,
    admitted: Mapping[str, NodeSeen],
    nodes: Mapping[str, NodeSeen],
) -> list[str]:
    if carries(dict(selector), label):
        return selector_narrows(daemonset, selector, label, admitted)
    demands = {**selector, OS_LABEL: "linux"}.items()
    leaves = [name for name, node in sorted(admitted.items()) if not demands <= node["labels"].items()]
    comes = [name for name, node in sorted(nodes.items()) if name not in admitted and demands <= node["labels"].items()]
    told = f"its {daemonset}'s nodeSelector ({_pairs(selector)}) lacks {label['key']}={label['value']}"
    if leaves:
        told += f", which takes the pod from {count(len(leaves), 'admitted node')} ({listed(leaves, NAMES_SHOWN)})"
    if comes:
        told += f", which gives it to {count(len(comes), 'node')} that nobody admitted ({listed(comes, NAMES_SHOWN)})"
    return [told]


def _pairs(selector: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(selector.items())) or "empty"
