#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks this host what the action plugin of the same name sends along. The answers are judged on the controller.

A module of the JSONARGS kind: Ansible puts the arguments in the place of a marker and gives the whole to Python. So a host compiles
what asks and no part of Ansible, which would cost it more than the check does, and would say how old its Python may be.
"""

DOCUMENTATION = r"""
module: host_precheck
short_description: Checks whether a host can run calico-node, before Calico is admitted to it
version_added: "0.1.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - Asks the host's kernel, network and files what calico-node will ask them, and judges the answers for the Calico that is planned.
    The host need not have joined a cluster.
  - What travels to the host only asks; the answers are judged on the controller.
  - Objects (IP sets, links, nftables) are made in a network namespace that ends with the question. Nothing is left behind, no
    sysctl is written, no port is bound, and no program of the host is run.
  - The module makes no probe that would load a kernel module, unless O(allow_module_load=true). The files of modprobe then show whether
    the kernel could load it.
  - A host passes on evidence only. When a check that applies could not judge (without root, or after a timeout), the verdict is
    V(fail), although no check failed. Such a check is V(skipped) and says what would let it judge.
  - The defaults are what tigera-operator gives a cluster whose Installation says nothing. M(calico_ops.rollout.calico_settings) finds out
    what a cluster asks for.
