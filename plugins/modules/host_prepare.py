#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kernel modules and sysctls that Calico needs, given to a host on request and taken away again."""

DOCUMENTATION = r"""
module: host_prepare
short_description: Gives a host the kernel modules and sysctls that Calico needs, and takes them away again
version_added: "0.1.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - Loads modules, sets sysctls, and keeps both over the next boot. Each needs its own option. Which ones follows from the Calico that is
    planned and from the host's own architecture (C(uname -m)), not from a Node's label.
  - What was there before is remembered on the host, in C(/var/lib/calico-ops/prepared.json). O(state=absent) removes what this
    module wrote and puts the sysctls back, those too that the kernel changed along (C(net.ipv4.ip_forward) moves
    C(net.ipv4.conf.*.forwarding)). What somebody changed since stays, and is named in RV(notes).
  - A module that is built in is there already. RV(unmet) names everything that the host cannot get, with the cause and a remedy for this
    distribution. A module may be blacklisted, its file may be missing, or no package installed it. The rest is done all the same.
  - No package is installed. RV(packages) names what M(ansible.builtin.package) could install.
options:
  state:
    description: V(present) gives what the options below enable, V(absent) takes away everything that this module gave, whatever the other
      options say.
    type: str
    choices: [present, absent]
    default: present
  modules:
    description: Whether to load the kernel modules that are needed and not there yet.
    type: bool
    default: false
  sysctls:
    description: Whether to set the sysctls of the running kernel.
    type: bool
    default: false
  persist:
    description: >-
      Whether to keep over the next boot what is enabled by O(modules) and O(sysctls), from C(/etc/modules-load.d/calico-ops.conf) and
      C(/etc/sysctl.d/99-calico-ops.conf). What an earlier run wrote there stays until O(state=absent).
    type: bool
    default: false
  dataplane:
    description: The data plane, C(linuxDataplane) of the Installation.
    type: str
    choices: [iptables, nftables, bpf]
    default: iptables
  encapsulation:
    description: Encapsulation of the IP pools. V(ipip) and V(vxlan) stand for their cross-subnet kinds too.
    type: str
    choices: [none, ipip, vxlan, ipip_and_vxlan]
    default: ipip
  ipv6:
    description: >-
      Whether there will be an IPv6 pool. The host forwards IPv6 then. If a router advertisement gave it its default route, C(accept_ra)
      becomes 2 on that interface, or the host would lose the route.
    type: bool
    default: false
  wireguard:
    description: Whether traffic between nodes will be encrypted by WireGuard.
    type: bool
    default: false
  extra_modules:
    description: >-
      More modules, by architecture as C(uname -m) has it; V(all) is for every one. For instance
      C({"all": ["nf_conntrack"], "aarch64": ["raid6_pq"]}).
    type: dict
    default: {}
  extra_sysctls:
    description: >-
      More sysctls, by architecture as in O(extra_modules), each a dictionary of name and value. They win over the module's own.
    type: dict
    default: {}
  fail_on_unmet:
    description: Whether the module fails, after it did the rest, when the host cannot be given everything.
    type: bool
    default: true
extends_documentation_fragment:
  - calico_ops.rollout._attributes
attributes:
  check_mode:
    support: full
    details: The plan is made and shown. Whether the kernel takes a module or a value is only seen when it is given.
  diff_mode:
    support: full
    details: Shows sysctls, modules and files, each before and after.
  idempotent:
    support: full
seealso:
  - module: calico_ops.rollout.host_precheck
notes:
  - Runs on Python 3.6 or newer with its standard library. Needs C(become).
  - Take away before Calico runs on the host, or after it is gone. Where calico-node runs, Felix sets C(net.ipv4.ip_forward) again.
"""

EXAMPLES = r"""
- name: Give the host what VXLAN with the iptables data plane needs, for this boot and the next
  calico_ops.rollout.host_prepare:
    encapsulation: vxlan
    modules: true
    sysctls: true
    persist: true
  become: true

- name: Raise a limit on the small ARM boards only
  calico_ops.rollout.host_prepare:
    sysctls: true
    extra_sysctls:
      aarch64:
        net.core.netdev_max_backlog: "2000"
  become: true

- name: Take everything away again
  calico_ops.rollout.host_prepare:
    state: absent
  become: true
"""

