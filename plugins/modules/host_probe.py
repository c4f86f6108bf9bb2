#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts of a host, without a judgement."""

DOCUMENTATION = r"""
module: host_probe
short_description: Asks a host what host_precheck judges
version_added: "0.1.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - The part of M(calico_ops.rollout.host_precheck) that travels to a host. It asks kernel, network and files, and judges nothing.
    M(calico_ops.rollout.host_precheck) says what to ask, and judges the answers on the controller.
  - Of use by itself to take the facts of a host home, to see what a check saw.
  - Leaves nothing behind, binds no port, writes no sysctl, runs no program of the host.
options:
  probes:
    description: >-
      Questions to the kernel, as V(ipset.protocol), V(link.vxlan), V(nft.generation), V(compat.set.inet). Those that make something
      make it in a network namespace that ends with the question.
    type: list
    elements: str
    default: []
  modules:
    description: Kernel modules whose state is told.
    type: list
    elements: str
    default: []
  ports:
    description: Ports of TCP and UDP whose holders are told.
    type: list
    elements: int
    default: []
  directories:
    description: Directories whose file systems are told, those that are not there by the nearest parent that is.
    type: list
    elements: str
    default: []
  cni_conf_dir:
    description: Where the CNI configuration is read.
    type: str
    default: /etc/cni/net.d
  reach:
    description: Name or address to which the route is told. Nothing is sent, but a name is resolved.
    type: str
  apiserver:
    description: C(HOST:PORT) to be connected to once. Empty when the host is not to connect anywhere.
    type: str
    default: ""
  allow_module_load:
    description: Whether probes may make the kernel load modules, which stay loaded.
    type: bool
    default: false
  deadline:
    description: Seconds for all questions together.
    type: int
    default: 30
extends_documentation_fragment:
  - calico_ops.rollout._attributes
attributes:
  check_mode:
    support: full
    details: The module changes nothing, so it does the same as otherwise.
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: calico_ops.rollout.host_precheck
notes:
  - Runs on Python 3.6 or newer with its standard library.
"""

EXAMPLES = r"""
- name: What does this kernel answer to ipset, and to vxlan?
  calico_ops.rollout.host_probe:
    probes:
      - ipset.protocol
      - link.vxlan
  become: true
  register: answered

- name: Show it
  ansible.builtin.debug:
    msg: "{{ answered.facts | from_json }}"
"""

RETURN = r"""
facts:
  description: >-
    JSON text of what was found, by name. Each has a C(value), or the C(errno) with which the kernel refused, or C(unexercised), the
    modules that asking would have loaded, or C(lost), why there is no answer. As a text it costs a host the least.
  returned: success
  type: str
  sample: '{"ipset.protocol":{"value":{"newest":7,"oldest":6}},"link.vxlan":{"errno":95,"text":"create vxlan"}}'
modules_loaded:
  description: Kernel modules that are loaded now and were not before.
  returned: success
  type: list
  elements: str
duration:
  description: Seconds on the host.
  returned: success
  type: float
"""

import json

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.gather import gather
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes.catalogue import known


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "probes": {"type": "list", "elements": "str", "default": []},
            "modules": {"type": "list", "elements": "str", "default": []},
            "ports": {"type": "list", "elements": "int", "default": []},
            "directories": {"type": "list", "elements": "str", "default": []},
            "cni_conf_dir": {"type": "str", "default": "/etc/cni/net.d"},
            "reach": {"type": "str"},
            "apiserver": {"type": "str", "default": ""},
            "allow_module_load": {"type": "bool", "default": False},
            "deadline": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    unknown = [name for name in module.params["probes"] if not known(name)]
    if unknown:
        module.fail_json(msg="host_probe: probes: there is none called {}".format(", ".join(unknown)))
    answered = gather(module.params)
    answered["facts"] = json.dumps(answered["facts"], separators=(",", ":"))
    module.exit_json(changed=False, **answered)


if __name__ == "__main__":
    main()