options:
  dataplane:
    description: >-
      The data plane, C(linuxDataplane) of the Installation.
      Default V(iptables).
    type: str
    choices: [iptables, nftables, bpf]
  encapsulation:
    description: >-
      Encapsulation of the IP pools. V(ipip) and V(vxlan) stand for their cross-subnet kinds too.
      Default V(ipip).
    type: str
    choices: [none, ipip, vxlan, ipip_and_vxlan]
  bgp:
    description: >-
      Whether BIRD will run on the host.
      Default V(true).
    type: bool
  bgp_port:
    description: >-
      C(listenPort) of BGPConfiguration.
      Default V(179).
    type: int
  ipv6:
    description: >-
      Whether calico-node has an IPv6 address. It has one if there is an IPv6 pool. Default V(false).
    type: bool
  wireguard:
    description: >-
      Whether traffic between nodes will be encrypted by WireGuard.
      Default V(false).
    type: bool
  ip_autodetection:
    description: >-
      How calico-node finds its address: V(first-found), V(interface=REGEX), V(skip-interface=REGEX), V(cidr=CIDR),
      V(can-reach=ADDRESS) or V(kubernetes-internal-ip). V(none) for a cluster of IPv6 alone.
      Default V(first-found).
    type: str
  ip6_autodetection:
    description: >-
      The same for IPv6, with O(ipv6=true).
      Default V(first-found).
    type: str
  cni_bin_dir:
    description: >-
      Where the CNI plugins go, C(cni.binDir) of the Installation.
      Default V(/opt/cni/bin).
    type: str
  cni_conf_dir:
    description: >-
      Where the CNI configuration goes, C(cni.confDir) of the Installation.
      Default V(/etc/cni/net.d).
    type: str
  calico_version:
    description: >-
      Minor version of the Calico that is planned: what it asks of a kernel differs.
      Default V(3.33).
    type: str
    choices: ["3.28", "3.29", "3.30", "3.31", "3.32", "3.33"]
  iptables_backend:
    description: >-
      C(iptablesBackend) of FelixConfiguration, for V(iptables) as O(dataplane).
      Default V(auto).
    type: str
    choices: [auto, legacy, nft]
  mtu:
    description: >-
      C(mtu) of the Installation's Calico network; V(0) when Felix finds it by O(mtu_interface_pattern).
      Default V(0).
    type: int
  mtu_interface_pattern:
    description: >-
      C(mtuIfacePattern) of FelixConfiguration: the links whose MTU counts.
      Default Felix's own.
    type: str
  cgroup_v2_path:
    description: >-
      C(cgroupV2Path) of FelixConfiguration, for V(bpf) as O(dataplane). Empty when it is not set.
      Default empty.
    type: str
  vxlan_port:
    description: >-
      C(vxlanPort) of FelixConfiguration.
      Default V(4789).
    type: int
  vxlan_vni:
    description: >-
      C(vxlanVNI) of FelixConfiguration.
      Default V(4096).
    type: int
  health_port:
    description: >-
      C(healthPort) of FelixConfiguration; V(9199) on OpenShift.
      Default V(9099).
    type: int
  metrics_port:
    description: >-
      C(nodeMetricsPort) of the Installation; V(0) when calico-node publishes no metrics.
      Default V(0).
    type: int
  wireguard_port:
    description: >-
      C(wireguardListeningPort) of FelixConfiguration.
      Default V(51820).
    type: int
  wireguard_port_v6:
    description: >-
      C(wireguardListeningPortV6) of FelixConfiguration.
      Default V(51821).
    type: int
  typha:
    description: >-
      Whether Typha may run on the host.
      Default V(true).
    type: bool
  sctp:
    description: >-
      Whether there will be network policy about SCTP.
      Default V(false).
    type: bool
  host_endpoints:
    description: >-
      Whether there will be HostEndpoints: policy then also meets the host's own SSH.
      Default V(false).
    type: bool
  flow_offload:
    description: >-
      C(nftablesFlowTableOffload) of FelixConfiguration, for V(nftables) as O(dataplane).
      Default V(false).
    type: bool
  flow_logs:
    description: >-
      Whether Felix makes flow logs. C(flowLogsGoldmaneServer) and C(flowLogsLocalReporter) of FelixConfiguration decide. If
      tigera-operator runs Goldmane, calico-node gets this by its environment: set it here. Default V(false).
    type: bool
  bpf_data_interface_pattern:
    description: >-
      C(bpfDataIfacePattern) of FelixConfiguration, for V(bpf) as O(dataplane).
      Default Felix's own.
    type: str
  pod_cidrs:
    description: >-
      CIDRs of the IP pools, which must not overlap with the host's own networks.
      Default an empty list.
    type: list
    elements: str
  service_cidrs:
    description: >-
      The cluster's service CIDRs, which must not overlap with the host's own networks.
      Default an empty list.
    type: list
    elements: str
  flexvolume_path:
    description: >-
      C(flexVolumePath) of the Installation. Empty for C(None).
      Default V(/usr/libexec/kubernetes/kubelet-plugins/volume/exec/).
    type: str
  apiserver:
    description: >-
      C(HOST:PORT) of the API server, to make one TLS handshake with, whatever its certificate. Empty when the host is not to connect
      anywhere. Default empty.
    type: str
  allow_module_load:
    description: >-
      Whether a question may make the kernel load modules. They stay loaded; RV(precheck.modules_loaded) names them.
      Default V(false).
    type: bool
  settings:
    description:
      - The settings, for all or some of the options above. An option that is given by name wins over it.
      - Either the document that M(calico_ops.rollout.calico_settings) returns, which may have others for the Node O(node_name), or a
        dictionary of these options.
    type: dict
    default: {}
  overrides:
    description: >-
      Settings that win over O(settings), by name. RV(precheck.sources) names them as the variables C(precheck_NAME) of the role.
    type: dict
    default: {}
  node_name:
    description: Name of the host's Node, where it is known. It is repeated in the result.
    type: str
  controller_clock:
    description: >-
      The controller's clock in seconds since the epoch, for a comparison with the host's. It is read right before the call where it
      is not given.
    type: float
  max_age:
    description:
      - Seconds for which a passing result may be used again. V(0) checks anew each time.
      - A result is used again only while the options, the code of the checks, and the host's boot and machine id are unchanged. The host
        reports these two ids, without C(become). A result that is no pass is never used again.
    type: float
    default: 0
  cache_dir:
    description: Directory on the controller where results are kept, a file a host. Needed with O(max_age).
    type: path
  checks:
    description: >-
      Only these checks are made. The verdict is V(fail) then, as the evidence of the others is missing; whether the module
      fails depends on the checks that were made.
    type: list
    elements: str
    choices:
      - ipset_functional
      - module_package_missing
      - node_ip_autodetect
      - firewalld_active
      - vxlan_link_create
      - vxlan_nic_offload
      - bgp_port_free
      - node_name_unique
      - networkmanager_unmanaged
      - ipt_backend_conflict
      - cni_conflist_foreign
      - modules_in_container_loadable
      - bpf_supported
      - mtu_consistency
      - cloud_blocks_ipip
      - ipip_link_create
      - xt_match_set
      - xt_required_extensions
      - ip6_rpfilter_and_tables
      - ipset_foreign_revision
      - nft_functional
      - nft_kernel_version
      - kube_proxy_mode_match
      - kernel_min
      - legacy_iptables_absent
      - wireguard_link_create
      - bpffs_mounted
      - cgroup2_available
      - immutable_os_cgroup_path
      - cni_bin_dir_writable
      - cni_conf_dir_writable
      - flexvol_path_writable
      - var_lib_calico_writable
      - stale_nodename_file
      - machine_id_unique
      - systemd_networkd_foreign_routes
      - conntrack_available
      - conntrack_netlink
      - conntrack_capacity
      - conntrack_sctp
      - ip_forward
      - ipv6_forward
      - rp_filter_mode
      - bridge_nf_call
      - ipv6_disabled
      - forward_policy_drop
      - ufw_or_csf_active
      - ports_felix_health
      - port_vxlan_conflict
      - port_typha
      - port_wireguard
      - apiserver_reachable
      - selinux_mode
      - apparmor_lockdown
      - fapolicyd_active
      - unprivileged_bpf_ro
      - btf_present
      - bpf_known_bad_kernel
      - tc_clsact
      - bpf_jit
      - endianness_arch
      - page_size
      - cpu_level
      - raspi_extra_modules
      - raspi_cgroup_memory
      - running_vs_installed_kernel
      - lib_modules_mountable
      - module_blacklist
      - secureboot_unsigned
      - kube_ipvs_match
      - strictarp_and_ipvs_bind
      - mark_mask_clash
      - route_tables_range
      - leftover_cni_links
      - leftover_cni_rules
      - leftover_calico_state
      - pool_overlap_host_cidr
      - default_route_present
      - dns_resolv
      - cri_socket_alive
      - containerd_cni_paths
      - kubelet_alive_and_ip
      - mount_propagation_shared
      - time_sync
      - clock_before_cert
      - disk_space
      - memory_cpu
      - pid_fd_limits
      - dmesg_conntrack_full
      - gc_thresh_neighbour
      - proc_sys_writable
      - nested_container_host
      - capabilities_root
      - netns_unshare
      - veth_create
      - netlink_strict
      - kernel_cfg_required
      - cri_nft_flowtable
      - nflog_target
      - vlan_or_bond_uplink
      - wifi_uplink
      - tx_checksum_udp_ct
      - ssh_port_failsafe
      - nft_rules_readable
      - foreign_masquerade
      - run_space
      - localhost_known
      - xtables_lock_free
      - pod_volumes
      - rules_before_pods
      - bpf_data_interfaces
  fail_on:
    description: >-
      When the module fails: V(fail) when a check failed or could not judge, V(warn) also when one warns, V(never) to leave that to
      what reads the result.
    type: str
    choices: [fail, warn, never]
    default: fail
  deadline:
    description: Seconds for all questions together. What is not answered by then is missing evidence.
    type: int
    default: 30
