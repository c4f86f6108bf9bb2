# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What stands in the way of Calico's CNI plugin and its devices."""

from typing import Any, Dict, List, Optional

from ..facts import Facts
from ..host.sweeps.networkmanager import left_alone
from ..rules.conditions import VXLAN, WIREGUARD
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok, warn

_CALICO_FILE = "10-calico.conflist"
# Plugins that keep the network and let Calico do policy only.
_POLICY_ONLY = {"aws-cni", "azure-vnet"}


def _devices(want: Want) -> List[str]:
    """The devices of Calico's that a manager of networks must leave alone."""
    found = ["cali0123456789a"]
    found += ["tunl0"] if want.ipip else []
    if VXLAN.holds(want):
        found += ["vxlan.calico", *(["vxlan-v6.calico"] if want.ipv6 else [])]
    if want.wireguard:
        found += ["wireguard.cali", *(["wg-v6.cali"] if want.ipv6 else [])]
    return found


@check(
    rank=9,
    category="cni",
    applies=ALWAYS,
    remedy=(
        "write /etc/NetworkManager/conf.d/calico.conf: [keyfile] unmanaged-devices=interface-name:cali*;interface-name:tunl*;"
        "interface-name:vxlan.calico;interface-name:vxlan-v6.calico;interface-name:wireguard.cali;interface-name:wg-v6.cali"
    ),
    source="docs.tigera.io troubleshooting; poseidon/typhoon#1007, projectcalico/calico#4576",
)
def networkmanager_unmanaged(facts: Facts, want: Want) -> Judgement:
    """NetworkManager, where it runs, leaves Calico's devices alone."""
    found = facts["networkmanager"]
    if not found["running"]:
        return ok()
    if found["managed_cali"]:
        names = ", ".join(found["managed_cali"])
        return fail("NetworkManager manages devices of Calico's", observed=names, expected="unmanaged")
    open_to_it = [name for name in _devices(want) if not left_alone(name, found["unmanaged"], found["sections"])]
    if open_to_it:
        return warn(
            "NetworkManager is not told to leave Calico's devices alone, and may take away their routes",
            observed=f"unmanaged-devices: {'; '.join(found['unmanaged']) or 'not set'}",
            expected=f"it covers {', '.join(open_to_it)}",
        )
    return ok()


@check(
    rank=11,
    category="cni",
    applies=ALWAYS,
    remedy="move the other plugin's file out of the directory and restart the container runtime",
    source="projectcalico/calico#1388: of several files the runtime takes the first by name",
)
def cni_conflist_foreign(facts: Facts, want: Want) -> Judgement:
    """No other plugin's CNI configuration comes before Calico's."""
    foreign = [one for one in facts["cni_configuration"] if not _is_calico(one)]
    before = [one for one in foreign if one["file"] < _CALICO_FILE]
    names = ", ".join(f"{one['file']} ({_types(one)})" for one in foreign)
    taken = next((one for one in before if not _POLICY_ONLY.intersection(one["types"] or ())), None)
    if taken:
        return fail(
            f"the runtime will take {taken['file']} before Calico's file", observed=names, expected=_CALICO_FILE
        )
    if foreign:
        return warn("there are CNI configurations of others, used while Calico's is not there", observed=names)
    return ok()


def _is_calico(one: Dict[str, Any]) -> bool:
    return "calico" in (one["types"] or ())


def _types(one: Dict[str, Any]) -> str:
    types: Optional[Any] = one["types"]
    return "cannot be parsed" if types is None else ", ".join(types)


@check(
    rank=37,
    category="cni",
    applies=ALWAYS,
    remedy=(
        "write /etc/systemd/networkd.conf.d/calico.conf: [Network] ManageForeignRoutes=no ManageForeignRoutingPolicyRules=no; "
        "then restart systemd-networkd"
    ),
    source="projectcalico/calico#4779, systemd/systemd#19106: networkd removes routes that it did not make, when it restarts",
)
def systemd_networkd_foreign_routes(facts: Facts, want: Want) -> Judgement:
    """systemd-networkd, where it runs, keeps its hands off Calico's routes and rules."""
    found = facts["networkd"]
    if not found["running"]:
        return ok()
    if not (want.bgp or want.wireguard or want.encapsulation == "none"):
        return ok()
    asked = ["ManageForeignRoutes"] + (["ManageForeignRoutingPolicyRules"] if WIREGUARD.holds(want) else [])
    missing = [name for name in asked if name not in found["keeps_off"]]
    if missing:
        # Felix writes the rule that leads to WireGuard's routes once, and packets leave in cleartext without it.
        grave = fail if WIREGUARD.holds(want) else warn
        return grave(
            "systemd-networkd removes Calico's routes on the links that it manages each time it restarts",
            observed=f"not set to no: {', '.join(missing)}",
            expected="no",
        )
    return ok()
