#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cluster's nodes and what a rollout looks at, trimmed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_info
short_description: Reads the nodes and the state of Calico that a rollout is planned and judged by
version_added: "0.1.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - Returns each Node with the facts that a plan needs, one observation for a rollout, and the cluster's status. The status names the
    nodes that are admitted and ready, those outside and why, and what tigera-operator says. On request it names workloads without Calico.
  - Reads only, one list of each kind. The nodes are listed in pages and trimmed page by page.
  - Works before Calico is installed. What is not there yet is null or empty.
  - If the API server refuses a request, the module fails. It lists every missing permission, with the rules to add.
options:
  policy_gaps:
    description:
      - Whether to look for workloads on Linux nodes without a Ready calico-node, where no network policy is in force for them.
      - It names the C(NetworkPolicies) that select them. Only policies of C(networking.k8s.io/v1) are looked at, none of Calico's own.
      - A running pod counts, unless it is in the host's network, or belongs to a DaemonSet in C(kube-system) or C(calico-system).
      - For up to 30 such nodes the module lists their pods node by node. That costs what they run, not what the cluster runs. Where more
        nodes lack calico-node, the running pods of the cluster are listed once, in pages.
      - Takes the right to list pods in all namespaces. Without the right to list C(networkpolicies), the status says that it does not
        know which of the workloads a policy selects.
    type: bool
    default: false
  policy_probe:
    description:
      - What a probe showed of network policy, a C(PolicyProbeReport) document.
      - If it found policy not in force on a Linux node, O(policy_gaps) looks for workloads there too, though calico-node is Ready. So it
        does on a node of which the probe proved nothing.
      - It changes nothing without O(policy_gaps).
    type: dict
    version_added: "0.2.0"
  rollout:
    description:
      - Options of M(calico_ops.rollout.rollout_step) that a rollout is going to be carried out with after this, namely
        C(installation_spec), C(affinity), C(tolerations), C(typha_label), C(kube_controllers), C(apiserver) and C(force_conflicts).
        Those that are null or left out have the default that they have there.
      - It changes nothing in what is read. If the account cannot read everything, the error also lists what the rollout lacks. So you can
        add all rules at once.
    type: dict
extends_documentation_fragment:
  - calico_ops.rollout._kube
  - calico_ops.rollout._label
  - calico_ops.rollout._lock
  - calico_ops.rollout._attributes
  - calico_ops.rollout._attributes.kube_group
attributes:
  check_mode:
    support: full
    details: The module only reads.
  diff_mode:
    support: none
    details: The module only reads.
  idempotent:
    support: full
seealso:
  - module: calico_ops.rollout.node_readiness
"""

EXAMPLES = r"""
- name: Read the cluster
  calico_ops.rollout.rollout_info:
  register: cluster

- name: Tell which nodes run which architecture
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.architecture }}"
  loop: "{{ cluster.nodes }}"

- name: Look for workloads without network policy
  calico_ops.rollout.rollout_info:
    policy_gaps: true
  register: cluster
  failed_when: cluster.status.policy_gaps | length > 0
"""

RETURN = r"""
cluster:
  description: Which cluster it is. No credential is in it.
  returned: always
  type: dict
  contains:
    context:
      description: Context of the kubeconfig; null where the connection is not made by one.
      type: str
      returned: always
    name:
      description: What the kubeconfig calls the context's cluster.
      type: str
      returned: always
    server:
      description: Address of the API server.
      type: str
      returned: always
    uid:
      description: UID of the namespace C(kube-system), which identifies the cluster; null if the account cannot read it.
      type: str
      returned: always
