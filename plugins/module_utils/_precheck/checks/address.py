# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The address that calico-node will take for its node, and whether it is the one that the node is reached by."""

from typing import List, Optional

from ..facts import Facts
from ..rules.conditions import NODE_ADDRESS
from ..rules.declaration import Judgement, Want, check, fail, ok, warn
from ..rules.ways import ways_out
from ..upstream import autodetection
from ..upstream.autodetection import FIRST_FOUND, KUBERNETES, SKIP_INTERFACE, Candidate, destination

_REMEDY = "choose the address with nodeAddressAutodetectionV4 of the Installation (cidrs, interface, or kubernetes: NodeInternalIP)"
_REMEDY_V6 = _REMEDY.replace("V4", "V6")
# Addresses that change, or that nobody answers for: rtnetlink's IFA_F_TEMPORARY, IFA_F_DEPRECATED, IFA_F_DADFAILED.
_PASSING = {
    "temporary": "a privacy address, which the kernel replaces",
    "deprecated": "an address that runs out",
    "failed": "an address that another host has too",
}


def method_of(want: Want, ipv6: bool) -> str:
    """The Installation has a method for each family."""
    return want.ip6_autodetection if ipv6 else want.ip_autodetection


def candidates(facts: Facts, want: Want, ipv6: bool = False) -> List[Candidate]:
    """The addresses that calico-node could take, the one it takes first; none where they cannot be told.

    Every check that asks which address, link or MTU is the node's goes by this function. In a cluster of IPv6 alone the answer is
    IPv6's whichever family is asked for.
    """
    ipv6 = ipv6 or not want.ipv4
    method = method_of(want, ipv6)
    reach = facts.get("reach") if destination(method) else None
    found = facts.get("links", []), facts.get("addresses", [])
    return autodetection.detected(method, *found, ipv6=ipv6, reach=reach, internal_ips=node_ips(facts))


def node_ips(facts: Facts) -> List[str]:
    """What the kubelet is told to give its Node as InternalIP; none where it finds that itself, or is not here."""
    told = (facts.get("kubelet") or {}).get("node_ip") or ""
    # The kubelet takes the unspecified address for "find one of this family".
    return [one for one in (part.strip() for part in told.split(",")) if one.strip("0.:")]


def _words(candidates: List[Candidate]) -> str:
    return ", ".join(f"{one.address} on {one.interface}" for one in candidates) or "none"


@check(
    rank=3,
    category="identity",
    applies=NODE_ADDRESS,
    remedy=_REMEDY,
    source="projectcalico/calico#8783, projectcalico/calico#1628; node/pkg/lifecycle/startup/autodetection",
)
def node_ip_autodetect(facts: Facts, want: Want) -> Judgement:
    """calico-node takes the address by which the node is reached, by the method asked for."""
    for name in ("links", "addresses"):
        facts[name]
    judged = [_judged(facts, want, ipv6) for ipv6 in families(want)]
    worst = next((one for status in ("fail", "warn") for one in judged if one.status == status), None)
    return worst or ok()


def families(want: Want) -> List[bool]:
    return [ipv6 for ipv6, has in ((False, want.ipv4), (True, want.ipv6)) if has]


def _judged(facts: Facts, want: Want, ipv6: bool) -> Judgement:
    method, family = method_of(want, ipv6), 6 if ipv6 else 4
    remedy = _REMEDY_V6 if ipv6 else _REMEDY
    if destination(method):
        facts["reach"]
    if method == KUBERNETES:
        facts["kubelet"]
    if ipv6 and destination(method) and destination(want.ip_autodetection):
        return ok()
    found = candidates(facts, want, ipv6)
    if not found and method == KUBERNETES and not _of_family(node_ips(facts), ipv6):
        return ok()
    if not found:
        known = autodetection.enumerated(facts["links"], facts["addresses"], ipv6)
        return fail(
            f"calico-node finds no IPv{family} address by {method}",
            observed=_words(known),
            expected=f"an address that {method} selects",
            remedy=remedy,
        )
    chosen = method not in ("", FIRST_FOUND) and not method.startswith(SKIP_INTERFACE)
    judged = _down(facts, found) or (None if chosen else _by_the_way_out(facts, found, ipv6)) or _passing(facts, found)
    return judged._replace(remedy=remedy) if judged else ok()


def _down(facts: Facts, found: List[Candidate]) -> Optional[Judgement]:
    if any(link["running"] for link in facts["links"] if link["name"] == found[0].interface):
        return None
    return fail(
        f"calico-node will take {_words(found[:1])}, and that link is down: it does not ask whether a link is up",
        observed=_words(found),
        expected="an address of a link that is up",
    )


def _by_the_way_out(facts: Facts, found: List[Candidate], ipv6: bool) -> Optional[Judgement]:
    """Where nobody chose, the node's address is that of the kubelet, or of the default route's link; None where it is taken."""
    ways, taken = ways_out(facts, ipv6), found[0]
    if taken.interface not in ways:
        facts["kubelet"]
    if taken.address in node_ips(facts) or taken.interface in ways:
        return None
    known = autodetection.enumerated(facts["links"], facts["addresses"], ipv6)
    by_the_way = [one for one in known if one.interface in ways and autodetection.is_global_unicast(one.address)]
    if by_the_way:
        return fail(
            f"calico-node will take {_words(found[:1])}: it takes the link that the kernel lists last",
            observed=_words(found),
            expected=f"{_words(by_the_way[:1])}, on the link of the default route",
        )
    if {one.interface for one in found} != {taken.interface}:
        return warn(
            f"calico-node will take {_words(found[:1])}, and could take others",
            observed=_words(found),
            expected="one candidate, or a default route that tells which is the node's",
        )
    return None


def _of_family(texts: List[str], ipv6: bool) -> List[str]:
    return [one for one in texts if (":" in one) == ipv6]


def _passing(facts: Facts, found: List[Candidate]) -> Optional[Judgement]:
    marks = next((one.get("marks", ()) for one in facts["addresses"] if one["address"] == found[0].address), ())
    why = next((words for mark, words in _PASSING.items() if mark in marks), None)
    if why is None:
        return None
    message = f"calico-node will take {_words(found[:1])}: {why}"
    return warn(message, observed=_words(found), expected="an address that stays")
