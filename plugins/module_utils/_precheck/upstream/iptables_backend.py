# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which iptables Felix takes, and where iptables-nft stops it.

Mirrors felix/environment/feature_detect_linux.go of projectcalico/calico, DetectBackend(): the same choice in release-v3.28 to
release-v3.33. Felix makes it in every data plane. It saves the tables with both binaries and goes by what they print:

1. chains of the kubelet (KUBE-IPTABLES-HINT, KUBE-KUBELET-CANARY) in the table mangle of iptables-nft, for IPv4 or IPv6: nft
2. such chains in the table mangle of iptables-legacy: legacy
3. the one of the two that prints more rules; legacy where they print as many

A chain needs no rule to be a hint. Of a table that iptables-nft calls incompatible nothing is printed, so it holds neither hint nor rule.

What runs iptables-nft-save and so cannot live with such a table, felix/dataplane/linux/int_dataplane.go: iptables and bpf at
every version; nftables in 3.31 and 3.32 only, which clean iptables' tables up through the same binary. 3.29 and 3.30 do not clean up,
3.33 does so by netlink (NewIPTablesNFTCleanup).
"""

from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

NFT, LEGACY = "nft", "legacy"
KUBELET = "kubelet"
SHARED_TABLES = ("filter", "nat", "mangle", "raw")
"""felix/rules/rulesdefs.SharedTables: what Felix reads back before it writes."""
_CLEANED_UP_BY_IPTABLES = ("3.31", "3.32")
_WITH_1_8_8 = ("3.28", "3.29", "3.30", "3.31")


class Detected(NamedTuple):
    backend: str
    by: str
    """`setting`, `hint`, `rules`, or `default` where both backends are empty."""


def detect(specified: str, nft: Sequence[Dict[str, Any]], legacy: Sequence[Dict[str, Any]]) -> Detected:
    """`specified`: iptablesBackend in lower case. `nft` and `legacy`: tables as host/probes/present.py returns them."""
    if specified in (NFT, LEGACY):
        return Detected(specified, "setting")
    own = [one for one in nft if one["family"] in ("ip", "ip6")]
    # What only the newer iptables-nft stumbles over it prints up to there: the chains come first.
    if any(_hints(one) and not incompatible(one) for one in own):
        return Detected(NFT, "hint")
    if any(_hints(one) for one in legacy):
        return Detected(LEGACY, "hint")
    counted = sum(one["lines"] for one in nft), sum(one["lines"] for one in legacy)
    if counted[0] > counted[1]:
        return Detected(NFT, "rules")
    return Detected(LEGACY, "rules" if counted[1] else "default")


def _hints(table: Dict[str, Any]) -> bool:
    return table["name"] == "mangle" and KUBELET in table["owners"]


def incompatible(table: Dict[str, Any]) -> bool:
    return any(not one["only_newer"] for one in table["unreadable"])


def unreadable(
    tables: Sequence[Dict[str, Any]], calico_version: str, ipv6: bool
) -> List[Tuple[Dict[str, Any], Dict[str, Any]]]:
    """Tables that the image's iptables-nft-save cannot show, each with the reason. `ipv6`: Felix reads those of ip6tables too."""
    families = ("ip", "ip6") if ipv6 else ("ip",)
    return [
        (table, why)
        for table in tables
        if table["family"] in families and table["name"] in SHARED_TABLES
        for why in table["unreadable"][:1]
        if not (why["only_newer"] and calico_version in _WITH_1_8_8)
    ]


def runs_iptables(dataplane: str, calico_version: str) -> bool:
    """Whether Felix reads tables by iptables-save in this data plane."""
    return dataplane != "nftables" or calico_version in _CLEANED_UP_BY_IPTABLES
