# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which decisions of Calico and the operator are made again here, and where theirs are to be read.

docs/reference/prechecks.md shows this table. To support a new Calico, read each source at its tag, and add what changed.
"""

from typing import NamedTuple, Tuple

VERSIONS = ("3.28", "3.29", "3.30", "3.31", "3.32", "3.33")
"""The versions of Calico whose sources were read: v3.28.5, v3.29.7, v3.30.7, v3.31.7, v3.32.1, release-v3.33; operator 1.34 to 1.44."""
_EVERY = "the same in every version"


class Mirrored(NamedTuple):
    decision: str
    source: str
    """File and function of projectcalico/calico, or of the repository that is named."""
    order: str
    """In which order it is decided, in one sentence."""
    versions: str
    """What changed between the versions of Calico."""
    here: str
    """Module and function below _precheck that decide the same."""
    checks: Tuple[str, ...]
    """The checks that rest on it."""


MIRRORED = (
    Mirrored(
        "Which address calico-node takes (first-found)",
        "node/pkg/lifecycle/startup/autodetection: interfaces.go GetInterfaces, filtered.go FilteredEnumeration",
        "interfaces from the last of the kernel's dump to the first, up or down, without the excluded ones; of each the first global"
        " address in the dump's order",
        _EVERY,
        "upstream/autodetection.py enumerated, detected",
        (
            "node_ip_autodetect",
            "kubelet_alive_and_ip",
            "mtu_consistency",
            "rp_filter_mode",
            "vlan_or_bond_uplink",
            "wifi_uplink",
        ),
    ),
    Mirrored(
        "Which interfaces are excluded",
        "node/pkg/lifecycle/startup/autodetection/autodetection_linux.go DEFAULT_INTERFACES_TO_EXCLUDE",
        "first-found leaves the default exclusions out, skip-interface= those and its own, interface= and cidr= none",
        _EVERY,
        "upstream/autodetection.py DEFAULT_EXCLUDED, detected",
        ("node_ip_autodetect",),
    ),
    Mirrored(
        "can-reach=, kubernetes-internal-ip",
        "node/pkg/lifecycle/startup/autodetection: reachaddr.go ReachDestination, autodetection_methods.go GetLocalCIDR",
        "the source address towards the destination (UDP, of the same family), or the Node's InternalIP; then the last interface that"
        " has it, and none where no interface has",
        _EVERY,
        "upstream/autodetection.py detected; host/sweeps/network.py source_address",
        ("node_ip_autodetect",),
    ),
    Mirrored(
        "How names of interfaces are matched",
        "Go's regexp.MatchString in autodetection, findHostMTU and bpf_ep_mgr.go; felix/config: type regexp",
        "the expression is searched in the name; several are alternatives, and an empty one matches all",
        _EVERY,
        "upstream/go_regexp.py compiled, any_of",
        ("node_ip_autodetect", "mtu_consistency"),
    ),
    Mirrored(
        "The MTU of pods",
        "felix/dataplane/linux/int_dataplane.go findHostMTU, ConfigureDefaultMTUs, determinePodMTU",
        "the smallest MTU of the running links (IFF_RUNNING) that mtuIfacePattern matches, 1460 where none does; less the widest of the"
        " encapsulations that are on",
        _EVERY,
        "upstream/mtu.py host_mtu, overhead",
        ("mtu_consistency",),
    ),
    Mirrored(
        "Which iptables Felix takes (iptablesBackend Auto)",
        "felix/environment/feature_detect_linux.go DetectBackend",
        "the kubelet's chains in table mangle of iptables-nft, then of iptables-legacy; else who prints more rules, legacy where both print"
        " as many",
        _EVERY,
        "upstream/iptables_backend.py detect",
        (
            "ipt_backend_conflict",
            "legacy_iptables_absent",
            "nft_rules_readable",
            "forward_policy_drop",
            "xtables_lock_free",
        ),
    ),
    Mirrored(
        "Which rules of nftables iptables-nft cannot show",
        "iptables/nft.c nft_is_expr_compatible, nft-cache.c nft_cache_add_base_chain, nft-ruleparse.c nft_rule_to_iptables_command_state;"
        " felix/iptables/table.go readHashesAndRulesFrom",
        "base chains that are not its own are left out; then one unknown expression makes a table incompatible; then 1.8.10 ends on what it"
        " cannot translate",
        "iptables 1.8.8 in the image up to 3.31, 1.8.10 since; nftables mode reads iptables' tables in 3.31 and 3.32",
        "host/probes/nft_readable.py refusal; upstream/iptables_backend.py unreadable, runs_iptables",
        ("nft_rules_readable",),
    ),
    Mirrored(
        "Whether calico-node's and csi-node-driver's pods start",
        "tigera/operator pkg/render/node.go nodeVolumes, bpfBootstrapInitContainer; csi.go csiVolumes; kubernetes"
        " pkg/volume/hostpath/host_path.go checkType; containerd and CRI-O ensureShared",
        "each hostPath is of its type or made, then each Bidirectional mount lies on a shared one",
        "/sys/fs, /sys/fs/bpf, /proc and Bidirectional mounts in data plane bpf alone up to 3.30, in all since 3.31; CNI's log directory up"
        " to 3.32; /var/log/calico, /sys/kernel/security and a staging volume for CNI plugins since 3.33",
        "upstream/pod_needs.py NEEDS, needs",
        ("mount_propagation_shared", "pod_volumes", "bpffs_mounted"),
    ),
    Mirrored(
        "Whether Felix enforces by nftables",
        "tigera/operator pkg/controller/installation/core_controller.go setNftablesMode; felix/nftables/utils.go Enabled,"
        " KubeProxyNftablesEnabledFn",
        "linuxDataplane Nftables sets nftablesMode; in mode Auto a table kube-proxy with chains, of ip or of ip6, decides, and Felix"
        " restarts when that changes",
        "3.28 has no nftables; Enabled from 3.29, Auto since 3.32 (operator 1.42)",
        "upstream/nftables_mode.py follows_kube_proxy; checks/proxy.py modes",
        ("kube_proxy_mode_match",),
    ),
    Mirrored(
        "Whether Felix falls back from bpf to iptables",
        "felix/bpf/bpf.go SupportsBPFDataplane; felix/environment/versionparse.go GetDistFromString; felix/daemon/daemon.go",
        "a kernel of Red Hat's by /proc/version from 4.18.0-193, another from 5.3.0, and a little-endian machine; else iptables in silence",
        _EVERY,
        "rules/versions.py FELIX_BPF, FELIX_BPF_ENTERPRISE_LINUX; checks/bpf.py _as_new_as",
        ("bpf_supported", "endianness_arch"),
    ),
    Mirrored(
        "Which tables of routes Felix takes",
        "felix/dataplane/driver.go StartDataplaneDriver; felix/idalloc/index_allocator.go GrabIndex",
        "the first two of routeTableRanges, for WireGuard of IPv4 and of IPv6, in every data plane",
        _EVERY,
        "checks/leftovers.py _TABLES",
        ("route_tables_range",),
    ),
    Mirrored(
        "On which addresses Felix and Typha answer for their health",
        "felix/config/config_params.go HealthHost; typha/pkg/config/config_params.go HealthHost",
        "localhost",
        _EVERY,
        "checks/ports.py _LOCALHOST",
        ("ports_felix_health",),
    ),
    Mirrored(
        "To which links Felix attaches its bpf programs",
        "felix/dataplane/linux/bpf_ep_mgr.go newBPFEndpointManager (dataIfaceRegex), applyProgramsToDirtyDataInterfaces",
        "links that bpfDataIfacePattern matches, and Calico's own tunnels; of a bond or a bridge that it does not match, the ports that it"
        " does",
        "3.28.0 to 3.28.4 do not know bond*; another pattern than mtuIfacePattern",
        "upstream/data_interfaces.py DATA_INTERFACES, attached",
        ("bpf_data_interfaces",),
    ),
    Mirrored(
        "Whether rules log to Felix",
        "felix/config/config_params.go FlowLogsEnabled; felix/rules/endpoints.go, felix/rules/policy.go Nflog",
        "flowLogsGoldmaneServer or flowLogsLocalReporter is set",
        "since 3.30",
        "rules/conditions.py FLOW_LOGS",
        ("nflog_target",),
    ),
)
