# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What is wrong with a node or a pair, and what to look at: sentences for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Optional

from ..documents.policy import NodeVerdict, ProbeFate, ProbeRow
from ..text.terminal import count, listed
from .fates import symptom

ONE_ROW = "One row alone cannot tell the pair from one of its nodes; a probe of strength 3 can."
_OF_LEVEL = {
    "same_node": "on the node itself",
    "cross_node": "between nodes",
    "wrong_port": "to a port that is not allowed",
    "wrong_namespace": "from a namespace that is not allowed",
    "large_packets": "with large packets",
    "dns": "to the cluster's DNS",
}


def enforced(own: Sequence[ProbeRow], failed: Sequence[str]) -> str:
    if failed:
        return f"Policy is in force; {count(len(failed), 'row')} of {len(own)} failed because of another node or of the way to it."
    return f"Policy is in force: {count(len(own), 'row')} had the right fate in every phase."


def silent_dns(nodes: Sequence[str]) -> str:
    return (
        f"The cluster's DNS did not answer pods on {listed(nodes, 10)} while no policy selected them, so DNS egress was not proven there. "
        "Look at the pods of DNS, and at the way to them."
    )


def nothing_shown(failed: Sequence[str]) -> tuple[str, str]:
    why = f"{count(len(failed), 'row')} failed because of other nodes, and those that are left do not prove policy."
    return why, "Repair the other nodes, or probe this one with others."


def unproven(trouble: Optional[str], rows: int) -> tuple[str, str]:
    if trouble:
        return f"No evidence: {trouble}.", "Remove the cause, and probe again."
    return (
        f"No evidence: in {count(rows, 'row')} the client on this node tried no connection in some phase.",
        "Look at the load of the node and at the events of the probe's pods, and probe again.",
    )


def lost_for_a_moment(rows: Sequence[str]) -> str:
    return (
        f"A first look lost packets that policy allows, or saw them late, and a second look did not ({count(len(rows), 'row')}: "
        f"{listed(rows, 5)}). Look at the load of the nodes, and at packets that get lost."
    )


def fault(verdict: NodeVerdict, wrong: Sequence[ProbeRow], part: Sequence[ProbeRow]) -> tuple[str, str]:
    """The reason, and what to look at.

    :param wrong: the rows of the fault, with their fates
    :param part: all rows in which the node, or the pair, took part
    """
    fates = [fate for row in wrong for fate in row["fates"] if symptom(fate) == verdict]
    scope = _scope(wrong, part)
    where = f"{len(wrong)} of {count(len(part), 'row')}"
    if verdict == "open":
        return _open(fates, wrong, scope, where)
    if verdict == "late":
        longest = max(fate["settled_ms"] or 0.0 for fate in fates)
        return (
            f"Policy is in force only {longest / 1000:.1f} s after it was written{scope} ({where}), which is after the deadline.",
            "Look at the load of the node, at Typha, and at felix_int_dataplane_apply_time_seconds of the node's Felix.",
        )
    return _closed(fates, wrong, scope, where)


def _open(fates: Sequence[ProbeFate], wrong: Sequence[ProbeRow], scope: str, where: str) -> tuple[str, str]:
    holes = [fate["hole_ms"] for fate in fates if fate["hole_ms"] is not None and fate["seen"] == "dropped"]
    if len(holes) == len(fates):
        return (
            f"Denied connections{scope} came through again for {max(holes):.0f} ms after they had been dropped ({where}).",
            "Compare the time with restarts of calico-node, and with programs that reload firewall rules (firewalld, nft -f).",
        )
    reason = f"Denied connections{scope} come through ({where}): no policy is in force there."
    if all(fate["seen"] in ("refused", "dropped") for fate in fates) and any(
        row["kind"] != "wrong_port" for row in wrong
    ):
        return reason.replace("come through", "are refused"), (
            "Denied connections must time out. Look at iptablesFilterDenyAction and nftablesFilterDenyAction of the FelixConfiguration, "
            "and for another firewall that rejects."
        )
    kinds = {row["kind"] for row in wrong}
    if kinds == {"dns"}:
        return (
            reason,
            "Look for a policy of others that allows DNS to all pods. If that is meant, set dns_service: none.",
        )
    if kinds == {"wrong_namespace"}:
        return (
            reason,
            "calico-node does not apply namespaceSelector: read its log for failing watches of Namespaces and profiles.",
        )
    if all(fate["phase"] == "precise_allow" for fate in fates):
        return (
            reason,
            "The policy that allows one peer allows more: look for other policies that select these pods, and read calico-node's log.",
        )
    return reason, (
        "Readiness does not show this. Read the log of calico-node for a crash loop or a failed write; see whether another program answers "
        "on port 9099 (ss -ltnp); see whether the pods' interfaces have Calico's chains (iptables-save or nft list ruleset, cali-tw-)."
    )


def _closed(fates: Sequence[ProbeFate], wrong: Sequence[ProbeRow], scope: str, where: str) -> tuple[str, str]:
    if all(fate["seen"] == "unreachable" for fate in fates):
        return (
            f"Connections{scope} end as unreachable ({where}), which no policy of Calico's causes.",
            "Look for a route that is missing (ip route get) and for another firewall that rejects (nft list ruleset, iptables-save).",
        )
    if {row["kind"] for row in wrong} == {"dns"}:
        return (
            f"Questions{scope} that a policy allows have no answer ({where}); without policy they have.",
            "Read the log of calico-node for policies that it cannot apply, as one that names pods of another namespace.",
        )
    if {row["kind"] for row in wrong} == {"large_packets"}:
        return (
            f"Large packets do not come through, and small ones do ({where}).",
            "Compare the MTU of the pods' interfaces (/var/lib/calico/mtu) with that of the way between the nodes (ping -M do -s).",
        )
    if all(fate["phase"] == "precise_allow" for fate in fates):
        return (
            f"Connections{scope} that a policy allows do not come through ({where}); without policy they do.",
            "Read the log of calico-node for policies that it cannot apply, and look for other policies that select these pods.",
        )
    reason = f"Allowed connections{scope} do not come through ({where})."
    if {row["way"] for row in wrong} == {"cross_node"}:
        family: Literal["ipv4", "ipv6"] = "ipv6" if {row["family"] for row in wrong} == {"IPv6"} else "ipv4"
        return reason, (
            f"Look at net.{family}.conf.<uplink>.forwarding, at drops of other firewalls at the forward hook (nft list ruleset), at "
            "the tunnel (vxlan.calico, tunl0 or wireguard.cali in ip -d link) and at the routes to other nodes' pods (ip route)."
        )
    return reason, (
        "Look at drops of other firewalls at the forward hook (nft list ruleset), and for a route that covers 169.254.1.1, which the pods' "
        "gateway needs (ip route get 169.254.1.1)."
    )


def _scope(wrong: Sequence[ProbeRow], part: Sequence[ProbeRow]) -> str:
    """What the wrong rows have in common, and not all others share."""
    if {row["kind"] for row in wrong} == {"dns"}:
        return f" {_OF_LEVEL['dns']}"
    told = []
    for factor in ("protocol", "family", "direction", "way", "kind"):
        levels = {str(row[factor]) for row in wrong}
        if len(levels) == 1 and len({str(row[factor]) for row in part}) > 1:
            (level,) = levels
            if factor == "family":
                told.append(f"over {level}")
            elif factor == "protocol":
                told.append(f"by {level}")
            elif factor == "direction":
                told.append(f"in {level}")
            elif level in _OF_LEVEL:
                told.append(_OF_LEVEL[level])
    return "".join(f" {words}" for words in told)
