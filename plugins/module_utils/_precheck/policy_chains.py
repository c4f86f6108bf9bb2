# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Whether a host's rules lead the packets of each workload interface to chains of Calico's. Pure.

Felix leads a forwarded packet from its base chain through cali-FORWARD and the dispatch chains, by the name of the interface, to
cali-fw-INTERFACE (from the workload) or cali-tw-INTERFACE (to it): felix/rules/static.go StaticFilterForwardChains, dispatch.go
WorkloadDispatchChains and DispatchMappings, endpoints.go WorkloadEndpointToIptablesChains. The names are EndpointChainName's. It hashes
none that is within 28 characters (felix/iptables/table.go, MaxChainNameLength), and no name of a Linux interface makes one longer.
Both chains end in a rule that drops (endpointIptablesChain). In data plane nftables each name has the prefix of its layer
(felix/nftables/table_layer.go, namespaceName).

A set that a rule refers to needs no look: the kernel does not remove it (net/netfilter/ipset/ip_set_core.c, ip_set_destroy;
net/netfilter/nf_tables_api.c, nf_tables_delset).
"""

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Tuple

from .host.probes.catalogue import chains_probe
from .host.probes.policy_chains import LAYERS

INTERFACES, NFT, LEGACY, BPF = (chains_probe(subject) for subject in ("interfaces", "nft", "legacy", "bpf"))
PRESENT, MISSING, UNREADABLE = "present", "missing", "unreadable"
_DIRECTIONS = (("from", "iif", "cali-fw-"), ("to", "oif", "cali-tw-"))
_SHOWN = {"ipv4": "IPv4", "ipv6": "IPv6"}
_ENDS = ("accept", "drop", "reject", "return", "goto")
_FORWARD = 2
Chains = Mapping[str, Mapping[str, Any]]


class Backend(NamedTuple):
    """What writes rules, and the chains of one of its tables that Felix uses."""

    name: str
    family: str
    layer: str
    chains: Chains

    @property
    def of_calico(self) -> bool:
        return any(name.startswith(self.layer + "cali-") for name in self.chains)


def asked(deadline: float) -> Dict[str, Any]:
    """The questions to a host, as `gather` takes them. `deadline`: seconds."""
    return {
        "probes": [INTERFACES, NFT, LEGACY, BPF],
        "modules": [],
        "ports": [],
        "directories": [],
        "paths": [],
        "cni_conf_dir": "/etc/cni/net.d",
        "reach": None,
        "apiserver": "",
        "allow_module_load": False,
        "deadline": deadline,
    }


def judged(facts: Mapping[str, Any], prefixes: Iterable[str]) -> Dict[str, Any]:
    """Verdict and sentence for the host, and verdict, backend and faults of each interface whose name begins with a prefix."""
    listed = facts[INTERFACES]
    if "value" not in listed:
        return {"verdict": UNREADABLE, "sentence": f"not known, because {_why(listed)}", "interfaces": {}}
    backends, gaps = _backends(facts)
    begins = tuple(prefixes)
    found = {
        name: _of_interface(name, families, backends, gaps)
        for name, families in sorted(listed["value"].items())
        if name.startswith(begins)
    }
    return {**_of_host(found, begins), "interfaces": found}


def _backends(facts: Mapping[str, Any]) -> Tuple[List[Backend], List[Tuple[str, str]]]:
    """The tables that were read, and the families of those that were not, each with the reason."""
    found: List[Backend] = []
    gaps: List[Tuple[str, str]] = []
    nft, legacy = facts[NFT], facts[LEGACY]
    for table in nft.get("value") or ():
        kind = "nftables" if table["name"] == "calico" else "iptables-nft"
        found.append(Backend(kind, table["family"], LAYERS[table["name"]], table["chains"]))
    # A module that is not loaded holds no rules.
    if "value" not in nft and "unexercised" not in nft:
        gaps += [(family, f"nf_tables cannot be read: {_why(nft)}") for family in _SHOWN]
    if "value" in legacy:
        found += [Backend("iptables-legacy", family, "", chains) for family, chains in legacy["value"].items()]
    else:
        gaps += [(family, f"iptables-legacy cannot be read: {_why(legacy)}") for family in _SHOWN]
    bpf = facts[BPF]
    if bpf.get("value", True):
        why = "data plane bpf is in use, and its programs are not read" if "value" in bpf else _why(bpf)
        gaps += [(family, why) for family in _SHOWN]
    return found, gaps


def _of_interface(
    interface: str, families: Iterable[str], backends: List[Backend], gaps: List[Tuple[str, str]]
) -> Dict[str, Any]:
    """IPv4 is always expected, for Felix renders its chains whatever addresses a pod has; IPv6 where a route or a rule is."""
    expected = {"ipv4", *families, *(one.family for one in backends if one.of_calico)}
    used: Dict[str, str] = {}
    faults: List[str] = []
    unknown: List[str] = []
    for family in sorted(expected):
        tried = {one.name: _faults(one, interface) for one in backends if one.family == family and one.of_calico}
        right = [name for name, wrong in tried.items() if not wrong]
        if right:
            used[_SHOWN[family]] = right[0]
            continue
        reasons = [why for of, why in gaps if of == family]
        unknown += [f"{_SHOWN[family]}: {why}" for why in reasons]
        if not reasons:
            wrong = [f"{_SHOWN[family]}: {name}: {fault}" for name, found in tried.items() for fault in found]
            faults += wrong or [f"{_SHOWN[family]}: no table has chains of Calico's"]
    verdict = MISSING if faults else UNREADABLE if unknown else PRESENT
    return {"verdict": verdict, "backends": used, "missing": faults, "unreadable": unknown}


def _faults(backend: Backend, interface: str) -> List[str]:
    """What is not as Felix writes it, for each direction at most one."""
    found = []
    for way, subject, prefix in _DIRECTIONS:
        name = backend.layer + prefix + interface
        chain = backend.chains.get(name)
        if chain is None:
            found.append(f"there is no chain {name}, for packets {way} the workload")
        elif not any(rule["verdict"] in ("drop", "reject") and not rule["if"] for rule in chain["rules"]):
            found.append(f"no rule of chain {name} drops what no policy allowed")
        elif not _leads(backend.chains, name, subject, interface):
            found.append(f"no rule leads packets {way} the workload to chain {name}")
    return found


def _leads(chains: Chains, target: str, subject: str, interface: str) -> bool:
    """Whether each forwarded packet with this interface comes to the chain, if no foreign chain decides on it before.

    A rule that ends the way of all these packets hides those that follow.
    """
    waiting = [name for name, chain in chains.items() if chain["hook"] == _FORWARD]
    seen = set()
    while waiting:
        name = waiting.pop()
        if name == target:
            return True
        if name in seen or name not in chains:
            continue
        seen.add(name)
        for rule in chains[name]["rules"]:
            if not _fits_all(rule["if"], subject, interface):
                continue
            if rule["to"]:
                waiting.append(rule["to"])
            if rule["verdict"] in _ENDS:
                break
    return False


def _fits_all(conditions: Iterable[List[Any]], subject: str, interface: str) -> bool:
    """Whether every packet with the interface fits. A condition on anything else leaves some out."""
    return all(
        about == subject and operator != "?" and _same(interface, value) == (operator == "==")
        for about, operator, value in conditions
    )


def _same(interface: str, value: str) -> bool:
    return interface.startswith(value[:-1]) if value.endswith("*") else interface == value


def _of_host(found: Mapping[str, Mapping[str, Any]], prefixes: Tuple[str, ...]) -> Dict[str, str]:
    by_verdict = {
        verdict: [name for name, one in found.items() if one["verdict"] == verdict]
        for verdict in (MISSING, UNREADABLE, PRESENT)
    }
    if not found:
        begins = " or ".join(prefixes)
        return {"verdict": UNREADABLE, "sentence": f"not known, because no interface here begins with {begins}"}
    for verdict, what in ((MISSING, "missing"), (UNREADABLE, "unreadable")):
        names = by_verdict[verdict]
        if names:
            first = found[names[0]][what][0]
            told = "Calico's chains are missing for" if verdict == MISSING else "not known for"
            return {
                "verdict": verdict,
                "sentence": f"{told} {len(names)} of {len(found)} workload interfaces; {names[0]}: {first}",
            }
    counted = f"{len(found)} workload interface{'' if len(found) == 1 else 's'}"
    return {"verdict": PRESENT, "sentence": f"Calico's chains are there in both directions for {counted}"}


def _why(fact: Mapping[str, Any]) -> str:
    """Why a fact has no value."""
    if "errno" in fact:
        return f"the kernel refused with errno {fact['errno']}" + (f" ({fact['text']})" if fact["text"] else "")
    if "unexercised" in fact:
        return "to ask would load " + ", ".join(fact["unexercised"])
    return str(fact["lost"])
