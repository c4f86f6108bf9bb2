#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The precheck of hosts without SSH or Python, as Jobs in the cluster that they have joined."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_precheck
short_description: Checks hosts that have no SSH or no Python, by a Job on each of their nodes
version_added: "0.1.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - Does what M(calico_ops.rollout.host_precheck) does, and returns the same documents, where nobody can log in (Talos, Bottlerocket).
    The hosts must have joined the cluster; they need not be ready, have Calico, or be schedulable.
  - A Job for each node runs a container of the image that you name, any one with Python 3.6 or newer. The code comes from this
    collection, in a ConfigMap. The container is privileged, on the host's network and among its processes, and moves into the host's
    mounts before it looks. It writes nothing there.
  - A result counts for the node on which its pod ran, and only when it has seen the machine that the Node's kubelet reports.
  - Before the first object, the module reviews the account's permissions for all of this, in check mode too. If some are missing, it
    fails, and lists them with the rules to add.
  - Jobs and ConfigMap are removed in the end. Those of a run that was killed end by themselves, or are removed by the next one.
  - A node that gives no result does not fail the module. Its entry says why, and it never counts as passed.
options:
  nodes:
    description: Names of the nodes.
    type: list
    elements: str
  selector:
    description: Kubernetes label selector of the nodes.
    type: str
  image:
    description: Image with a Python of 3.6 or newer, as the nodes can pull it.
    type: str
    required: true
  interpreter:
    description: Python in the image, a name to be found on its C(PATH) or a path.
    type: str
    default: python3
  image_pull_secrets:
    description: Names of Secrets in O(namespace) with credentials for the registry.
    type: list
    elements: str
    default: []
  namespace:
    description: >-
      Namespace of Jobs and ConfigMap. Its pod security must allow privileged pods. An account that can create Jobs in such a namespace is
      root on every node. Use the namespace for nothing else.
    type: str
    default: calico-ops-precheck
  settings:
    description:
      - The Calico that the hosts are checked for. Either the document of M(calico_ops.rollout.calico_settings), in which a node may have
        settings of its own, or the options of M(calico_ops.rollout.host_precheck) as there.
      - C(node_name), C(controller_clock), C(max_age), C(cache_dir), C(fail_on), C(settings) and C(overrides) are not among the latter.
    type: dict
    default: {}
  overrides:
    description: Settings that win over O(settings), by name.
    type: dict
    default: {}
  max_age:
    description:
      - Seconds for which a node's passing result may be used again, without a Job. V(0) checks anew each time.
      - A result is used again only while O(settings), the code of the checks and the Node's UID are unchanged. The Node's kubelet must
        report the boot and machine id of the result. A result that is no pass is never used again.
    type: float
    default: 0
  cache_dir:
    description: Directory on the controller where results are kept, a file a Node. Needed with O(max_age).
    type: path
  _earlier:
    description: Not for playbooks. The action plugin sets this option to the results that it has kept, by Node. Anything else is
      replaced.
    type: dict
    default: {}
  concurrency:
    description: Jobs under way at the same time.
    type: int
    default: 10
  node_timeout:
    description: Seconds that a node has from the creation of its Job to its answer, the pull of the image included.
    type: int
    default: 180
  timeout:
    description: Seconds for all nodes together. What has no answer by then is reported so.
    type: int
    default: 900
extends_documentation_fragment:
  - calico_ops.rollout._kube
  - calico_ops.rollout._attributes
  - calico_ops.rollout._attributes.kube_group
attributes:
  check_mode:
    support: partial
    details: >-
      The API server judges all objects by a dry run, and nothing is made. Nothing is known of the hosts then, so every node's entry
      says that it has not been checked.
  diff_mode:
    support: none
  idempotent:
    support: full
    details: What is made is gone in the end, so nothing ever counts as changed.
seealso:
  - module: calico_ops.rollout.host_precheck
  - plugin: calico_ops.rollout.precheck_report
    plugin_type: filter
