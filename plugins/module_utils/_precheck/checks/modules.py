# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Kernel modules: are those that Calico needs there, and can they still be loaded once calico-node runs."""

from typing import Dict, List, NamedTuple, Tuple

from ..facts import Facts
from ..host.probes.catalogue import ipset_probe, link_probe, nft_probe, xt_probes
from ..host.sweeps.modules import ABSENT, BLOCKED, LOADABLE, PRESENT
from ..rules.conditions import IPIP, IPTABLES, IPTABLES_OR_NFTABLES, VXLAN, WIREGUARD
from ..rules.declaration import ALWAYS, OUTSIDE, Condition, Judgement, Want, check, fail, ok, ok_unexercised, warn
from ..rules.evidence import either, unusable
from ..rules.remedies import load_now, where_from


class Need(NamedTuple):
    """One of these modules, whichever the kernel has; or, whatever it is called, a good answer to a probe."""

    modules: Tuple[str, ...]
    when: Condition
    proof: Tuple[str, ...]


class Found(NamedTuple):
    loadable: List[str]
    blocked: List[str]
    unusable: List[str]
    absent: List[str]


# Names changed over the years: ipt_MASQUERADE until 5.2.
NEEDS = (
    Need(("ip_set",), ALWAYS, ("ipset.protocol",)),
    Need(("ip_set_hash_net",), ALWAYS, (ipset_probe("hash:net"),)),
    Need(("ip_set_hash_ip",), ALWAYS, (ipset_probe("hash:ip"),)),
    Need(("veth",), ALWAYS, (link_probe("veth"),)),
    Need(("xt_set",), IPTABLES, xt_probes("set")),
    Need(("xt_addrtype",), IPTABLES, xt_probes("addrtype")),
    Need(("xt_comment",), IPTABLES, xt_probes("comment")),
    Need(("xt_conntrack",), IPTABLES, xt_probes("conntrack")),
    Need(("xt_mark",), IPTABLES, xt_probes("mark")),
    Need(("xt_multiport",), IPTABLES, xt_probes("multiport")),
    Need(("ipt_rpfilter", "xt_rpfilter"), IPTABLES, xt_probes("rpfilter")),
    Need(("xt_MASQUERADE", "ipt_MASQUERADE"), IPTABLES, xt_probes("MASQUERADE")),
    Need(("xt_nat",), IPTABLES, xt_probes("DNAT")),
    Need(("ipt_REJECT",), IPTABLES, xt_probes("REJECT")),
    Need(("xt_CT",), IPTABLES, xt_probes("CT")),
    Need(("nf_tables",), Condition("nftables", lambda want: want.dataplane == "nftables"), (nft_probe("generation"),)),
    Need(("nf_conntrack_netlink",), IPTABLES_OR_NFTABLES, ("conntrack.statistics",)),
    Need(("vxlan",), VXLAN, (link_probe("vxlan"),)),
    Need(("ipip",), IPIP, (link_probe("ipip"),)),
    Need(("wireguard",), WIREGUARD, (link_probe("wireguard"),)),
)
_LEGACY_TABLES = "ip_tables"
_USUAL_MODPROBE = ("/sbin/modprobe", "/usr/sbin/modprobe")

# Whose state the survey of modules is to tell.
NAMES = tuple(sorted({name for need in NEEDS for name in need.modules} | {_LEGACY_TABLES, "nf_conntrack", "sctp"}))


def _sort(facts: Facts, want: Want) -> Found:
    """What is not there yet, by what can be done about it."""
    states = facts["modules"]["states"]
    found = Found([], [], [], [])
    for need in (need for need in NEEDS if need.when.holds(want)):
        own = {name: states.get(name, ABSENT) for name in need.modules}
        known = [name for name, state in own.items() if state != ABSENT]
        if any(own[name] in PRESENT for name in known):
            continue
        if any(own[name] == LOADABLE for name in known):
            found.loadable.append(next(name for name in known if own[name] == LOADABLE))
        elif any(own[name] == BLOCKED for name in known):
            found.blocked.append(str(unusable(facts, [name for name in known if own[name] == BLOCKED])))
        elif known:
            found.unusable.append(str(unusable(facts, known)))
        else:
            proof = either(facts, need.proof)
            if proof.loadable:
                found.loadable.extend(proof.loadable)
            elif not proof.works:
                found.absent.append(need.modules[0])
    return found


