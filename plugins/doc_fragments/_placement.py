# Copyright (c) 2026, The calico_ops.rollout authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that place Calico's components beyond the admission label."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  affinity:
    description:
      - Affinity of calico-node and csi-node-driver, as a pod's spec has it. Left as it is when not given.
      - tigera-operator takes it in place of its own, which on EKS keeps calico-node from Fargate and on AKS from virtual kubelets.
        These terms are therefore put into each of its node selector terms.
      - Refused when it keeps calico-node off a node that is to run it.
    type: dict
  tolerations:
    description:
      - Tolerations of calico-node and csi-node-driver, as a pod's spec has them. Left as they are when not given.
      - tigera-operator takes them in place of its own, which tolerate every taint. They must tolerate
        C(node.kubernetes.io/not-ready:NoSchedule) and C(node.kubernetes.io/network-unavailable:NoSchedule), which each node has until
        calico-node runs there, and the taints of each node that is to run it. An empty list tolerates nothing and is refused.
    type: list
    elements: dict
  typha_label:
    description:
      - Pins typha to the nodes that carry this label, for instance that of the core tier. Left as it is when not given.
      - tigera-operator asks for replicas by the number of all nodes that are not cordoned, and one node takes one of them. Refused
        when fewer nodes than that are left to typha.
    type: dict
    suboptions:
      key:
        description: Key of the label.
        type: str
        required: true
      value:
        description: Value of the label.
        type: str
        required: true
  kube_controllers:
    description: Where calico-kube-controllers runs, beyond C(controlPlaneNodeSelector). What is not given is left as it is.
    type: dict
    suboptions: &component
      node_selector:
        description: Labels that a node must have too.
        type: dict
      affinity:
        description: Affinity, as a pod's spec has it. It takes the place of the operator's own.
        type: dict
      tolerations:
        description:
          - Tolerations, as a pod's spec has them. They take the place of the operator's own and of C(controlPlaneTolerations).
        type: list
        elements: dict
  apiserver:
    description:
      - Where calico-apiserver runs, set in the C(APIServer) named C(default), which must exist. What is not given is left as it is.
      - If Calico's own API is made of CRDs (C(projectcalico.org) without C(crd.projectcalico.org)), there is no calico-apiserver. The
        option then places the webhooks that run instead. These do not follow C(controlPlaneNodeSelector), so the admission label is set
        for them in any case.
    type: dict
    suboptions: *component
  force_conflicts:
    description:
      - Take over the fields that other field managers hold with other values. Without it the module names the managers, the fields
        and their values, and writes nothing.
    type: bool
    default: false
"""
