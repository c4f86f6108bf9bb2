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
            return ok("the Installation says {}; which uplink is taken is for another check".format(want.mtu))
        added = overhead(want.encapsulation, want.ipv6, want.wireguard)
        room = uplink["mtu"] - added
        observed = "MTU {} on {}, less {} for the encapsulation".format(uplink["mtu"], uplink["name"], added)
        if want.mtu > room:
            remedy = "set the Installation's mtu to {} or less, or to 0 for what Felix finds".format(room)
            message = "pods will send larger packets than the uplink carries"
            return warn(message, observed=observed, expected="an mtu of {} at most".format(room), remedy=remedy)
        return ok("mtu {} fits".format(want.mtu))
    found = host_mtu(links, want.mtu_interface_pattern)
    if found is None:
        names = ", ".join(one["name"] for one in links if one["running"] and one["name"] != "lo") or "none"
        return fail(
            "no link matches mtuIfacePattern: Felix assumes {}, whatever the uplink carries, and stays ready".format(
                ASSUMED
            ),
            observed="links that are up: {}".format(names),
            expected="one that matches {}".format(want.mtu_interface_pattern),
        )
    if uplink and found > uplink["mtu"]:
        return warn(
            "Felix measures the MTU of other links than the uplink, which carries less",
            observed="{} has {}, the smallest that matches {}".format(uplink["name"], uplink["mtu"], found),
            expected="a pattern that matches {}".format(uplink["name"]),
        )
    return ok("Felix will find {}".format(found))
