# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The two backends of iptables: which one is in use, which one the kernel has."""

import errno
from typing import Any, Dict, List

from ..facts import Facts
from ..host.probes.catalogue import host_probe, xt_probes
from ..host.sweeps.modules import LOADABLE, PRESENT
from ..rules.conditions import IPTABLES, READS_IPTABLES
from ..rules.declaration import Judgement, Want, check, fail, ok, warn
from ..rules.evidence import left_behind
from ..upstream import iptables_backend
from ..upstream.iptables_backend import Detected
from .ports import KUBELET_PORT

NFT, LEGACY = host_probe("nft"), host_probe("legacy")
PROBES = (NFT, LEGACY)
_LEGACY_SET = xt_probes("set")[1]
# Tables that iptables-nft makes; others are of nft's own users.
_NAMES = ("filter", "nat", "mangle", "raw", "security")


def felix_takes(facts: Facts, want: Want) -> Detected:
    """The backend of iptables that Felix will take, by what is on the host now."""
    return iptables_backend.detect(want.iptables_backend, left_behind(facts, NFT), left_behind(facts, LEGACY))


def _by_iptables_nft(facts: Facts) -> List[Dict[str, Any]]:
    tables = left_behind(facts, NFT)
    return [one for one in tables if one["family"] == "ip" and one["name"] in _NAMES and one["rules"]]


def _by_iptables_legacy(facts: Facts) -> List[Dict[str, Any]]:
    return [one for one in left_behind(facts, LEGACY) if one["rules"]]


@check(
    rank=10,
    category="netfilter",
    applies=IPTABLES,
    probes=PROBES,
    remedy="flush the backend that is not used and reboot, or set iptablesBackend in FelixConfiguration to Auto",
    source="projectcalico/calico#7741, projectcalico/calico#4487; felix/environment chooses by the rules that are there",
)
def ipt_backend_conflict(facts: Facts, want: Want) -> Judgement:
    """Only one backend of iptables holds rules, and it is the one that Felix will use."""
    nft, legacy = _by_iptables_nft(facts), _by_iptables_legacy(facts)
    counts = (
        f"rules by iptables-nft: {sum(one['rules'] for one in nft)}, by iptables-legacy: "
        f"{sum(one['rules'] for one in legacy)}"
    )
    hinted = iptables_backend.detect("auto", left_behind(facts, NFT), left_behind(facts, LEGACY))
    if want.iptables_backend != "auto" and hinted.by == "hint" and hinted.backend != want.iptables_backend:
        return fail(
            f"Kubernetes uses the other backend than iptablesBackend {want.iptables_backend}: a packet would meet "
            "one's rules after the other's",
            observed=f"the kubelet's chains in iptables-{hinted.backend}; {counts}",
            expected=f"Kubernetes' chains in iptables-{want.iptables_backend}",
        )
    if nft and legacy:
        return warn("both backends of iptables hold rules", observed=counts, expected="one of them is empty")
    return ok()


@check(
    rank=25,
    category="netfilter",
    applies=IPTABLES,
    probes=(*PROBES, *xt_probes("set")),
    remedy="set iptablesBackend in FelixConfiguration to NFT (`iptables_backend` here), or the Installation's linuxDataplane to Nftables",
    source="kubernetes/kops#17789, projectcalico/calico#13499: kernels since 6.17 and RHEL 10 come without ip_tables",
)
def legacy_iptables_absent(facts: Facts, want: Want) -> Judgement:
    """Felix does not come to iptables-legacy on a kernel that has none: with nothing to go by, it takes legacy."""
    survey = facts["modules"]
    if survey["states"].get("ip_tables") in (*PRESENT, LOADABLE):
        return ok()
    # Where nothing is a module the kernel's own answer counts: without ip_tables nobody knows the option.
    if facts.answer(_LEGACY_SET).errno != errno.ENOPROTOOPT:
        return ok()
    taken = felix_takes(facts, want)
    if taken.backend == iptables_backend.NFT:
        return ok()
    if taken.by == "setting":
        return fail("the kernel has no iptables-legacy", observed="no ip_tables", expected="ip_tables")
    observed = "no ip_tables, no chain of the kubelet's in table mangle of iptables-nft"
    if facts["listeners"].get(f"tcp/{KUBELET_PORT}"):
        return fail(
            "the kernel has no iptables-legacy, and Felix will take it: the kubelet runs and left no hint to iptables-nft",
            observed=observed,
            expected="iptablesBackend NFT",
        )
    return warn(
        "the kernel has no iptables-legacy, and Felix would take it: no rules of Kubernetes tell it otherwise yet",
        observed=observed,
        expected="iptablesBackend NFT",
    )


@check(
    rank=111,
    category="netfilter",
    applies=READS_IPTABLES,
    probes=PROBES,
    remedy="move those rules to a table of another name (nft: `table inet NAME`), have their owner write them by iptables-nft,"
    " or set iptablesBackend in FelixConfiguration to Legacy where the kernel has it",
    source="iptables/nft.c, nft_is_table_compatible(); felix/iptables/table.go ends on it; felix/environment, DetectBackend()",
)
def nft_rules_readable(facts: Facts, want: Want) -> Judgement:
    """iptables-nft can read its own tables: others have put no native rules of nftables there, on which Felix would end."""
    found = iptables_backend.unreadable(left_behind(facts, NFT), want.calico_version, want.ipv6)
    if not found:
        return ok()
    taken = felix_takes(facts, want)
    observed = "; ".join(
        f"table {table['family']} {table['name']}, chain {why['chain']}: {why['why']}" for table, why in found[:3]
    )
    if taken.backend == iptables_backend.LEGACY and taken.by != "default":
        return ok()
    return fail(
        "iptables-nft-save shows nothing of a table with native nftables rules, and Felix ends on that again and again",
        observed=observed,
        expected="only rules that iptables-nft wrote, in filter, nat, mangle and raw",
    )
