# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be wrong with a node of the lab: `NodeSpec(fault=...)` from its start on, `Lab.set_fault` from now on.

Each shows in the pod's and the Node's status as a real kubelet, calico-node or node controller would write it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.errors import LabError

FAULT = "lab.calico-ops.dev/fault"
"""Annotation of a Node: the fault as it is written."""
KUBELET_GONE = "lab.calico-ops.dev/kubelet-gone"
"""Label of a Node whose kubelet is gone: kwok manages only the nodes without it."""

FAULTS = {
    "never-ready": "calico-node runs, and its probes fail",
    "late": "calico-node's probes pass after that many seconds only (late:SECONDS, 20 when left out)",
    "crash-loop": "calico-node ends with an exit code soon after each start (crash-loop:CODE, 1 when left out)",
    "init-stuck": "an init container never ends (init-stuck:CONTAINER, install-cni when left out)",
    "image-pull": "the image of a container cannot be pulled (image-pull:CONTAINER, install-cni when left out)",
    "network-unavailable": "calico-node is well, and the Node's condition NetworkUnavailable stays True",
    "kubelet-gone": "the kubelet stops: the Node's conditions are Unknown and its pods are not Ready",
}
"""The kinds; init-stuck and image-pull hit the next pod, for a kubelet does not begin anew with one that runs."""


@dataclass(frozen=True)
class Fault:
    kind: str
    argument: str = ""

    @classmethod
    def parse(cls, text: str) -> Fault:
        kind, _colon, argument = text.partition(":")
        if kind and kind not in FAULTS:
            raise LabError(f"a node cannot have the fault {text!r}: there are {', '.join(FAULTS)}")
        return cls(kind, argument)


NO_FAULT = Fault("")