notes:
  - "Needs rules beside those of a rollout: Role C(calico-ops-node-precheck) in C(docs/reference/rbac.yaml)."
"""

EXAMPLES = r"""
- name: Check the hosts without SSH
  calico_ops.rollout.node_precheck:
    selector: example.com/os=talos
    image: registry.example.com/library/python:3.13-slim
    settings:
      dataplane: nftables
      encapsulation: vxlan
  register: immutable

- name: Put them into one report with those that have SSH
  ansible.builtin.set_fact:
    report: "{{ groups['all'] | calico_ops.rollout.precheck_report(hostvars, nodes=immutable.prechecks) }}"
"""

RETURN = r"""
prechecks:
  description: >-
    What each node answered, by name, in the shape in which hosts register theirs. C(precheck) holds a PrecheckResult; without one,
    C(msg) or C(skip_reason) says why. C(clock_offset) in its C(facts) is to the creation of the node's Job, and C(call_seconds) how long
    it took from then until the answer was read. C(uid) is that of the Node. C(reused) says whether the result is one of an earlier run,
    made at C(checked_at). With O(max_age), C(checked_anew) says why such a result was not used.
  returned: success
  type: dict
manifests:
  description: The objects that are made in the cluster, the ConfigMap without the code in it.
  returned: in check mode
  type: list
  elements: dict
