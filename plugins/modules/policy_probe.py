#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Proves by packets between pods that network policy is in force on nodes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: policy_probe
short_description: Proves with packets between pods that network policy is in force on nodes
version_added: "0.2.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - A Ready calico-node does not show that policy is enforced. This module sends packets. It starts two pods on each node, writes policies
    that select them, and looks at what becomes of connections between them.
  - Connections go on through four phases. Without a policy all come through. Under a default deny in both directions none does. Then a
    precise policy lets some through, by port, pod selector and namespace selector. In the end the policies are gone, and all come through
    again. A node is proven if each connection had the right fate in each phase.
  - For each node it tries both directions, both ways (on the node and between nodes), the address families of its pods, TCP and UDP.
    O(strength) says in how many combinations. Packets of the size of the pods' links are among them.
  - It measures how long each node takes to enforce a policy, from the API server's answer on.
  - All that it writes is in O(namespace), which it makes where it is missing, and one C(GlobalNetworkPolicy) with O(calico_policy). In
    the end it removes pods and policies. What a killed run leaves goes with the next run, or with O(state=absent).
  - One run at a time, by a C(Lease) in the namespace. A second one fails and names the holder.
  - Pods of DNS are asked at their own addresses, not at that of their Service, because policies apply after the one has become the other.
  - Each of the two clients on a node tries 50 connections a second, at most 50 of them at once, of under 1 kB each, and 5 kB each for the
    large packets. It takes about 0.1 of a core and 7 MiB of memory for some seconds.
options:
  state:
    description:
      - V(proven) proves policy on O(nodes), and fails if it is not in force or not shown to be.
      - V(absent) removes what runs left, and the namespace if a run made it.
    type: str
    choices: [proven, absent]
    default: proven
  nodes:
    description: Names of the nodes on which policy is to be proven. Needed with O(state=proven).
    type: list
    elements: str
    default: []
  proven_nodes:
    description:
      - Names of nodes on which policy was proven before. A sample of them takes part, so that a fault shows whose it is. How large it is
        depends on the number of O(nodes) only.
    type: list
    elements: str
    default: []
  at_once:
    description:
      - Most nodes that are probed at a time. More O(nodes) are probed in turns, with a line on the screen after each. The nodes that a turn
        proves count as O(proven_nodes) for the next one.
    type: int
    default: 50
  image:
    description:
      - Image with C(/agnhost) and C(/bin/bash) 5.0 or newer, for instance C(registry.k8s.io/e2e-test-images/agnhost:2.53) or its copy in a
        registry of your own. Needed with O(state=proven).
    type: str
  image_pull_secrets:
    description: Names of Secrets in O(namespace) with credentials for the registry.
    type: list
    elements: str
    default: []
  namespace:
    description: Namespace of the pods and policies. Use it for nothing else. It is made for the Pod Security level C(restricted).
    type: str
    default: calico-ops-policy-probe
  tolerations:
    description:
      - Tolerations of the pods. Without this option they tolerate the taints C(rollout.calico-ops.dev/quarantine),
        C(node.kubernetes.io/not-ready) and C(node.kubernetes.io/unschedulable).
    type: list
    elements: dict
  resources:
    description:
      - Resources of a server's and of a client's container, as in a manifest. The default requests C(20m) and C(32Mi). Its limits are
        C(500m) and C(128Mi). A limit below 0.2 of a core makes connections late.
    type: dict
  security_context:
    description:
      - Fields of the containers' C(securityContext) over the default, which meets Pod Security C(restricted). Null takes a field away, for
        instance V(runAsUser=null) where the platform chooses the user.
    type: dict
    default: {}
  runtime_class:
    description: Name of the pods' RuntimeClass.
    type: str
  strength:
    description:
      - How many of the five properties of a connection (way, family, protocol, direction, allowed or not) are tried in every combination.
        V(2) takes 6 connections a node, V(3) takes 10, V(full) takes 32; the special ones come on top.
    type: str
    choices: ["2", "3", "full"]
    default: "2"
  seed:
    description: Of the draw of peers. The same nodes and seed give the same connections.
    type: int
    default: 0
  deadline:
    description: Seconds after a write in which policy must be in force, from 0.5 to 120.
    type: float
    default: 5
  timeout:
    description: Seconds in which the pods must run, the pull of the image included. A node whose pods do not run is not proven.
    type: float
    default: 120
  foreign_policies:
    description:
      - What to do if a policy of others applies to the probe's pods. C(ClusterNetworkPolicy), C(AdminNetworkPolicy),
        C(BaselineAdminNetworkPolicy), C(GlobalNetworkPolicy), and what others write into O(namespace) are looked at.
      - V(refuse) names them and fails before the first pod. V(ignore) names them in the report.
    type: str
    choices: [refuse, ignore]
    default: refuse
  calico_policy:
    description:
      - Deny by a C(GlobalNetworkPolicy) that is scoped to O(namespace), in place of a C(NetworkPolicy), and allow by a C(NetworkPolicy). So
        both APIs are proven. The cluster must serve C(projectcalico.org/v3).
    type: bool
    default: false
  dns_service:
    description:
      - C(NAMESPACE/NAME) of the Service of the cluster's DNS. One pod on each of O(nodes) asks a pod of DNS over UDP. The policies deny
        that, and then allow it.
      - Without this option, it is the Service with the label C(k8s-app=kube-dns) in C(kube-system), or C(openshift-dns/dns-default).
      - V(none) leaves DNS out. If DNS cannot be tried, the report says why in C(limits). DNS that does not answer is no fault of a node.
    type: str
    default: ""
extends_documentation_fragment:
  - calico_ops.rollout._kube
  - calico_ops.rollout._attributes
  - calico_ops.rollout._attributes.kube_group
