#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Labels and annotations on many nodes, one write a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_labels
short_description: Sets labels and annotations on many nodes in one call
version_added: "0.1.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - Lists the nodes' metadata once, compares, and writes only the nodes that differ, each in a single merge patch.
  - A node that does not exist is refused, by name, before the first write.
  - Where the account may not patch nodes, that is said before the first write too, and in check mode.
  - Writes are bounded in rate and concurrency. V(429), V(409) and V(5xx) answers are repeated. What could not be written is reported
    node by node, and so is what was.
options:
  nodes:
    description: Names of the nodes.
    type: list
    elements: str
  selector:
    description: Kubernetes label selector of the nodes, for instance C(topology.kubernetes.io/zone in (a,b)).
    type: str
  labels:
    description: Labels by key. A value of V(null) removes the label.
    type: dict
  annotations:
    description: Annotations by key. A value of V(null) removes the annotation.
    type: dict
extends_documentation_fragment:
  - calico_ops.rollout._kube
  - calico_ops.rollout._writes
  - calico_ops.rollout._attributes
  - calico_ops.rollout._attributes.kube_group
attributes:
  check_mode:
    support: full
    details:
      - The nodes are read and compared; nothing is written.
      - Check mode tries the writes by a dry run. If an admission policy or webhook denies one, the task fails as the real one would. Of
        more than 100 nodes, 100 are tried that carry between them all labels of the others, and a warning says so.
  diff_mode:
    support: full
    details: Shows the labels and annotations that change, and no others.
  idempotent:
    support: full
seealso:
  - module: calico_ops.rollout.node_readiness
  - module: calico_ops.rollout.rollout_info
"""

EXAMPLES = r"""
- name: Mark the nodes of the first batch
  calico_ops.rollout.node_labels:
    nodes:
      - core-1
      - core-2
    labels:
      rollout.calico-ops.dev/admitted: "true"
    annotations:
      rollout.calico-ops.dev/batch: core-1

- name: Take a label off every edge node, ten writes a second
  calico_ops.rollout.node_labels:
    selector: node-role.example.com/edge
    labels:
      example.com/maintenance: null
    rate: 10
"""

RETURN = r"""
changed_nodes:
  description: Names of the nodes that were written, or would be in check mode.
  returned: always
  type: list
  elements: str
unchanged:
  description: Number of nodes that were as wanted already.
  returned: always
  type: int
failed_nodes:
  description: Why a node could not be written, by name. The module fails when there is any.
  returned: always
  type: dict
diff:
  description: The labels and annotations that change, by node.
  returned: in diff mode
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.access_review import WRITE_NODES, require
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.node_labels import (
    apply_label_changes,
    label_changes,
    try_label_changes,
    wanted_annotations,
    wanted_labels,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.node_writes_result import finish
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import connected
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.options import (
    AUTH_CONSTRAINTS,
    AUTH_OPTIONS,
    WRITE_OPTIONS,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "nodes": {"type": "list", "elements": "str"},
            "selector": {"type": "str"},
            "labels": {"type": "dict"},
            "annotations": {"type": "dict"},
            **WRITE_OPTIONS,
            **AUTH_OPTIONS,
        },
        mutually_exclusive=[("nodes", "selector")],
        required_one_of=[("nodes", "selector"), ("labels", "annotations")],
        supports_check_mode=True,
        **AUTH_CONSTRAINTS,
    )
    params = module.params
    with connected(module) as cluster:
        labels, annotations = wanted_labels(params["labels"] or {}), wanted_annotations(params["annotations"] or {})
        nodes = cluster.node_metadata({"labelSelector": params["selector"]})
        if params["selector"] is not None and not nodes:
            module.warn(f"No node matches the selector {params['selector']!r}.")
        changes = label_changes(nodes, params["nodes"], labels, annotations)
        if changes:
            require(cluster, WRITE_NODES, module.warn)
        outcomes, trial = {}, None
        if module.check_mode:
            trial = try_label_changes(cluster, changes, nodes, params["rate"], params["concurrency"])
        else:
            outcomes = apply_label_changes(cluster, changes, params["rate"], params["concurrency"])
    failed = {node: str(outcome.error) for node, outcome in outcomes.items() if not outcome.ok}
    meant = len(nodes) if params["nodes"] is None else len(set(params["nodes"]))
    finish(module, changes, failed, meant, trial)


if __name__ == "__main__":
    main()
