#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Taints on many nodes, without a race and without touching anybody else's."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_taints
short_description: Sets or removes taints on many nodes in one call
version_added: "0.1.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - Lists the nodes once, compares, and writes only the nodes that differ, one write a node.
  - The API knows a node's taints as one list. Each write replaces the list and is good only for the node as it was read. If somebody else
    writes the node in between, the module reads it again. So it never loses or restores a taint of somebody else.
  - Taints that are not named stay as they are and where they are in the list. A taint that is there already is no change.
  - A node that does not exist is refused, by name, before the first write.
  - Where the account may not patch nodes, that is said before the first write too, and in check mode.
  - Writes are bounded in rate and concurrency. V(429) and V(5xx) answers are repeated. What could not be written is reported node by
    node, and so is what was.
options:
  nodes:
    description:
      - Names of the nodes. There is no way to say all of them, because a taint keeps workloads off a node or evicts them.
    type: list
    elements: str
    required: true
  taints:
    description: The taints. Kubernetes distinguishes them by O(taints[].key) and O(taints[].effect).
    type: list
    elements: dict
    required: true
    suboptions:
      key:
        description: Key of the taint.
        type: str
        required: true
      value:
        description:
          - Value of the taint, a string. Quote what YAML would read as something else.
          - With O(state=present) the taint has this value afterwards, and none where none is given.
          - With O(state=absent) only a taint with this value is removed; where none is given, whatever its value.
        type: raw
      effect:
        description: What becomes of pods that do not tolerate the taint. V(NoExecute) evicts those that run already.
        type: str
        choices: [NoSchedule, PreferNoSchedule, NoExecute]
        required: true
  state:
    description: Whether the nodes are to have the taints.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - calico_ops.rollout._kube
  - calico_ops.rollout._writes
  - calico_ops.rollout._attributes
  - calico_ops.rollout._attributes.kube_group
attributes:
  check_mode:
    support: full
    details:
      - The nodes are read and compared; nothing is written. RV(diff) is what a real run would bring about.
      - Check mode tries the writes by a dry run. If an admission policy or webhook denies one, the task fails as the real one would. Of
        more than 100 nodes, 100 are tried that carry between them all labels and taints of the others, and a warning says so.
  diff_mode:
    support: full
    details: Shows the whole list of taints, before and after, of each node that changes.
  idempotent:
    support: full
seealso:
  - module: calico_ops.rollout.node_labels
  - module: calico_ops.rollout.rollout_info
"""

EXAMPLES = r"""
- name: Close two nodes without Calico to new workloads
  calico_ops.rollout.node_taints:
    nodes:
      - edge-3
      - edge-4
    taints:
      - key: rollout.calico-ops.dev/quarantine
        value: precheck-failed
        effect: NoSchedule

- name: Open them again, whatever the reason was
  calico_ops.rollout.node_taints:
    nodes:
      - edge-3
      - edge-4
    taints:
      - key: rollout.calico-ops.dev/quarantine
        effect: NoSchedule
    state: absent
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
  description: All taints of each node that changes, before and after.
  returned: in diff mode
  type: dict
"""

from functools import partial

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.access_review import WRITE_NODES, require
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.node_taints import (
    apply_taint_changes,
    taint_changes,
    tainted_nodes,
    try_taint_changes,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.node_writes_result import finish
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import connected
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.options import (
    AUTH_CONSTRAINTS,
    AUTH_OPTIONS,
    WRITE_OPTIONS,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.taints import (
    EFFECTS,
    wanted_taints,
    with_taints,
    without_taints,
)

TAINT_OPTIONS = {
    "key": {"type": "str", "required": True, "no_log": False},
    "value": {"type": "raw"},
    "effect": {"type": "str", "choices": list(EFFECTS), "required": True},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "nodes": {"type": "list", "elements": "str", "required": True},
            "taints": {"type": "list", "elements": "dict", "required": True, "options": TAINT_OPTIONS},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            **WRITE_OPTIONS,
            **AUTH_OPTIONS,
        },
        supports_check_mode=True,
        **AUTH_CONSTRAINTS,
    )
    params = module.params
    present = params["state"] == "present"
    failed: dict[str, str] = {}
    trial = None
    with connected(module) as cluster:
        taints = wanted_taints(params["taints"], present)
        judge = partial(with_taints if present else without_taints, these=taints)
        changes = taint_changes(tainted_nodes(cluster), params["nodes"], judge)
        if changes:
            require(cluster, WRITE_NODES, module.warn)
        if module.check_mode:
            trial = try_taint_changes(cluster, changes, params["rate"], params["concurrency"])
        else:
            changes, failed = apply_taint_changes(cluster, changes, judge, params["rate"], params["concurrency"])
    finish(module, changes, failed, len(set(params["nodes"])), trial)


if __name__ == "__main__":
    main()