def told_by(facts: Facts, want: Want) -> Dict[str, str]:
    """By module that is needed and wanting: the check that says so."""
    if not facts["modules"]["loadable"]:
        return {}
    states = facts["modules"]["states"]
    found: Dict[str, str] = {}
    for need in (need for need in NEEDS if need.when.holds(want)):
        own = {states.get(name, ABSENT) for name in need.modules}
        if own.intersection((*PRESENT, LOADABLE)):
            continue
        if own == {ABSENT}:
            proof = either(facts, need.proof)
            if proof.works or proof.loadable:
                continue
        found.update(dict.fromkeys(need.modules, "module_blacklist" if BLOCKED in own else "module_package_missing"))
    return found


def _probes(want: Want) -> Tuple[str, ...]:
    return tuple(probe for need in NEEDS if need.when.holds(want) for probe in need.proof)


@check(
    rank=2,
    category="kernel",
    applies=ALWAYS,
    probes=_probes,
    remedy=lambda facts, want: f"{where_from(facts, 'the missing modules', _sort(facts, want).absent)}; {OUTSIDE}",
    source="kubernetes/kops#18724, k3s-io/k3s-ansible#419",
)
def module_package_missing(facts: Facts, want: Want) -> Judgement:
    """The modules that Calico needs are loaded, built in, or on disk and not kept from loading."""
    survey = facts["modules"]
    if not survey["loadable"]:
        return ok()
    found = _sort(facts, want)
    if found.absent and not survey["tree"]:
        release = facts["kernel_release"]
        return fail(
            f"no modules are installed for the running kernel {release}; it has not: {', '.join(found.absent)}",
            expected=f"/lib/modules/{release} with modules.dep",
            remedy=f"reboot into the kernel that is installed, or install the modules of the running one; {OUTSIDE}",
        )
    if found.absent:
        return fail(f"modules are not installed: {', '.join(found.absent)}", expected="loaded, built in or on disk")
    if found.unusable:
        return fail("; ".join(found.unusable), remedy=f"install the package of the module again; {OUTSIDE}")
    if found.loadable:
        return ok_unexercised(found.loadable)
    return ok()


@check(
    rank=12,
    category="kernel",
    applies=ALWAYS,
    probes=_probes,
    remedy="name the modules in /etc/modules-load.d/calico.conf and reboot",
    source="projectcalico/calico#13499: kernel.modprobe is a path of the host, called inside the container",
)
def modules_in_container_loadable(facts: Facts, want: Want) -> Judgement:
    """What is not loaded yet can still be loaded when calico-node asks for it."""
    survey = facts["modules"]
    if not survey["loadable"]:
        return ok()
    waiting = _sort(facts, want).loadable
    if survey["disabled"] and waiting:
        return fail(
            f"no module can be loaded any more, and these are missing: {', '.join(sorted(set(waiting)))}",
            observed="kernel.modules_disabled = 1",
            expected="0, or all modules loaded",
        )
    if survey["modprobe"] == "" and waiting:
        message = f"the kernel loads no module by itself, and these are not loaded: {', '.join(sorted(set(waiting)))}"
        return fail(message, observed="kernel.modprobe is empty", expected=_USUAL_MODPROBE[0])
    unloaded = survey["states"].get(_LEGACY_TABLES) == LOADABLE
    if unloaded and want.dataplane == "iptables" and survey["modprobe"] not in (*_USUAL_MODPROBE, None, ""):
        return warn(
            f"iptables-legacy inside calico-node will look for {survey['modprobe']}, which its image does not have",
            observed=f"kernel.modprobe = {survey['modprobe']}",
            expected=" or ".join(_USUAL_MODPROBE),
            remedy=load_now(_LEGACY_TABLES),
        )
    return ok()


@check(
    rank=71,
    category="kernel",
    applies=ALWAYS,
    probes=_probes,
    remedy=f"take the line out of that file, or load the modules by name in /etc/modules-load.d/calico.conf; {OUTSIDE}",
    source="hardening guides (CIS, STIG) forbid modules by `blacklist` and `install ... /bin/false`",
)
def module_blacklist(facts: Facts, want: Want) -> Judgement:
    """No file forbids a module that Calico needs."""
    if not facts["modules"]["loadable"]:
        return ok()
    found = _sort(facts, want).blocked
    return fail("; ".join(found), expected="not forbidden") if found else ok()
