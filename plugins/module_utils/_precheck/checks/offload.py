# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Network cards that garble what is encapsulated."""

from typing import List

from ..facts import Facts
from ..rules.conditions import VXLAN
from ..rules.declaration import Judgement, Want, check, fail, ok

# vmxnet3 computes checksums inside tunnels on the port that it takes for VXLAN's.
_DRIVER, _PORT = "vmxnet3", 4789
_TUNNEL_OFFLOADS = ("tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation")


@check(
    rank=6,
    category="encapsulation",
    applies=VXLAN,
    remedy=(
        "ethtool -K LINK tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off, and keep it so over reboots; "
        "or another vxlanPort in FelixConfiguration"
    ),
    source="projectcalico/calico#3145, projectcalico/calico#4727, rancher/rke2#1541",
)
def vxlan_nic_offload(facts: Facts, want: Want) -> Judgement:
    """No network card corrupts VXLAN by offloading its checksums: packets would vanish, and calico-node stay ready."""
    cards = facts["cards"]
    links = {link["name"] for link in facts["links"] if link["up"]}
    guilty: List[str] = []
    for card in cards:
        on = [name for name in _TUNNEL_OFFLOADS if card["features"].get(name)]
        if card["driver"] == _DRIVER and card["name"] in links and on and want.vxlan_port == _PORT:
            guilty.append(f"{card['name']}: {', '.join(on)}")
    if guilty:
        return fail(
            "vmxnet3 offloads checksums of VXLAN and garbles them: connections between pods of different nodes hang",
            observed="; ".join(guilty),
            expected="off",
        )
    return ok()
