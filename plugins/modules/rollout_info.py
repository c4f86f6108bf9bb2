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
  - Returns each Node with the facts that a plan needs, and one observation of what a rollout looks at, namely the nodes' conditions,
    calico-node's pods, its DaemonSet and the Installation.
  - Reads only. The nodes are listed in pages and trimmed page by page.
  - Works before Calico is installed. What is not there yet is null or empty.
extends_documentation_fragment:
  - calico_ops.rollout._kube
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
"""

RETURN = r"""
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
      description: Whether a Ready calico-node runs on it, whoever let it there.
      type: bool
      returned: always
    object:
      description: >-
        What a tier's C(match) sees of the Node. C(metadata) has name and labels; C(spec) has podCIDRs, providerID, taints and
        unschedulable; C(status) has addresses, allocatable, capacity, nodeInfo, and of each condition type, status and reason.
        Annotations are not in it.
      type: dict
      returned: always
    batch:
      description: The batch in which a rollout admitted it, V(adoption) where it ran calico-node before; null where none did.
      type: str
      returned: always
observation:
  description: The Observation document, the same that rollouts are decided on.
  returned: always
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.argspec import AUTH_CONSTRAINTS, AUTH_OPTIONS
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import connected
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.observe import survey


def main() -> None:
    module = AnsibleModule(argument_spec=dict(AUTH_OPTIONS), supports_check_mode=True, **AUTH_CONSTRAINTS)
    with connected(module) as cluster:
        nodes, observation = survey(cluster)
    module.exit_json(changed=False, nodes=sorted(nodes, key=lambda node: node["name"]), observation=observation)


if __name__ == "__main__":
    main()
