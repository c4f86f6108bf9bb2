#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until calico-node runs as it should on every node that is expected to have it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_readiness
short_description: Waits until calico-node is ready on every expected node
version_added: "0.1.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - A node passes if it carries the admission label and has exactly one calico-node pod. The pod must be Ready, not being deleted, and of
    the DaemonSet's newest template. The Node must be Ready without C(NetworkUnavailable).
  - All nodes share one deadline. Whether it passes or fails, the module returns the table of all nodes with who, what, why and since when.
  - C(TigeraStatus) is not part of the judgement. It says Available when the selector matches no node, and it does not name nodes.
  - Zero expected nodes never pass.
  - Where the account may not read all that this takes, the module fails with every right that is missing.
options:
  nodes:
    description: Names of the nodes that are expected to run calico-node.
    type: list
    elements: str
  selector:
    description:
      - Kubernetes label selector of the nodes that are expected to run calico-node, for instance C(topology.kubernetes.io/zone in (a,b)).
        Read anew with each change, so nodes that join during the wait are expected too.
    type: str
  timeout:
    description: Seconds after which the module fails, for all nodes together. V(0) judges once and does not wait.
    type: int
    default: 300
  soak:
    description: Seconds that all nodes must stay ready without a break before they pass. They count towards O(timeout).
    type: int
    default: 0
extends_documentation_fragment:
  - calico_ops.rollout._kube
  - calico_ops.rollout._label
  - calico_ops.rollout._attributes
  - calico_ops.rollout._attributes.kube_group
attributes:
  check_mode:
    support: full
    details: Returns at once with the present state, RV(waiting_for) telling what a real run would wait for. Does not fail because of it.
  diff_mode:
    support: none
    details: The module changes nothing.
  idempotent:
    support: full
seealso:
  - module: calico_ops.rollout.node_labels
  - module: calico_ops.rollout.installation_scope
"""

EXAMPLES = r"""
- name: calico-node is ready on the three nodes of the first batch, and has been for ten seconds
  calico_ops.rollout.node_readiness:
    nodes:
      - core-1
      - core-2
      - core-3
    timeout: 600
    soak: 10

- name: calico-node is ready on every admitted node
  calico_ops.rollout.node_readiness:
    selector: rollout.calico-ops.dev/admitted=true
"""

RETURN = r"""
readiness:
  description: The table of the expected nodes. Returned on failure too.
  returned: when the cluster could be read
  type: dict
  contains:
    kind:
      description: Always C(Readiness).
      type: str
      returned: always
    version:
      description: Version of the document.
      type: int
      returned: always
    ready:
      description: Whether all expected nodes pass.
      type: bool
      returned: always
    expected:
      description: Number of expected nodes.
      type: int
      returned: always
    ready_count:
      description: Number of nodes that pass.
      type: int
      returned: always
    blockers:
      description: What is wrong with the DaemonSet as a whole, in sentences.
      type: list
      elements: str
      returned: always
    nodes:
      description: One row for each expected node.
      type: list
      elements: dict
      returned: always
      contains:
        node:
          description: Name of the node.
          type: str
          returned: always
        ready:
          description: Whether the node passes.
          type: bool
          returned: always
        state:
          description:
            - V(ready), or the first condition that is false, namely V(node_missing), V(not_labelled), V(kubelet_silent), V(no_pod),
              V(two_pods), V(deleting), V(old_revision), V(not_ready), V(network_unavailable) or V(node_not_ready).
          type: str
          returned: always
        reason:
          description: The same in a sentence; null when the node passes.
          type: str
          returned: always
        since:
          description: RFC 3339 time of the last change of the pod's Ready condition; null when there is no such pod.
          type: str
          returned: always
        pod:
          description: Name of the pod; null when there is none or more than one.
          type: str
          returned: always
waiting_for:
  description: What is missing, in one sentence; null when all nodes pass.
  returned: when the cluster could be read
  type: str
elapsed:
  description: Seconds that the module waited.
  returned: when the cluster could be read
  type: float
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.access_review import (
    all_named,
    looking,
    observing,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.observe import Observer, observe_once
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.options import LABEL_OPTIONS
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.wait import (
    Expectation,
    Verdict,
    await_ready,
    missing,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import connected
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.options import (
    AUTH_CONSTRAINTS,
    AUTH_OPTIONS,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import AdmissionLabel

LIST_SECONDS = 30
"""The first lists may take that much longer than the timeout: there is always a table to return."""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "nodes": {"type": "list", "elements": "str"},
            "selector": {"type": "str"},
            "timeout": {"type": "int", "default": 300},
            "soak": {"type": "int", "default": 0},
            **LABEL_OPTIONS,
            **AUTH_OPTIONS,
        },
        mutually_exclusive=[("nodes", "selector")],
        required_one_of=[("nodes", "selector")],
        supports_check_mode=True,
        **AUTH_CONSTRAINTS,
    )
    params = module.params
    started = time.monotonic()
    label = AdmissionLabel(key=params["admission_label"]["key"], value=params["admission_label"]["value"])
    with connected(module) as cluster:
        expectation = Expectation(label, params["nodes"], params["selector"])
        at_once = module.check_mode or params["timeout"] <= 0
        with all_named(cluster, looking if at_once else observing, module.warn):
            if at_once:
                readiness = expectation.judge(observe_once(cluster))
                verdict = Verdict(readiness, missing(readiness))
            else:
                deadline = started + params["timeout"]
                with Observer(cluster, deadline + LIST_SECONDS) as observer:
                    verdict = await_ready(expectation, observer, deadline, params["soak"])
    elapsed = round(time.monotonic() - started, 1)
    result = {"changed": False, "readiness": verdict.readiness, "waiting_for": verdict.missing, "elapsed": elapsed}
    if verdict.missing is not None and not module.check_mode:
        module.fail_json(
            msg=f"calico-node was not ready on every node within {params['timeout']} s: {verdict.missing}",
            **result,
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
