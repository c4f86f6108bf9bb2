#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a cluster's Calico, or the one that is about to be installed, asks of its hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: calico_settings
short_description: Returns the settings for which a cluster's hosts must be checked, each with its source
version_added: "0.1.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - Reads the Installation with its overlay, FelixConfiguration, IPPools, BGPConfiguration, HostEndpoints and the version of
    tigera-operator, in both API groups of Calico. It derives the settings as tigera-operator and Felix do.
  - C(FelixConfiguration/node.NAME) and C(BGPConfiguration/node.NAME) give a Node settings of its own.
  - Without a cluster, and before Calico is installed, O(manifests) and O(installation_spec) decide. A setting that no source decides has
    the default of tigera-operator or Felix.
  - Never fails because of the cluster. What could not be read is named in RV(settings.unread) with the reason, and the settings that it
    decides have their defaults.
options:
  manifests:
    description:
      - Objects of Kubernetes, as they would be applied, in place of the cluster's of the same kind and name. Those of kind Installation,
        FelixConfiguration, IPPool, BGPConfiguration, BGPPeer and HostEndpoint count.
      - An Installation's C(spec) alone is taken for an Installation.
    type: list
    elements: raw
    default: []
  manifests_from:
    description: What O(manifests) are called as a source.
    type: str
    default: manifests
  installation_spec:
    description: The C(spec) of the Installation that is to be created, where the cluster has none and none is in O(manifests).
    type: dict
  read_cluster:
    description: Whether to read the cluster. It need not be there.
    type: bool
    default: true
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
  - module: calico_ops.rollout.host_precheck
  - module: calico_ops.rollout.node_precheck
"""

EXAMPLES = r"""
- name: Learn what this cluster's Calico asks of its hosts
  calico_ops.rollout.calico_settings:
  register: calico
  delegate_to: localhost
  run_once: true

- name: Check this host for it
  calico_ops.rollout.host_precheck:
    settings: "{{ calico.settings }}"
  become: true
"""

RETURN = r"""
settings:
  description: A document of kind C(CalicoSettings).
  returned: success
  type: dict
  contains:
    kind:
      description: V(CalicoSettings).
      type: str
      returned: always
    version:
      description: Version of the document.
      type: int
      returned: always
    cluster:
      description: Which cluster was read; null where none was.
      type: dict
      returned: always
    settings:
      description: Every setting, as the options of M(calico_ops.rollout.host_precheck).
      type: dict
      returned: always
    sources:
      description: Where each setting comes from, V(default) for a default of tigera-operator or Felix.
      type: dict
      returned: always
    nodes:
      description: By Node name, the C(settings) that differ there, with their C(sources).
      type: dict
      returned: always
    unread:
      description: What could not be read (C(what), C(why)), and the C(settings) that have their default because of that.
      type: list
      elements: dict
      returned: always
    notes:
      description: What somebody should know of the settings.
      type: list
      elements: str
      returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.calico_objects import (
    read_settings,
    without_cluster,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import connected_if_possible
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.options import AUTH_CONSTRAINTS, AUTH_OPTIONS
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "manifests": {"type": "list", "elements": "raw", "default": []},
            "manifests_from": {"type": "str", "default": "manifests"},
            "installation_spec": {"type": "dict"},
            "read_cluster": {"type": "bool", "default": True},
            **AUTH_OPTIONS,
        },
        supports_check_mode=True,
        **AUTH_CONSTRAINTS,
    )
    params = module.params
    given: dict[str, Any] = {
        "installation_spec": params["installation_spec"],
        "given": params["manifests"],
        "given_from": params["manifests_from"],
    }
    try:
        if not params["read_cluster"]:
            settings = without_cluster("it was not asked for", **given)
        else:
            with connected_if_possible(module) as (cluster, why):
                settings = without_cluster(why, **given) if cluster is None else read_settings(cluster, **given)
    except RolloutError as error:
        module.fail_json(msg=f"calico_settings: {str(error).rstrip('.')}.")
    module.exit_json(changed=False, settings=settings)


if __name__ == "__main__":
    main()
