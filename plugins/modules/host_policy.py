#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The manual of the action plugin of the same name."""

DOCUMENTATION = r"""
module: host_policy
short_description: Checks that the host's rules lead each workload interface to Calico's policy chains
version_added: "0.2.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - Reads the rules of iptables-legacy, iptables-nft and nftables from the kernel. For each workload interface it checks that a forwarded
    packet comes to Calico's chain for this interface, in both directions, and that this chain drops what no policy allowed.
  - This is evidence beside packets, and never in their place. Calico's chains can be right while a foreign rule lets packets through or
    drops them. M(calico_ops.rollout.policy_probe) proves policy by packets.
  - IPv4 is always checked. IPv6 is checked if a route over the interface or a chain of Calico's is there.
  - A pod that starts or ends meanwhile can be V(missing) for a moment. Its interface is there before Felix writes the chains.
  - The IP sets of the chains are not checked. The kernel refuses to remove a set while a rule refers to it.
  - The host needs Python 3.6 or newer with its standard library. No program of the host runs, nothing is written, no kernel module is
    loaded.
options:
  interface_prefixes:
    description: What the names of workload interfaces begin with, as C(interfacePrefix) of Felix's configuration says.
    type: list
    elements: str
    default: [cali]
  deadline:
    description: Seconds for all questions to the kernel together, from 1 to 300.
    type: int
    default: 10
extends_documentation_fragment:
  - calico_ops.rollout._attributes
attributes:
  check_mode:
    support: full
    details: The module only reads.
  diff_mode:
    support: none
  idempotent:
    support: full
notes:
  - Use C(become). Without it the kernel does not show the rules, and the verdict is V(unreadable).
  - The programs of data plane bpf are not read. The verdict is V(unreadable) then.
seealso:
  - module: calico_ops.rollout.policy_probe
  - module: calico_ops.rollout.host_precheck
"""

EXAMPLES = r"""
- name: Look for Calico's chains
  calico_ops.rollout.host_policy:
  become: true
  register: evidence

- name: Show what the host says
  ansible.builtin.debug:
    var: evidence.sentence

- name: Look for the chains of OpenStack's interfaces
  calico_ops.rollout.host_policy:
    interface_prefixes:
      - tap
  become: true
"""

RETURN = r"""
verdict:
  description:
    - V(present) if the chains are there for every workload interface.
    - V(missing) if they are not there for at least one.
    - V(unreadable) if that is not known, for example because the host has no such interface.
  returned: success
  type: str
  sample: missing
sentence:
  description: The verdict with its reason, for people.
  returned: success
  type: str
  sample: >-
    Calico's chains are missing for 1 of 12 workload interfaces;
    cali0ef24ba: IPv4: nftables: no rule leads packets to the workload to chain filter-cali-tw-cali0ef24ba
interfaces:
  description: Each workload interface by name.
  returned: success
  type: dict
  contains:
    verdict:
      description: V(present), V(missing) or V(unreadable).
      type: str
    backends:
      description: What holds the chains, by family. V(iptables-legacy), V(iptables-nft) or V(nftables).
      type: dict
    missing:
      description: What is not there.
      type: list
      elements: str
    unreadable:
      description: Why something is not known.
      type: list
      elements: str
  sample:
    cali0ef24ba:
      verdict: present
      backends:
        IPv4: nftables
      missing: []
      unreadable: []
identity:
  description: What tells which Node the host is.
  returned: success
  type: dict
  contains:
    machine_id:
      description: As C(/etc/machine-id) has it; null if it cannot be read.
      type: str
    system_uuid:
      description: As the firmware has it; the machine id if there is none, as the kubelet does; null if it cannot be read.
      type: str
    addresses:
      description: Global addresses of the host's interfaces.
      type: list
      elements: str
duration:
  description: Seconds that the host took.
  returned: success
  type: float
  sample: 0.08
"""
