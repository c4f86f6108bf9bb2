# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The nodes of a cluster as an inventory: fetch, make hosts and groups of it, hand them over."""

from __future__ import annotations

DOCUMENTATION = r"""
name: nodes
author: The calico_ops.rollout authors (@calico-ops)
version_added: "0.1.0"
short_description: The nodes of a cluster as hosts
description:
  - Each Node is a host of the same name, with C(ansible_host) from its addresses. C(node_name) shows a rollout that host and Node are
    the same.
  - The admission label decides the groups C(admitted) and C(not_admitted). C(quarantined) has the nodes that are cordoned, or carry
    the quarantine's label or a taint of a rollout. There is a group C(tier_NAME) for each of O(tiers), and C(architecture_NAME) and
    C(zone_NAME). In names of groups, a character other than letters, digits and underscores becomes an underscore.
  - Host variables are C(node_name), C(node_labels), C(node_taints) (as kubectl writes them), C(node_architecture), C(node_os),
    C(node_zone), C(node_tiers), C(node_admitted), C(node_quarantined), C(node_cordoned), C(node_internal_ips), and C(node_info) (kernel,
    operating system image, versions).
  - What nodes say of themselves is never templated; C(ansible-inventory) shows such text as C(__ansible_unsafe). An address that is
    neither an IP address nor a DNS name is not used.
  - The file's name must end in C(calico_nodes.yml) or C(calico_nodes.yaml), for instance C(prod.calico_nodes.yml).
  - Takes the right to list nodes and no other.
notes:
  - It is read on the controller, so the options' paths and the E(K8S_AUTH_*) variables are those of the controller.
options:
  plugin:
    description: Must be V(calico_ops.rollout.nodes).
    type: str
    required: true
    choices: [calico_ops.rollout.nodes]
  selector:
    description: Kubernetes label selector; only these nodes are hosts.
    type: str
  tiers:
    description:
      - Tiers to make groups of, in the form of C(rollout_tiers) of the role P(calico_ops.rollout.rollout#role). Only C(name), and
        C(selector) or C(match), matter here.
      - A node that several tiers select is in the group of each; a plan would refuse it.
    type: list
    elements: dict
    default: []
  address_types:
    description:
      - Which of a Node's addresses becomes C(ansible_host). The first type that the Node has wins. A Node that has none of them gets no
        C(ansible_host), and is reached by its name.
    type: list
    elements: str
    choices: [InternalIP, ExternalIP, Hostname, InternalDNS, ExternalDNS]
    default: [InternalIP]
extends_documentation_fragment:
  - calico_ops.rollout._kube
  - calico_ops.rollout._label
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
"""

EXAMPLES = r"""
# prod.calico_nodes.yml
plugin: calico_ops.rollout.nodes
kubeconfig: ~/.kube/prod
tiers:
  - name: core
    selector: node-role.kubernetes.io/control-plane
  - name: edge
    selector: node-role.kubernetes.io/edge
address_types: [ExternalIP, InternalIP]
compose:
  ansible_user: "'core' if node_info.osImage is search('Flatcar') else 'admin'"
keyed_groups:
  - key: node_labels['node.kubernetes.io/instance-type'] | default('unknown')
    prefix: type
groups:
  arm: node_architecture.startswith('arm')
"""

from typing import Any, cast

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import MISSING_LIBRARY, NODES, Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.options import (
    AUTH_OPTIONS,
    auth_from,
    secrets_of,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import AdmissionLabel, NodeFacts
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.names import (
    ADMISSION_KEY,
    ADMISSION_VALUE,
    check_label,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.node_facts import node_facts
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.tiers import read_tiers
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._node_inventory import (
    NodeInventory,
    Wishes,
    inventory_of,
)
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._untrusted import untrusted

FILE_NAMES = ("calico_nodes.yml", "calico_nodes.yaml")
LIBRARY = "the Python package kubernetes is needed where Ansible runs: pip install kubernetes"
CONNECTIONS = 4


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "calico_ops.rollout.nodes"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(FILE_NAMES)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        secrets: set[str] = set()
        try:
            wishes = self._wishes()
            made = inventory_of(self._nodes(path, cache, secrets), wishes)
        except RolloutError as error:
            raise AnsibleParserError(f"{self.NAME}: {_without(secrets, str(error))}") from error
        self._hand_over(made)

    def _wishes(self) -> Wishes:
        given = self.get_option("admission_label") or {}
        label = AdmissionLabel(
            key=plain(given.get("key", ADMISSION_KEY)), value=plain(given.get("value", ADMISSION_VALUE))
        )
        check_label(label["key"], label["value"])
        tiers = plain(self.get_option("tiers"))
        return Wishes(label, read_tiers(tiers) if tiers else (), plain(self.get_option("address_types")))

    def _nodes(self, path: str, cache: bool, secrets: set[str]) -> list[NodeFacts]:
        """From the cache where the user wants that and it has them; a refresh (`cache` is false) asks and keeps the answer."""
        key = self.get_cache_key(path)
        kept = self.get_option("cache")
        if kept and cache:
            try:
                return cast("list[NodeFacts]", self._cache[key])
            except KeyError:
                pass  # never kept, or too old
        found = self._fetch(secrets)
        if kept:
            self._cache[key] = found
        return found

    def _fetch(self, secrets: set[str]) -> list[NodeFacts]:
        if MISSING_LIBRARY is not None:
            raise AnsibleParserError(f"{self.NAME}: {LIBRARY} ({MISSING_LIBRARY})") from MISSING_LIBRARY
        auth = auth_from({name: plain(self.get_option(name)) for name in AUTH_OPTIONS})
        secrets.update(secrets_of(auth))
        cluster = Cluster(Connection(auth, pool_size=CONNECTIONS, on_secret=secrets.add))
        try:
            query = {"labelSelector": plain(self.get_option("selector"))}
            return cluster.list_all(NODES, query=query, trim=node_facts)[0]
        finally:
            cluster.close()

    def _hand_over(self, made: NodeInventory) -> None:
        strict = self.get_option("strict")
        for group in made.groups:
            self.inventory.add_group(group)
        for host, variables in made.hosts.items():
            self.inventory.add_host(host)
            for name, value in variables.items():
                self.inventory.set_variable(host, name, untrusted(value))
        for group, hosts in made.groups.items():
            for host in hosts:
                self.inventory.add_child(group, host)
        for host in made.hosts:
            variables = self.inventory.get_host(host).get_vars()
            self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
            variables = self.inventory.get_host(host).get_vars()
            self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
            self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)


def _without(secrets: set[str], text: str) -> str:
    # A secret may begin with another one.
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "********")
    return text
