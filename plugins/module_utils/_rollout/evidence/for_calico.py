# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Is the evidence of a host evidence for this Calico? Compared setting by setting, and noted on the Node for later.

A host that was checked for more than is needed has its evidence: WireGuard, an encapsulation, CIDRs, ports. So has one that was checked
for the newest Calico. A precheck assumes that before a clean install, when no image shows the version yet. Anything else is another
Calico. A setting that does not matter for this Calico is not compared, such as WireGuard's ports without WireGuard.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Callable

from ..calico_settings.release import NEWEST
from ..calico_settings.settings import for_node
from ..documents import CalicoSettings, Evidence, Plan, PrecheckReport, StaleSetting
from ..documents.canonical import canonical_json
from ..text.order import natural
from .checked_for import shown

NOT_COMPARED = ("typha", "sctp", "apiserver", "allow_module_load")
"""How a host is checked, and what only its owner knows."""
_FEATURES = ("bgp", "ipv6", "wireguard", "host_endpoints", "flow_offload", "flow_logs")
_PARTS = ("pod_cidrs", "service_cidrs")
_NEWEST = f"3.{NEWEST}"
_WHERE_ASKED = ("metrics_port", "flexvolume_path")

_MATTERS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "iptables_backend": lambda asked: asked["dataplane"] == "iptables",
    "cgroup_v2_path": lambda asked: asked["dataplane"] == "bpf",
    "bpf_data_interface_pattern": lambda asked: asked["dataplane"] == "bpf",
    "flow_offload": lambda asked: asked["dataplane"] == "nftables",
    "vxlan_port": lambda asked: "vxlan" in asked["encapsulation"] or asked["dataplane"] == "bpf",
    "vxlan_vni": lambda asked: "vxlan" in asked["encapsulation"] or asked["dataplane"] == "bpf",
    "wireguard_port": lambda asked: bool(asked["wireguard"]),
    "wireguard_port_v6": lambda asked: bool(asked["wireguard"] and asked["ipv6"]),
    "mtu_interface_pattern": lambda asked: not asked["mtu"],
    "bgp_port": lambda asked: bool(asked["bgp"]),
    "ip6_autodetection": lambda asked: bool(asked["ipv6"]),
}


def lacking(checked: Mapping[str, Any], asked: Mapping[str, Any], unknown: Collection[str] = ()) -> list[str]:
    """The settings for which the evidence does not count. `unknown` names the settings that could not be read.

    A setting that the evidence does not have was not known when it was noted, and is not compared.
    """
    return [
        name
        for name, value in asked.items()
        if name in checked
        and name not in (*NOT_COMPARED, *unknown)
        and (name not in _MATTERS or _MATTERS[name](asked))
        and not _covers(name, checked[name], value)
    ]


def _covers(name: str, checked: Any, asked: Any) -> bool:
    if name in _FEATURES:
        return bool(checked) or not asked
    if name in _WHERE_ASKED and not asked:
        return True
    if name in _PARTS:
        return isinstance(checked, list) and set(asked) <= set(checked)
    if name == "calico_version":
        return bool(checked in (asked, _NEWEST))
    if name == "encapsulation":
        return asked == "none" or set(str(asked).split("_and_")) <= set(str(checked).split("_and_"))
    return type(checked) is type(asked) and bool(checked == asked)


def evidence_of(report: PrecheckReport, hosts: Mapping[str, str]) -> list[Evidence]:
    """What these nodes' hosts (by node) were checked for, those with the same settings together."""
    groups: dict[str, Evidence] = {}
    for node in sorted(hosts, key=natural):
        result = report["hosts"][hosts[node]]["result"]
        if result is not None:
            settings = result["settings"]
            group = groups.setdefault(canonical_json(settings), Evidence(settings=settings, nodes={}))
            group["nodes"][node] = hosts[node]
    return list(groups.values())


def evidence_for_another(
    plan: Plan, calico: CalicoSettings, nodes: Collection[str]
) -> list[tuple[StaleSetting, list[str]]]:
    """What these nodes' evidence lacks, each with the hosts, in the order of the settings."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for group in plan["evidence"]:
        for node, host in group["nodes"].items():
            if node in nodes:
                for one in stale_settings(group["settings"], calico, node):
                    key = (one["setting"], one["checked"], one["asked"], one["source"])
                    found.setdefault(key, []).append(host)
    order = list(calico["settings"])
    return [
        (StaleSetting(setting=key[0], checked=key[1], asked=key[2], source=key[3]), hosts)
        for key, hosts in sorted(found.items(), key=lambda one: (order.index(one[0][0]), one[0]))
    ]


def stale_settings(checked: Mapping[str, Any], calico: CalicoSettings, node: str) -> list[StaleSetting]:
    asked, sources = for_node(calico, node)
    unknown = {name for one in calico["unread"] for name in one["settings"]}
    return [
        StaleSetting(
            setting=name, checked=shown(checked[name]), asked=shown(asked[name]), source=sources.get(name, "default")
        )
        for name in lacking(checked, asked, unknown)
    ]


def noted(settings: Mapping[str, Any]) -> str:
    """For the Node's annotation: what would be compared later, as short JSON."""
    return canonical_json({name: value for name, value in settings.items() if name not in NOT_COMPARED})


def read_noted(text: str | None) -> dict[str, Any] | None:
    """None for what is no such note: anybody who may write to a Node may write into its annotations."""
    try:
        found = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def noted_on(plan: Plan, nodes: Sequence[str], annotated: Collection[str]) -> dict[str, str | None]:
    """By node, what its annotation becomes. Null where an earlier admission left one and this one rests on no precheck."""
    known = {node: noted(group["settings"]) for group in plan["evidence"] for node in group["nodes"]}
    return {node: known.get(node) for node in nodes if node in known or node in annotated}