nodes:
  description: One NodeFacts document a Node, sorted by name.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the Node.
      type: str
      returned: always
    uid:
      description: The Node object's uid.
      type: str
      returned: always
    labels:
      description: All labels.
      type: dict
      returned: always
    machine_id:
      description: The machine id that the kubelet reports, in lower case; null where it reports none.
      type: str
      returned: always
    system_uuid:
      description: The system UUID that the kubelet reports, in lower case; null where it reports none.
      type: str
      returned: always
    boot_id:
      description: The boot id that the kubelet reports; null where it reports none.
      type: str
      returned: always
    internal_ips:
      description: Addresses of type InternalIP.
      type: list
      elements: str
      returned: always
    architecture:
      description: Architecture as the kubelet names it, for instance V(arm64).
      type: str
      returned: always
    os:
      description: Operating system as the kubelet names it, for instance V(linux).
      type: str
      returned: always
    unschedulable:
      description: Whether the Node is cordoned.
      type: bool
      returned: always
    calico_ready:
      description: Whether a Ready calico-node runs on it, also without the label.
      type: bool
      returned: always
    object:
      description: >-
        What a tier's C(match) sees of the Node. C(metadata) has name and labels; C(spec) has podCIDRs, providerID, taints and
        unschedulable; C(status) has addresses, allocatable, capacity, nodeInfo, and of each condition type, status and reason.
        Annotations are not in it.
      type: dict
      returned: always
    quarantined:
      description: Why a rollout put it into quarantine; null where it is in none.
      type: str
      returned: always
      version_added: 0.2.0
    batch:
      description: The batch in which a rollout admitted it, V(adoption) where it ran calico-node before; null where none did.
      type: str
      returned: always
observation:
  description: The Observation document, the same that rollouts are decided on.
  returned: always
  type: dict
status:
  description: The ClusterStatus document, where the cluster stands.
  returned: always
  type: dict
  contains:
    ready:
      description: Whether some node is admitted and every admitted node passes the gate. Also, none registered anew and lost its label,
        and no C(Installation) named C(overlay) undoes the selectors.
      type: bool
      returned: always
    reason:
      description: The same in one sentence, with the names of nodes that are not ready.
      type: str
      returned: always
    cluster:
      description: As RV(cluster).
      type: dict
      returned: always
    read_at:
      description: When it was read, in seconds since the epoch.
      type: float
      returned: always
    admission_label:
      description: As given.
      type: dict
      returned: always
    admitted:
      description: The nodes with the admission label. Each with the plan, batch and precheck that the rollout noted on it; null where
        somebody else set the label. C(waivers) are the waived checks that failed on it then. Each has the last day of the
        waiver (C(until)), and whether that day has passed (C(expired)). C(stale) are the settings that the cluster asks of its host by now
        (C(asked), C(source)) and the precheck did not (C(checked)).
      type: list
      elements: dict
      returned: always
    readiness:
      description: The table of the admitted nodes, as M(calico_ops.rollout.node_readiness) gives it.
      type: dict
      returned: always
    outside:
      description: The nodes without the admission label. Each has a cause (V(quarantined), V(unsupported), V(registered_anew) or
        V(not_admitted)) and a reason. It also says whether a Ready calico-node runs there nevertheless, whether the node is cordoned, and
        which taints keep pods away.
      type: list
      elements: dict
      returned: always
    not_recorded:
      description: Why it cannot be told which nodes were registered anew, where no record of the admitted nodes can be read; else null.
      type: str
      returned: always
    policy_gaps:
      description: The nodes on which workloads run and that are not known to enforce network policy, with C(cause) (V(calico_not_ready),
        or the verdict of O(policy_probe), V(open), V(closed), V(late) or V(unproven)), C(reason), the number of workloads (C(pods)),
        C(examples) and since when. C(selected) is how many of them a C(NetworkPolicy) selects, and C(policies) how many policies these
        are; both are null where the policies were not read. C(unenforced) has the first of the selected workloads, each with the names
        of its policies. Null without O(policy_gaps).
      type: list
      elements: dict
      returned: always
    policies_not_read:
      description: Why it cannot be told which C(NetworkPolicies) are not in force; else null.
      type: str
      returned: always
    operator:
      description: Every C(TigeraStatus) with its conditions, and what is the matter with it.
      type: list
      elements: dict
      returned: always
    control_plane:
      description: >-
        How the rest of Calico stands: C(well), and C(troubles) in sentences. C(components) are the Deployments and csi-node-driver, with
        what they wait for. C(calico_api) is the API group of Calico's own resources, with its source. C(not_read) is what the account may
        not read, with the missing permission. None of it changes RV(status.ready).
      type: dict
      returned: always
    lock:
      description: The rollout's lock, as M(calico_ops.rollout.rollout_lock) returns it. A holder is a rollout that is under way, or one
        that was killed. Null if the account cannot read it.
      type: dict
      returned: always
      version_added: 0.2.0
    lock_not_read:
      description: Why it cannot be told whether a rollout is under way; else null.
      type: str
      returned: always
      version_added: 0.2.0
    scope:
      description: Where the C(Installation) lets Calico run (V(absent), V(overlaid), V(unscoped), V(pending) or V(in_force)), its
        selectors, and who writes its spec. V(overlaid) says that an C(Installation) named C(overlay) takes the place of a selector,
        of affinity or of tolerations.
      type: dict
      returned: always
