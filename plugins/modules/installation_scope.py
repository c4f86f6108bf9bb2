#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets Calico only onto admitted nodes: sets the node selectors in the Installation of tigera-operator."""

from __future__ import annotations

DOCUMENTATION = r"""
module: installation_scope
short_description: Lets Calico only onto the nodes that carry the admission label
version_added: "0.1.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - Sets the admission label as node selector of calico-node, of csi-node-driver and of the control plane of Calico in
    the C(Installation) named C(default) of tigera-operator.
  - The selector is meant to be set once. Each change of it restarts calico-node on every node that has it, so let nodes in by
    labelling them (M(calico_ops.rollout.node_labels)), never by changing the selector.
  - On request it sets affinity and tolerations of calico-node and csi-node-driver, pins typha, and places the control plane.
  - The module writes by server-side apply, bound to the UID of the object that it judged. Its field managers are C(calico-ops-scope) for
    all that restarts calico-node, C(calico-ops-typha), and C(calico-ops-control-plane). Nothing else is touched, and no other manager's
    field is taken over unasked.
  - The module first judges the object that the API server would store (a dry run). It refuses, and writes nothing, in these cases.
  - A Ready or restarting calico-node would lose its node. Another manager adds keys to the selector. An C(Installation) named C(overlay)
    exists. Calico or Canal was installed from a manifest into C(kube-system). tigera-operator ignores the label. No node would take the
    pods of Calico's control plane.
options:
  create:
    description:
      - Create the C(Installation) from O(spec), with the selectors in it from its first moment. Label the first batch before,
        or nothing will run anywhere.
      - When an C(Installation) exists that already has everything in O(spec), nothing is changed. When it differs, the
        module fails and names the fields; it never overwrites one.
    type: bool
    default: false
  spec:
    description:
      - The whole C(spec) of the C(Installation) to create, as in its manifest. The selectors are added to it.
      - Looked at with O(create=true) only.
    type: dict
  may_lose_calico:
    description:
      - Names of nodes that may lose their Ready calico-node by this change. Every other node that runs one must carry the label.
    type: list
    elements: str
    default: []
  when_owned:
    description:
      - What to do if Helm or a GitOps controller (Argo CD, Flux, Rancher Fleet) applies an object that lacks a field. Its labels,
        annotations and field managers show the owner. A patch would be taken out again at the next sync.
      - V(refuse) writes nothing, fails, and returns the YAML to commit as RV(to_commit).
      - V(wait) writes nothing and waits up to O(timeout) for the fields to appear. In check mode it returns at once.
      - V(patch) writes all the same.
    type: str
    choices: [refuse, wait, patch]
    default: refuse
  wait:
    description:
      - Wait until tigera-operator has put the selector into the DaemonSet and has observed this generation of the C(Installation). If
        the operator rejects it, fail with its words. Ignored in check mode.
      - This is no proof that calico-node runs; that is what M(calico_ops.rollout.node_readiness) is for.
    type: bool
    default: true
  restart_patience:
    description:
      - How many seconds calico-node may at least be not ready on a node without the label before it counts as stuck there, and may go.
        Where calico-node takes long to become ready, it is three times that.
      - Until then it may be between two ready ones (a rolling update, a reboot), and the selector would take it from the node for good.
        With O(wait) the module waits for that, otherwise it refuses by the name of the node.
    type: int
    default: 60
  timeout:
    description: Seconds that waiting may take, with O(wait) and with O(when_owned=wait).
    type: int
    default: 120
extends_documentation_fragment:
  - calico_ops.rollout._kube
  - calico_ops.rollout._label
  - calico_ops.rollout._placement
  - calico_ops.rollout._attributes
  - calico_ops.rollout._attributes.kube_group
attributes:
  check_mode:
    support: full
    details: Sends dry-run requests, which the API server validates and judges as it would the real ones.
  diff_mode:
    support: full
    details: Shows selectors, affinity and tolerations of each component (and with O(create) the whole spec), before and after.
  idempotent:
    support: full
seealso:
  - module: calico_ops.rollout.node_labels
  - module: calico_ops.rollout.node_readiness
  - module: calico_ops.rollout.rollout_step
"""

EXAMPLES = r"""
- name: Calico runs only on nodes with rollout.calico-ops.dev/admitted=true
  calico_ops.rollout.installation_scope:

- name: The same with a label of our own, while edge-7 is taken out of Calico on purpose
  calico_ops.rollout.installation_scope:
    admission_label:
      key: calico.example.com/admitted
      value: "yes"
    may_lose_calico:
      - edge-7

- name: The same on a fleet with tainted edge nodes, typha and the API server on the core tier
  calico_ops.rollout.installation_scope:
    tolerations:
      - operator: Exists
        effect: NoSchedule
      - operator: Exists
        effect: NoExecute
    typha_label:
      key: example.com/tier
      value: core
    apiserver:
      node_selector:
        example.com/tier: core

- name: An Installation that Argo CD applies is not patched; wait an hour for the commit
  calico_ops.rollout.installation_scope:
    when_owned: wait
    timeout: 3600

- name: A clean install starts on the nodes that are labelled already, and on no other
  calico_ops.rollout.installation_scope:
    create: true
    spec:
      variant: Calico
      calicoNetwork:
        # Without it the operator may render calico-node twice, and restart it on the first nodes.
        nodeAddressAutodetectionV4:
          firstFound: true
        ipPools:
          - cidr: 10.244.0.0/16
            encapsulation: VXLAN
"""

