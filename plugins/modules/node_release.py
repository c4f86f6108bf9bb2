#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ends the quarantine of nodes whose host passes the precheck."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_release
short_description: Releases nodes from quarantine
version_added: "0.2.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - M(calico_ops.rollout.rollout_step) puts a node that fails into quarantine, if the C(on_failure) of its tier says so. This module ends
    the quarantine. It takes the label, the taint and the annotation of the quarantine off, by one write a node.
  - Only a node whose own host passes the precheck in O(precheck_report) is released. All others stay, and RV(kept) says why. It is the
    evidence that the P(calico_ops.rollout.plan#filter) filter asks for, so the next rollout admits the node.
  - A released node has no Calico until a rollout admits it. Until then the C(NetworkUnavailable) stays that calico-node may have left.
  - Taints and labels of others stay as they are. If somebody else writes the node in between, the module reads it again.
options:
  precheck_report:
    description: The evidence, as the filter P(calico_ops.rollout.precheck_report#filter) gives it.
    type: dict
    required: true
  nodes:
    description:
      - Names of the nodes. All that are in quarantine where the list is empty. A node that is in no quarantine is left alone.
      - A node that does not exist is refused, by name, before the first write.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - calico_ops.rollout._kube
  - calico_ops.rollout._writes
  - calico_ops.rollout._attributes
  - calico_ops.rollout._attributes.kube_group
attributes:
  check_mode:
    support: full
    details: Tells what would be released. The writes are tried by a dry run.
  diff_mode:
    support: full
    details: Shows the labels, annotations and taints that go, of each node.
  idempotent:
    support: full
seealso:
  - module: calico_ops.rollout.rollout_step
  - module: calico_ops.rollout.node_taints
"""

EXAMPLES = r"""
- name: Release what passes its precheck
  calico_ops.rollout.node_release:
    precheck_report: "{{ precheck_report }}"
  register: released

- name: Release one node, and fail if its host does not pass
  calico_ops.rollout.node_release:
    precheck_report: "{{ precheck_report }}"
    nodes:
      - edge-3
  register: released
  failed_when: released is failed or released.kept | length > 0
"""

RETURN = r"""
released:
  description: Names of the nodes that were released, or would be in check mode.
  returned: success
  type: list
  elements: str
kept:
  description: Each node that stays in quarantine, with C(cause), C(reason) and C(remedy) as in the C(excluded) of a plan.
  returned: success
  type: list
  elements: dict
  contains:
    node:
      description: Name of the node.
      type: str
      returned: always
    cause:
      description: V(not_in_run) if its host is not in the report because the run left it out.
      type: str
      returned: always
    reason:
      description: Why, in a sentence.
      type: str
      returned: always
text:
  description: The same in words.
  returned: success
  type: str
diff:
  description: What goes from each node.
  returned: in diff mode
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.access_review import WRITE_NODES, require
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.node_quarantine import (
    patch_nodes,
    raw_nodes,
    shown,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import connected
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.options import (
    AUTH_CONSTRAINTS,
    AUTH_OPTIONS,
    WRITE_OPTIONS,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.node_facts import node_facts
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.quarantine import ended
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.release import (
    given_precheck_report,
    release,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "precheck_report": {"type": "dict", "required": True},
            "nodes": {"type": "list", "elements": "str", "default": []},
            **WRITE_OPTIONS,
            **AUTH_OPTIONS,
        },
        supports_check_mode=True,
        **AUTH_CONSTRAINTS,
    )
    params = module.params
    with connected(module) as cluster:
        report = given_precheck_report(params["precheck_report"])
        outcome = release([node_facts(raw) for raw in raw_nodes(cluster)], report, params["nodes"] or ())
        if outcome.released:
            require(cluster, WRITE_NODES, module.warn)
        written = patch_nodes(
            cluster,
            dict.fromkeys(outcome.released, ended),
            params["rate"],
            params["concurrency"],
            dry_run=module.check_mode,
        )
    failed = {each.node: str(each.error) for each in written if each.error is not None}
    changed = [each for each in written if each.before is not None]
    result = {
        "changed": bool(changed),
        "released": [name for name in outcome.released if name not in failed],
        "kept": outcome.kept,
        "text": outcome.text(),
    }
    if module._diff:
        sides = {each.node: shown(each) for each in changed}
        result["diff"] = {
            "before": {node: before for node, (before, _after) in sides.items()},
            "after": {node: after for node, (_before, after) in sides.items()},
        }
    if failed:
        first = sorted(failed)[0]
        module.fail_json(msg=f"{len(failed)} nodes could not be released. The first reason: {failed[first]}", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