attributes:
  check_mode:
    support: partial
    details: >-
      Reviews the account's permissions and looks for policies of others. If the namespace exists, the API server judges the pods by a dry
      run. Nothing is made, and nothing is known of the nodes.
  diff_mode:
    support: full
    details: Shows the namespace, and what runs left in it.
  idempotent:
    support: full
    details: Pods and policies are gone in the end, so only a namespace that is made or removed, and what is swept, count as changed.
seealso:
  - module: calico_ops.rollout.node_readiness
notes:
  - "Needs rules beside those of a rollout: C(calico-ops-policy-probe) in C(docs/reference/rbac.yaml)."
"""

EXAMPLES = r"""
- name: Network policy is in force on the three nodes of a batch
  calico_ops.rollout.policy_probe:
    image: registry.example.com/e2e-test-images/agnhost:2.53
    nodes:
      - core-1
      - core-2
      - core-3
    proven_nodes: "{{ groups['proven'] }}"
  register: policy

- name: The same in every combination, on an edge node with a taint
  calico_ops.rollout.policy_probe:
    image: registry.example.com/e2e-test-images/agnhost:2.53
    nodes:
      - edge-7
    strength: full
    tolerations:
      - key: example.com/edge
        operator: Exists

- name: Nothing of a probe is left
  calico_ops.rollout.policy_probe:
    state: absent
"""

RETURN = r"""
probe:
  description: The document PolicyProbeReport. Returned on failure too.
  returned: with O(state=proven), if the pods could be made and not in check mode
  type: dict
  contains:
    kind:
      description: Always C(PolicyProbeReport).
      type: str
      returned: always
    outcome:
      description: V(proven), V(failed) if a packet had a wrong fate, V(not_proven) if evidence is missing and nothing else is wrong.
      type: str
      returned: always
    reason:
      description: The same in a sentence.
      type: str
      returned: always
    nodes:
      description: A verdict for each node, with reason, remedy, the connections that failed, and how long policy took to be in force.
      type: list
      elements: dict
      returned: always
    pairs:
      description: Two nodes between which connections fail that succeed with any other.
      type: list
      elements: dict
      returned: always
    rows:
      description: Each connection that was tried, and its fate in each phase.
      type: list
      elements: dict
      returned: always
    settled:
      description: Milliseconds until policy was in force (C(median), C(p99), C(longest)); null if nothing was measured.
      type: dict
      returned: always
    seconds:
      description: Seconds until all pods ran (C(pods)), of the four phases (C(phases)), and of C(cleanup).
      type: dict
      returned: always
    limits:
      description: What was not proven and why, a sentence each.
      type: list
      elements: str
      returned: always
    looks:
      description:
        - How many times the connections were tried, 1 or 2.
        - There is a second time if one that policy allows was lost, or policy was late. It counts as a fault only if both times show it.
      type: int
      returned: always
    connections:
      description: Number of connections that were tried.
      type: int
      returned: always
    requests:
      description: Number of requests to the API server, without watches.
      type: int
      returned: always
proven:
  description: Nodes that earlier turns had proven. Give them as O(proven_nodes) to go on with the others.
  returned: if a turn cannot run
  type: list
  elements: str
pods:
  description: The pods that a run would make.
  returned: in check mode with O(state=proven)
  type: list
  elements: dict
removed:
  description: What was removed, by kind and name.
  returned: with O(state=absent)
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.access_review import require
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe import namespace
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.options import (
    PROBE_OPTIONS,
    probe_request,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.run import (
    foresee_removal,
    prove,
    rehearse,
    remove_all,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import Cluster, connected
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.options import (
    AUTH_CONSTRAINTS,
    AUTH_OPTIONS,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.turns import MOST_AT_ONCE


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["proven", "absent"], "default": "proven"},
            "nodes": {"type": "list", "elements": "str", "default": []},
            "proven_nodes": {"type": "list", "elements": "str", "default": []},
            # Read where the turns are taken, by the action plugin.
            "at_once": {"type": "int", "default": MOST_AT_ONCE},
            **PROBE_OPTIONS,
            **AUTH_OPTIONS,
        },
        required_if=[("state", "proven", ("image", "nodes"))],
        supports_check_mode=True,
        **AUTH_CONSTRAINTS,
    )
    with connected(module) as cluster:
        result = absent(module, cluster) if module.params["state"] == "absent" else proven(module, cluster)
    probe = result.get("probe")
    if probe is not None and probe["outcome"] != "proven":
        module.fail_json(msg=f"Network policy is not proven: {probe['reason']}", **result)
    module.exit_json(**result)


def proven(module: AnsibleModule, cluster: Cluster) -> dict[str, Any]:
    params = module.params
    request = probe_request(params)
    existed = namespace.exists(cluster, request.namespace)
    require(cluster, namespace.rights(request, existed), module.warn, role_in=request.namespace)
    made = {"before": "", "after": "" if existed else f"Namespace {request.namespace}\n"}
    result: dict[str, Any] = {"changed": not existed, "diff": made}
    if module.check_mode:
        return {**result, "pods": rehearse(cluster, request, params["nodes"], params["proven_nodes"])}
    return {**result, "probe": prove(cluster, request, params["nodes"], params["proven_nodes"], tell=module.warn)}


def absent(module: AnsibleModule, cluster: Cluster) -> dict[str, Any]:
    name = module.params["namespace"]
    removed = foresee_removal(cluster, name) if module.check_mode else remove_all(cluster, name)
    before = "".join(f"{one}\n" for one in removed)
    return {"changed": bool(removed), "removed": removed, "diff": {"before": before, "after": ""}}


if __name__ == "__main__":
    main()