extends_documentation_fragment:
  - calico_ops.rollout._attributes
attributes:
  check_mode:
    support: full
    details: Loads no modules, whatever O(allow_module_load) says. Otherwise it changes nothing, and does the same.
  diff_mode:
    support: none
  idempotent:
    support: full
  async:
    description: Supports being used with the C(async) keyword.
    support: none
    details: The answers are judged when they are there. Use C(forks) for many hosts at a time; O(deadline) bounds each.
seealso:
  - module: calico_ops.rollout.node_precheck
  - module: calico_ops.rollout.calico_settings
notes:
  - Needs Python 3.6 or newer on the host, and its standard library. Without C(become), the module tries a user namespace. If the host
    does not allow that, or a file is for root only, the evidence is missing.
"""

EXAMPLES = r"""
- name: Can this host run Calico with VXLAN and nftables?
  calico_ops.rollout.host_precheck:
    dataplane: nftables
    encapsulation: vxlan
    bgp: false
  become: true

- name: Only look, and decide later
  calico_ops.rollout.host_precheck:
    fail_on: never
  become: true
  register: evidence

- name: Ask for IP sets only
  calico_ops.rollout.host_precheck:
    checks:
      - ipset_functional
  become: true
"""

RETURN = r"""
checked_at:
  description: When the call for the result was made, by the controller's clock in seconds since the epoch.
  returned: always, unless an option is wrong
  type: float
call_seconds:
  description: How long that call took, as the controller saw it.
  returned: always, unless an option is wrong
  type: float
reused:
  description: Whether the result is one of an earlier run, see O(max_age).
  returned: always, unless an option is wrong
  type: bool
checked_anew:
  description: Why an earlier result was not used.
  returned: with O(max_age), when the host was checked
  type: str
