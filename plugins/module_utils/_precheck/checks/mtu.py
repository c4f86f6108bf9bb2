# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The size of pods' packets."""

from ..facts import Facts
from ..host.no_evidence import NoEvidence
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok, warn
from ..upstream.mtu import ASSUMED, host_mtu, overhead
from .address import candidates


@check(
    rank=14,
    category="encapsulation",
    applies=ALWAYS,
    remedy="set mtuIfacePattern in FelixConfiguration and `mtu_interface_pattern` here to match the uplink, or set the Installation's mtu",
    source="felix/dataplane/linux, findHostMTU: without a match it assumes 1460 and stays ready; projectcalico/calico#8674",
)
def mtu_consistency(facts: Facts, want: Want) -> Judgement:
    """Felix finds the link whose MTU counts, and the MTU that is set leaves room for the encapsulation."""
    links = facts["links"]
    if not links:
        raise NoEvidence("the kernel lists no link", "look at the host's network")
    taken = next(iter(candidates(facts, want)), None)
    uplink = next((link for link in links if taken and link["name"] == taken.interface), None)
    if want.mtu:
        if uplink is None:
            return ok()
        added = overhead(want.encapsulation, want.ipv6, want.wireguard)
        room = uplink["mtu"] - added
        observed = f"MTU {uplink['mtu']} on {uplink['name']}, less {added} for the encapsulation"
        if want.mtu > room:
            remedy = f"set the Installation's mtu to {room} or less, or to 0 for what Felix finds"
            message = "pods will send larger packets than the uplink carries"
            return warn(message, observed=observed, expected=f"an mtu of {room} at most", remedy=remedy)
        return ok()
    found = host_mtu(links, want.mtu_interface_pattern)
    if found is None:
        names = ", ".join(one["name"] for one in links if one["running"] and one["name"] != "lo") or "none"
        return fail(
            f"no link matches mtuIfacePattern: Felix assumes {ASSUMED}, whatever the uplink carries, and stays ready",
            observed=f"links that are up: {names}",
            expected=f"one that matches {want.mtu_interface_pattern}",
        )
    if uplink and found > uplink["mtu"]:
        return warn(
            "Felix measures the MTU of other links than the uplink, which carries less",
            observed=f"{uplink['name']} has {uplink['mtu']}, the smallest that matches {found}",
            expected=f"a pattern that matches {uplink['name']}",
        )
    return ok()