RETURN = r"""
sysctls:
  description: Sysctls that changed, each with C(name), C(before) and C(after).
  returned: always, unless an option is wrong
  type: list
  elements: dict
modules_loaded:
  description: Modules that were not there and are now.
  returned: always, unless an option is wrong
  type: list
  elements: str
files:
  description: Files that were written or removed.
  returned: always, unless an option is wrong
  type: list
  elements: str
unmet:
  description: What the host cannot be given, each with C(what), C(reason) and C(remedy).
  returned: always, unless an option is wrong
  type: list
  elements: dict
packages:
  description: Packages of this distribution that have what is missing.
  returned: always, unless an option is wrong
  type: list
  elements: str
notes:
  description: >-
    What somebody should know, for instance what others changed since, what stays loaded, and which file will undo a sysctl at the
    next boot.
  returned: always, unless an option is wrong
  type: list
  elements: str
architecture:
  description: The host's architecture, C(uname -m).
  returned: always, unless an option is wrong
  type: str
diff:
  description: What changes, one entry a file, one for the sysctls and one for the modules.
  returned: in diff mode
  type: list
  elements: dict
"""

import os
from typing import List, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps.root import Root
from ansible_collections.calico_ops.rollout.plugins.module_utils._prepare import apply, report, request
from ansible_collections.calico_ops.rollout.plugins.module_utils._prepare.drop_ins import Foreign
from ansible_collections.calico_ops.rollout.plugins.module_utils._prepare.facts import gather
from ansible_collections.calico_ops.rollout.plugins.module_utils._prepare.kernel_modules import Unmet
from ansible_collections.calico_ops.rollout.plugins.module_utils._prepare.plan import Plan, give, in_words, take_away
from ansible_collections.calico_ops.rollout.plugins.module_utils._prepare.saved_state import PATH, Unreadable

_PLACES = ["/sbin", "/usr/sbin", "/bin", "/usr/bin"]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "modules": {"type": "bool", "default": False},
            "sysctls": {"type": "bool", "default": False},
            "persist": {"type": "bool", "default": False},
            "dataplane": {"type": "str", "choices": ["iptables", "nftables", "bpf"], "default": "iptables"},
            "encapsulation": {"type": "str", "choices": ["none", "ipip", "vxlan", "ipip_and_vxlan"], "default": "ipip"},
            "ipv6": {"type": "bool", "default": False},
            "wireguard": {"type": "bool", "default": False},
            "extra_modules": {"type": "dict", "default": {}},
            "extra_sysctls": {"type": "dict", "default": {}},
            "fail_on_unmet": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    problem = request.problem_with(module.params)
    if problem:
        module.fail_json(msg=f"host_prepare: {problem}")
    if os.geteuid() != 0 and not module.check_mode:
        module.fail_json(msg="host_prepare: only root can give modules and sysctls: run it with become: true")
    try:
        plan, unmet = prepare(module, Root())
    except Unreadable as error:
        module.fail_json(
            msg=(
                f"host_prepare: {PATH} cannot be understood ({error}), nothing was changed. Move it away; what the "
                "sysctls were before is not known then."
            )
        )
    except Foreign as path:
        module.fail_json(
            msg=f"host_prepare: {path} is not ours, nothing was changed. Move it away, or do without persist."
        )
    except apply.Refused as error:
        module.fail_json(msg=f"host_prepare: {error}. Run again once it can; state=absent undoes what was done.")
    result = report.result(plan, unmet)
    result.update(changed=plan.changes_anything, architecture=os.uname().machine)
    if module._diff:
        result["diff"] = report.diff(plan)
    if unmet and module.params["fail_on_unmet"]:
        module.fail_json(msg=f"This host cannot be given everything. {in_words(unmet)}", **result)
    module.exit_json(**result)


def prepare(module: AnsibleModule, root: Root) -> Tuple[Plan, List[Unmet]]:
    """The plan, carried out unless in check mode, and what the host cannot be given."""
    system = os.uname()
    wanted = request.on(system.machine, module.params)
    facts = gather(root, system.release, system.machine, wanted)
    if module.params["state"] == "absent":
        plan = take_away(facts)
        return plan, [] if module.check_mode else apply.take_away(plan, root, facts.memory.folders)
    plan = give(facts, wanted)
    return plan, plan.unmet + ([] if module.check_mode else apply.give(plan, root, modprobe(module)))


def modprobe(module: AnsibleModule) -> apply.Modprobe:
    def load(name: str) -> Optional[str]:
        program = module.get_bin_path("modprobe", opt_dirs=_PLACES)
        if program is None:
            return "it is not on this host (package kmod)"
        code, _out, said = module.run_command([program, name])
        return None if code == 0 else said.strip() or f"it ended with {code}"

    return load


if __name__ == "__main__":
    main()