"""

import secrets
import time
from typing import Any, NamedTuple

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.access_review import all_named, require
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.precheck_archive import precheck_archive
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.precheck_jobs import (
    PrecheckJobs,
    rehearse,
    rights,
    targets,
    without_linux,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.precheck_options import is_document, settled
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import NODES, connected
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.options import AUTH_CONSTRAINTS, AUTH_OPTIONS
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.judge import examine
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.options import (
    OPTIONS,
    problem_with,
    wanted,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.questions import asked_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.declaration import Want
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import digest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.job import (
    JobSettings,
    Target,
    config_map,
    job,
    not_in_check_mode,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.reuse import not_of_node, of_node
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.rbac import right

NOT_FOR_NODES = ("node_name", "controller_clock", "max_age", "cache_dir", "fail_on", "settings", "overrides")
NONE_BY_NAME = {name: option.get("default") for name, option in OPTIONS.items()}
POSITIVE = ("concurrency", "node_timeout", "timeout")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "nodes": {"type": "list", "elements": "str"},
            "selector": {"type": "str"},
            "image": {"type": "str", "required": True},
            "interpreter": {"type": "str", "default": "python3"},
            "image_pull_secrets": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "namespace": {"type": "str", "default": "calico-ops-precheck"},
            "settings": {"type": "dict", "default": {}},
            "overrides": {"type": "dict", "default": {}},
            # From the action plugin, which keeps results: those that it has kept, by Node.
            "max_age": {"type": "float", "default": 0.0},
            "cache_dir": {"type": "path"},
            "_earlier": {"type": "dict", "default": {}},
            "concurrency": {"type": "int", "default": 10},
            "node_timeout": {"type": "int", "default": 180},
            "timeout": {"type": "int", "default": 900},
            **AUTH_OPTIONS,
        },
        mutually_exclusive=[("nodes", "selector")],
        required_one_of=[("nodes", "selector")],
        supports_check_mode=True,
        **AUTH_CONSTRAINTS,
    )
    params = module.params
    result: dict[str, Any] = {"changed": False}
    with connected(module) as cluster:
        checked_for(params, None)
        settings = job_settings(params)
        there, namespace = rights(settings), settings.namespace
        with all_named(cluster, lambda: [right("list", NODES), *there], module.warn, namespace):
            meant = targets(cluster, params["nodes"], params["selector"])
        if not meant:
            module.warn(f"No node matches the selector {params['selector']!r}.")
        entries = {node.name: standing(node, params["_earlier"]) for node in meant}
        answers = without_linux(meant)
        nodes = [node for node in meant if node.name not in answers and not entries[node.name]["reused"]]
        if nodes:
            require(cluster, there, module.warn, namespace)
        archive = precheck_archive()
        until = time.monotonic() + params["timeout"]
        for group in by_settings(params, nodes):
            asked = asked_of(group.want, group.checks, group.deadline)
            if module.check_mode:
                rehearse(cluster, settings, group.nodes, archive, asked)
                answers.update((node.name, not_in_check_mode()) for node in group.nodes)
                made = [config_map(settings, b"", asked), *(job(settings, node.name) for node in group.nodes)]
                result.setdefault("manifests", []).extend(made)
                continue
            jobs = PrecheckJobs(cluster, settings, params["concurrency"], until, group.judged)
            answers.update(jobs.run(group.nodes, archive, asked))
            if jobs.left:
                module.warn(jobs.left_text())
        if module.check_mode:
            result.setdefault("manifests", [])
    prechecks = {name: {**entry, **answers.get(name, {})} for name, entry in entries.items()}
    module.exit_json(prechecks=prechecks, **result)


def standing(node: Target, earlier: dict[str, Any]) -> dict[str, Any]:
    """Whether the result of an earlier run counts for this Node; `earlier` has the identities that kept results saw."""
    identity = earlier.get(of_node(node.uid))
    why = None if identity is None else not_of_node(identity, node)
    entry: dict[str, Any] = {"uid": node.uid, "reused": identity is not None and why is None}
    return {**entry, "checked_anew": why} if why else entry


class Group(NamedTuple):
    """Nodes with the same settings."""

    want: Want
    sources: dict[str, str]
    checks: list[str] | None
    deadline: int
    nodes: list[Target]

    def judged(self, answered: dict[str, Any]) -> dict[str, Any]:
        return examine(answered, self.want, self.checks, self.sources)[0]


def by_settings(params: dict[str, Any], nodes: list[Target]) -> list[Group]:
    """FelixConfiguration and BGPConfiguration may give a node settings of its own: each group of settings has its ConfigMap."""
    groups: dict[str, Group] = {}
    for node in nodes:
        group = checked_for(params, node.name)
        groups.setdefault(digest(group.want._asdict()), group).nodes.append(node)
    return list(groups.values())


def checked_for(params: dict[str, Any], node: str | None) -> Group:
    """What `settings` and `overrides` ask for, checked as host_precheck checks its own options; RolloutError says what is wrong."""
    for name in POSITIVE:
        if params[name] < 1:
            raise RolloutError(f"node_precheck: {name} must be at least 1, not {params[name]}.")
    given = params["settings"]
    try:
        if is_document(given):
            options = settled({**NONE_BY_NAME, "settings": given, "overrides": params["overrides"]}, node)
        else:
            spec = {name: option for name, option in OPTIONS.items() if name not in NOT_FOR_NODES}
            checked = ArgumentSpecValidator(spec).validate(given)
            if checked.error_messages:
                raise RolloutError("; ".join(checked.error_messages))
            alone = {**NONE_BY_NAME, **checked.validated_parameters}
            options = settled({**alone, "settings": {}, "overrides": params["overrides"]}, node)
    except RolloutError as error:
        raise RolloutError(f"node_precheck: settings: {str(error).rstrip('.')}.") from error
    problem = problem_with(options)
    if problem:
        raise RolloutError(f"node_precheck: settings: {problem}.")
    return Group(wanted(options), options["sources"], options["checks"], options["deadline"], [])


def job_settings(params: dict[str, Any]) -> JobSettings:
    return JobSettings(
        run=secrets.token_hex(4),
        namespace=params["namespace"],
        image=params["image"],
        interpreter=params["interpreter"],
        pull_secrets=params["image_pull_secrets"],
        node_timeout=params["node_timeout"],
        expires=int(time.time()) + params["timeout"] + params["node_timeout"],
    )


if __name__ == "__main__":
    main()
