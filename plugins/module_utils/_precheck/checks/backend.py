# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The two backends of iptables: which one is in use, which one the kernel has."""

import errno
from typing import Any, Dict, List

from ..answers import Facts
from ..host.probes.catalogue import host_probe, xt_probes
from ..host.sweeps.modules import LOADABLE, PRESENT
from .conditions import IPTABLES
from .declaration import Judgement, Want, check, fail, ok, warn
from .evidence import left_behind

NFT, LEGACY = host_probe("nft"), host_probe("legacy")
_LEGACY_SET = xt_probes("set")[1]
# Tables that iptables-nft makes; others are of nft's own users.
_NAMES = ("filter", "nat", "mangle", "raw", "security")
# What Felix goes by when it chooses, felix/environment/feature_detect_linux.go.
_HINTS = {"kube-proxy", "kubelet"}


def _by_iptables_nft(facts: Facts) -> List[Dict[str, Any]]:
    tables = left_behind(facts, NFT)
    return [one for one in tables if one["family"] == "ip" and one["name"] in _NAMES and one["rules"]]


def _by_iptables_legacy(facts: Facts) -> List[Dict[str, Any]]:
    return [one for one in left_behind(facts, LEGACY) if one["rules"]]


def _hinted(tables: List[Dict[str, Any]]) -> bool:
    return any(_HINTS.intersection(one["owners"]) for one in tables)


@check(
    rank=10,
    category="netfilter",
    applies=IPTABLES,
    probes=(NFT, LEGACY),
    remedy="flush the backend that is not used and reboot, or set iptablesBackend in FelixConfiguration to Auto",
    source="projectcalico/calico#7741, projectcalico/calico#4487; felix/environment chooses by the rules that are there",
)
def ipt_backend_conflict(facts: Facts, want: Want) -> Judgement:
    """Only one backend of iptables holds rules, and it is the one that Felix will use."""
    nft, legacy = _by_iptables_nft(facts), _by_iptables_legacy(facts)
    other = {"nft": legacy, "legacy": nft}.get(want.iptables_backend, [])
    counts = "rules by iptables-nft: {}, by iptables-legacy: {}".format(
        sum(one["rules"] for one in nft), sum(one["rules"] for one in legacy)
    )
    if _hinted(other):
        return fail(
            "Kubernetes uses the other backend than iptablesBackend {}: a packet would meet one's rules after the other's".format(
                want.iptables_backend
            ),
            observed=counts,
            expected="Kubernetes' chains in iptables-{}".format(want.iptables_backend),
        )
    if nft and legacy:
        return warn("both backends of iptables hold rules", observed=counts, expected="one of them is empty")
    return ok("one backend is in use" if nft or legacy else "no backend holds rules")


@check(
    rank=25,
    category="netfilter",
    applies=IPTABLES,
    probes=(NFT, *xt_probes("set")),
    remedy="set iptablesBackend in FelixConfiguration to NFT (`iptables_backend` here), or the Installation's linuxDataplane to Nftables",
    source="kubernetes/kops#17789, projectcalico/calico#13499: kernels since 6.17 and RHEL 10 come without ip_tables",
)
def legacy_iptables_absent(facts: Facts, want: Want) -> Judgement:
    """Felix does not come to iptables-legacy on a kernel that has none: with nothing to go by, it takes legacy."""
    survey = facts["modules"]
    if survey["states"].get("ip_tables") in (*PRESENT, LOADABLE):
        return ok("the kernel has it")
    # Where nothing is a module the kernel's own answer counts: without ip_tables nobody knows the option.
    if facts.answer(_LEGACY_SET).errno != errno.ENOPROTOOPT:
        return ok("the kernel has it")
    if want.iptables_backend == "legacy":
        return fail("the kernel has no iptables-legacy", observed="no ip_tables", expected="ip_tables")
    if want.iptables_backend == "auto" and not _hinted(_by_iptables_nft(facts)):
        return warn(
            "the kernel has no iptables-legacy, and Felix would take it: no rules of Kubernetes tell it otherwise yet",
            observed="no ip_tables, no chains of Kubernetes",
            expected="iptablesBackend NFT",
        )
    return ok("Felix will use iptables-nft")