precheck:
  description: The host's result, a document of kind C(PrecheckResult).
  returned: always, unless an option is wrong
  type: dict
  contains:
    kind:
      description: V(PrecheckResult).
      type: str
      returned: always
    version:
      description: Version of the document.
      type: int
      returned: always
    settings:
      description: The Calico that the host was checked for.
      type: dict
      returned: always
    sources:
      description: Where each setting comes from.
      type: dict
      returned: always
    node_name:
      description: As in O(node_name).
      type: str
      returned: always
    identity:
      description: Hostname, machine id, system UUID, addresses and the like, to find the host's Node by.
      type: dict
      returned: always
    verdict:
      description: V(pass) when every check that applies had its evidence and none failed, else V(fail).
      type: str
      returned: always
    facts:
      description: >-
        What is compared with other hosts: C(clock), C(clock_offset) (less the controller's), the C(address) that calico-node will take,
        its C(interface) and C(mtu), with O(ipv6) the C(address_v6), and the host's C(macs).
      type: dict
      returned: always
    findings:
      description: >-
        The checks that are not ok. C(status) is V(warn), V(fail), or V(skipped) if the check could not judge. Each also has C(id),
        C(rank), C(category), C(message), C(observed), C(expected), C(remedy) and C(source).
      type: list
      elements: dict
      returned: always
    ok:
      description: The checks that found all well.
      type: list
      elements: str
      returned: always
    not_applicable:
      description: The checks that these settings do not need.
      type: list
      elements: str
      returned: always
    not_asked:
      description: The checks that apply and were left out by O(checks).
      type: list
      elements: str
      returned: always
    summary:
      description: >-
        How many checks were C(exercised), how many rest on module files (C(static)), and the modules that O(allow_module_load) would
        load to exercise these too (C(would_load)).
      type: dict
      returned: always
    modules_loaded:
      description: Kernel modules that are loaded now and were not before.
      type: list
      elements: str
      returned: always
    duration:
      description: Seconds on the host.
      type: float
      returned: always
  sample:
    kind: PrecheckResult
    verdict: fail
    ok: [kernel_min, veth_create]
    findings:
      - id: ipset_functional
        rank: 1
        category: ipset
        status: fail
        message: the kernel has no ip_set subsystem
        observed: EINVAL, Invalid argument (protocol)
        expected: an answer to IPSET_CMD_PROTOCOL
        remedy: "dnf install kernel-modules-extra-6.12.0-55.el10.x86_64 (and reboot, if that brings another kernel); or keep the
          node outside: it will be listed as excluded"
        source: projectcalico/calico#9540
"""

import sys

# What lies where the login begins is not for root to import.
if "" in sys.path:
    sys.path.remove("")

import base64
import json
import zlib
from importlib import import_module

# Ansible puts a JSON text there, of which only the base64 texts of the action plugin are read.
ARGUMENTS = r"""<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>"""
OLDEST = (3, 6)


def main():
    if sys.version_info < OLDEST:
        text = "host_precheck: {0} is Python {1}.{2} and {3}.{4} or newer is needed; name another by ansible_python_interpreter"
        say(failed=True, msg=text.format(sys.executable, *(sys.version_info[:2] + OLDEST)))
    else:
        answer(json.loads(ARGUMENTS))


def answer(sent):
    import_from(opened(sent["sources"]))
    answered = import_module("host.gather").gather(opened(sent["asked"]))
    # As a text, which costs Ansible less than what it says.
    say(changed=False, **dict(answered, facts=json.dumps(answered["facts"], separators=(",", ":"))))


def say(**result):
    sys.stdout.write(json.dumps(result) + "\n")


def opened(text):
    return json.loads(zlib.decompress(base64.b64decode(text)).decode("utf-8"))


def import_from(sources):
    """Lets Python import from `sources`, {path: text}, without a file."""
    from importlib.abc import ExecutionLoader
    from importlib.machinery import ModuleSpec

    def path_of(name):
        paths = (name.replace(".", "/") + ending for ending in (".py", "/__init__.py"))
        return next((path for path in paths if path in sources), None)

    class Sent(ExecutionLoader):
        @staticmethod
        def find_spec(name, _path=None, _target=None):
            path = path_of(name)
            return path and ModuleSpec(name, Sent(), origin=path, is_package=path.endswith("/__init__.py"))

        def get_filename(self, fullname):
            return path_of(fullname)

        def get_source(self, fullname):
            return sources[path_of(fullname)]

    sys.meta_path.insert(0, Sent)


# A tool that runs modules to learn their arguments puts none in.
if __name__ == "__main__" and ARGUMENTS.startswith("{"):
    main()