"""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster import admission_record
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.access_review import (
    all_named,
    looking,
    rolling_out,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.calico_objects import read_settings, reading
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.lease import Place
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.lock import (
    LOCK_OPTIONS,
    lock_place,
    look_if_allowed,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.observe import survey
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.options import (
    LABEL_OPTIONS,
    PLACEMENT_OPTIONS,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.workloads import workloads_on
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import Cluster, connected
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.options import (
    AUTH_CONSTRAINTS,
    AUTH_OPTIONS,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import AdmissionLabel
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.names import check_label
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.rbac import Right
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.placement import (
    Placement,
    read_placement,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.policy_gap import (
    given_report,
    not_enforcing,
    policy_gaps,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.status.cluster_status import cluster_status

ROLLOUT_OPTIONS: dict[str, Any] = {"installation_spec": {"type": "dict"}, **PLACEMENT_OPTIONS}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "policy_gaps": {"type": "bool", "default": False},
            "policy_probe": {"type": "dict"},
            "rollout": {"type": "dict"},
            **LOCK_OPTIONS,
            **LABEL_OPTIONS,
            **AUTH_OPTIONS,
        },
        supports_check_mode=True,
        **AUTH_CONSTRAINTS,
    )
    params = module.params
    label = AdmissionLabel(key=params["admission_label"]["key"], value=params["admission_label"]["value"])
    with connected(module) as cluster:
        check_label(label["key"], label["value"])
        rollout, probe = foreseen(params["rollout"]), given_report(params["policy_probe"])
        lock = lock_place(params)
        with all_named(cluster, lambda: rights(cluster, label, params["policy_gaps"], rollout, lock), module.warn):
            name = cluster.name()
            seen = survey(cluster)
            kept = admission_record.read(cluster, label)
            calico = read_settings(cluster)
            gaps, policies_not_read = None, None
            if params["policy_gaps"]:
                doubts = not_enforcing(seen.nodes, probe)
                workloads = workloads_on(cluster, doubts)
                gaps = policy_gaps(seen.nodes, doubts, workloads.running, label)
                policies_not_read = workloads.policies_not_read
            held, lock_not_read = look_if_allowed(cluster, lock)
    module.exit_json(
        changed=False,
        cluster=name,
        nodes=sorted(seen.nodes, key=lambda node: node["name"]),
        observation=seen.observation,
        status=cluster_status(
            seen.nodes,
            seen.observation,
            seen.operator,
            gaps,
            label,
            time.time(),
            name,
            seen.control_plane,
            kept.admitted,
            kept.why_not,
            calico,
            policies_not_read,
            held,
            lock_not_read,
        ),
    )


class Foreseen(NamedTuple):
    """The rollout that is to follow."""

    installation_spec: Mapping[str, Any] | None
    placement: Placement


def foreseen(given: Mapping[str, Any] | None) -> Foreseen | None:
    """Checked as rollout_step checks them; RolloutError says what is wrong."""
    if given is None:
        return None
    checked = ArgumentSpecValidator(ROLLOUT_OPTIONS).validate(given)
    if checked.error_messages:
        raise RolloutError(f"rollout_info: rollout: {'; '.join(checked.error_messages)}.")
    options = checked.validated_parameters
    return Foreseen(options["installation_spec"], read_placement(options))


def rights(
    cluster: Cluster, label: AdmissionLabel, at_workloads: bool, rollout: Foreseen | None, lock: Place
) -> list[Right]:
    """What this call takes, and the rollout that follows."""
    more = [] if rollout is None else rolling_out(cluster, label, rollout.installation_spec, rollout.placement, lock)
    return [*looking(at_workloads=at_workloads), *more, *reading()]


if __name__ == "__main__":
    main()
