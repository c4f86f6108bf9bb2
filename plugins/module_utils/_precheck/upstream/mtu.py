# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The size of pods' packets, as Felix works it out.

Mirrors felix/dataplane/linux/int_dataplane.go of projectcalico/calico: findHostMTU, ConfigureDefaultMTUs, determinePodMTU. Read at
v3.28.5, v3.29.7, v3.30.7, v3.31.7, v3.32.1 and release-v3.33: the same in all.
"""

from typing import Any, Dict, Optional, Sequence

from . import go_regexp

# What Felix assumes where no link matches.
ASSUMED = 1460
# ipipMTUOverhead, vxlanMTUOverhead, vxlanV6MTUOverhead, wireguardMTUOverhead, wireguardV6MTUOverhead: bytes.
_IPIP, _VXLAN, _VXLAN_V6, _WIREGUARD, _WIREGUARD_V6 = 20, 50, 70, 60, 80


def host_mtu(links: Sequence[Dict[str, Any]], pattern: str) -> Optional[int]:
    """The smallest MTU (bytes) of the links that are up and whose name holds a match of the pattern; None where none has one.

    Go's MatchString searches the name: a pattern without ^ matches in the middle of it. Raises NotGo.
    """
    wanted = go_regexp.compiled(pattern)
    matching = [one["mtu"] for one in links if one["running"] and one["mtu"] and wanted.search(one["name"])]
    return min(matching) if matching else None


def overhead(encapsulation: str, ipv6: bool, wireguard: bool) -> int:
    """The bytes that the widest of the encapsulations adds. The bpf data plane adds none: it answers for its NodePorts' tunnel itself."""
    used = [0]
    if encapsulation in ("ipip", "ipip_and_vxlan"):
        used.append(_IPIP)
    if encapsulation in ("vxlan", "ipip_and_vxlan"):
        used.append(_VXLAN_V6 if ipv6 else _VXLAN)
    if wireguard:
        used.append(_WIREGUARD_V6 if ipv6 else _WIREGUARD)
    return max(used)