RETURN = r"""
installation:
  description: The Installation after the change; in check mode as the API server would store it.
  returned: success
  type: dict
  contains:
    uid:
      description: UID of the object.
      type: str
      returned: always
    generation:
      description: Generation of the spec.
      type: int
      returned: always
    calico_node_selector:
      description: Node selector of calico-node.
      type: dict
      returned: always
    csi_node_driver_selector:
      description: Node selector of csi-node-driver.
      type: dict
      returned: always
    control_plane_selector:
      description: Node selector of the control plane of Calico.
      type: dict
      returned: always
    variant:
      description: Variant of the product, null where the spec does not say.
      type: str
      returned: always
    provider:
      description: Kubernetes provider, null where the spec does not say.
      type: str
      returned: always
    managed_by:
      description: Names of the field managers that write the spec.
      type: list
      elements: str
      returned: always
    owned_by:
      description: The Helm release and GitOps controllers that apply it from outside the cluster, in words.
      type: list
      elements: str
      returned: always
    placement:
      description: C(nodeSelector), C(affinity) and C(tolerations) of each component's override, as far as there are any.
      type: dict
      returned: always
taken_over:
  description: The fields that other managers held with other values, with O(force_conflicts).
  returned: success
  type: list
  elements: dict
  contains:
    manager:
      description: Name of the field manager that held it.
      type: str
      returned: always
    field:
      description: Path of the field.
      type: str
      returned: always
    value:
      description: The value that it had.
      type: raw
      returned: always
to_commit:
  description: YAML to merge into what Helm or a GitOps controller applies.
  returned: when something is to be set in an object that it owns, unless O(when_owned=patch)
  type: str
  sample: |
    # Merge into what Argo CD (application calico) applies; a chart's values may have the spec under another name.
    apiVersion: operator.tigera.io/v1
    kind: Installation
    metadata:
      name: default
    spec:
      controlPlaneNodeSelector:
        rollout.calico-ops.dev/admitted: "true"
created:
  description: Whether the Installation was, or in check mode would be, created.
  returned: success
  type: bool
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.access_review import require, scoping
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.installation.scope import scope
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.installation.scope_request import (
    OwnedElsewhere,
    ScopeOutcome,
    ScopeRequest,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.installation.scope_waits import (
    await_committed,
    await_in_force,
    await_restarts,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.observe import Observer, observe_once
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.options import (
    LABEL_OPTIONS,
    PLACEMENT_OPTIONS,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import Cluster, connected
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.options import (
    AUTH_CONSTRAINTS,
    AUTH_OPTIONS,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import AdmissionLabel
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.intent import (
    PATCH,
    REFUSE,
    WHEN_OWNED,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.placement import read_placement
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.restarting import LEAST_PATIENCE

LIST_SECONDS = 30
"""The first lists may take that much longer than the timeout: there is always an answer to why it is not in force."""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "create": {"type": "bool", "default": False},
            "spec": {"type": "dict"},
            "may_lose_calico": {"type": "list", "elements": "str", "default": []},
            "when_owned": {"type": "str", "choices": list(WHEN_OWNED), "default": REFUSE},
            "wait": {"type": "bool", "default": True},
            "restart_patience": {"type": "int", "default": LEAST_PATIENCE},
            "timeout": {"type": "int", "default": 120},
            **LABEL_OPTIONS,
            **AUTH_OPTIONS,
            **PLACEMENT_OPTIONS,
        },
        required_if=[("create", True, ("spec",))],
        supports_check_mode=True,
        **AUTH_CONSTRAINTS,
    )
    params = module.params
    deadline = time.monotonic() + params["timeout"]
    with connected(module) as cluster:
        label = AdmissionLabel(key=params["admission_label"]["key"], value=params["admission_label"]["value"])
        request = ScopeRequest(
            label=label,
            placement=read_placement(params),
            may_lose_calico=params["may_lose_calico"],
            take_over=params["force_conflicts"],
            patch_owned=params["when_owned"] == PATCH,
            restart_patience=params["restart_patience"],
            check_mode=module.check_mode,
        )
        spec = params["spec"] if params["create"] else None
        require(cluster, scoping(cluster, label, spec, request.placement, anew=True), module.warn)
        if params["wait"] and not module.check_mode:
            _await_restarts(cluster, request, deadline)
        observation = observe_once(cluster)
        try:
            outcome = scope(cluster, request, observation=observation, create_spec=spec)
        except OwnedElsewhere as elsewhere:
            told = {"to_commit": elsewhere.owned.document, "diff": []}
            if params["when_owned"] == REFUSE:
                module.fail_json(msg=str(elsewhere), **told)
            if module.check_mode:
                seen = observation["installation"]
                module.exit_json(changed=False, created=False, installation=seen, taken_over=[], **told)
            _await_commit(cluster, request, deadline)
            outcome = scope(cluster, request, observation=observe_once(cluster), create_spec=spec)
        if params["wait"] and not module.check_mode:
            _wait(cluster, outcome, label, deadline)
    module.exit_json(
        changed=outcome.changed,
        created=outcome.created,
        installation=outcome.installation,
        taken_over=[conflict._asdict() for conflict in outcome.taken_over],
        diff=outcome.diff(),
    )


def _await_restarts(cluster: Cluster, request: ScopeRequest, deadline: float) -> None:
    with Observer(cluster, deadline + LIST_SECONDS) as observer:
        await_restarts(observer, deadline, request)


def _await_commit(cluster: Cluster, request: ScopeRequest, deadline: float) -> None:
    with Observer(cluster, deadline + LIST_SECONDS) as observer:
        await_committed(observer, deadline, request.label, request.placement)


def _wait(cluster: Cluster, outcome: ScopeOutcome, label: AdmissionLabel, deadline: float) -> None:
    with Observer(cluster, deadline + LIST_SECONDS) as observer:
        if outcome.stored is not None:
            observer.settle("installations", [outcome.stored])
        await_in_force(observer, deadline, label)


if __name__ == "__main__":
    main()
