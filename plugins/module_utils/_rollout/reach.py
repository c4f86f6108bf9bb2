# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What hosts reach of each other: which pairs are probed, and what the answers of all of them mean.

A pair is ordered: a firewall may let a packet through one way only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .canonical import digest
from .documents import DOCUMENT_VERSION, PrecheckSettings, ReachFinding, ReachReport
from .errors import RolloutError
from .order import natural
from .text import count, listed, printable

FULL_MESH = 50
"""Up to so many hosts each probes each other; above, a ring finds every host that is cut off, and random pairs what lies between."""

RANDOM_PEERS = 3
TYPHA, BGP, IPIP = 5473, 179, "ip/4"
_FAULTS = {"timeout": "no answer from", "refused": "refused by", "unreachable": "no way to"}
_IPIP_REMEDY = "let IP protocol 4 through between the nodes (security groups, host firewalls), or use VXLAN"
# The port that hypervisors have for a VXLAN of their own.
_VXLAN_REMEDY = (
    "let {} through between the nodes (security groups, host firewalls, the hypervisor's own VXLAN), or set vxlanPort"
)
_USUAL_VXLAN = ("udp/4789", "udp6/4789")


def targets_for(settings: PrecheckSettings) -> list[str]:
    """What nodes of such a Calico send to each other, over IPv4 and, where there are IPv6 pools, over IPv6.

    Typha is there in every installation by tigera-operator. IP in IP is for IPv4 alone, and each family has a WireGuard of its own.
    """
    ipip = [IPIP] if settings["encapsulation"] == "ipip" else []
    over_ipv4 = [*_tcp("tcp", settings), *ipip, *_udp("udp", settings, settings["wireguard_port"])]
    if not settings["ipv6"]:
        return over_ipv4
    return [*over_ipv4, *_tcp("tcp6", settings), *_udp("udp6", settings, settings["wireguard_port_v6"])]


def _tcp(protocol: str, settings: PrecheckSettings) -> list[str]:
    return [f"{protocol}/{port}" for port in (TYPHA, *([BGP] if settings["bgp"] else []))]


def _udp(protocol: str, settings: PrecheckSettings, wireguard: int) -> list[str]:
    # The BPF data plane sends node ports through VXLAN whatever the pools say.
    vxlan = settings["encapsulation"] == "vxlan" or settings["dataplane"] == "bpf"
    ports = [*([settings["vxlan_port"]] if vxlan else []), *([wireguard] if settings["wireguard"] else [])]
    return [f"{protocol}/{port}" for port in ports]


def peers_of(host: str, hosts: Collection[str], seed: str) -> list[str]:
    """The hosts that this one probes. The same seed gives the same pairs."""
    others = sorted(set(hosts) - {host}, key=natural)
    if len(others) < FULL_MESH:
        return others
    ring = sorted(hosts, key=natural)
    after = ring[(ring.index(host) + 1) % len(ring)]
    rest = [name for name in others if name != after]
    # Chance without dice: as good as random, and the same each time.
    chosen = sorted(rest, key=lambda name: digest([seed, host, name]))[:RANDOM_PEERS]
    return sorted([after, *chosen], key=natural)


def assemble_reach(answers: Mapping[str, Mapping[str, Any]]) -> ReachReport:
    """A report over what the hosts registered.

    :param answers: by host `listening`, `probed` and `ended`, the results of host_reach; what is missing is None
    """
    silent = {host: why for host, given in answers.items() if (why := _silence(given))}
    gone = sorted((host for host, given in answers.items() if _ended_early(given)), key=natural)
    outcomes: dict[str, dict[tuple[str, str], str]] = {}
    for source, given in answers.items():
        for destination, by_target in (_of(given, "probed", "reached") or {}).items():
            for target, outcome in by_target.items():
                # A listener that ended too early refuses as a firewall would.
                proven = "not_provable" if destination in gone and outcome in _FAULTS else outcome
                outcomes.setdefault(target, {})[source, destination] = proven
    findings = [finding for target in sorted(outcomes) for finding in _findings(target, outcomes[target])]
    totals = [outcome for pairs in outcomes.values() for outcome in pairs.values()]
    told = [_sentence(finding) for finding in findings]
    told += [f"{count(len(silent), 'host')} took no part: {listed(list(silent))}"] if silent else []
    return ReachReport(
        kind="ReachReport",
        version=DOCUMENT_VERSION,
        outcome="failed" if told else "passed",
        reason="; ".join(told) or "every probe that could prove something reached its host",
        hosts=len(answers),
        targets=sorted(outcomes),
        probes=len(totals),
        reached=sum(outcome in ("ok", "answered") for outcome in totals),
        not_provable=sum(outcome == "not_provable" for outcome in totals),
        silent=silent,
        ended_early=gone,
        findings=findings,
    )


def reach_text(report: ReachReport) -> str:
    """What failed and what to do about it; the last line is the result."""
    lines = []
    for finding in report["findings"]:
        lines += [f"{_sentence(finding)}.", f"    {finding['remedy']}"]
    lines += [f"{host} took no part: {why}" for host, why in report["silent"].items()]
    if report["ended_early"]:
        lines.append(
            f"The listeners of {listed(report['ended_early'])} ended before all had asked: raise precheck_reach_seconds, and ask again."
        )
    why = "the port is in use there, or there is no address of its family"
    unproven = f", {report['not_provable']} not provable ({why})" if report["not_provable"] else ""
    lines.append(f"Result: {report['reached']} of {count(report['probes'], 'probe')} reached their host{unproven}.")
    return "\n".join(printable(line) for line in lines)


def _findings(target: str, pairs: Mapping[tuple[str, str], str]) -> list[ReachFinding]:
    found = []
    for outcome in _FAULTS:
        failed = {pair for pair, what in pairs.items() if what == outcome}
        found += _grouped(target, outcome, failed, set(pairs))
    return found


def _grouped(
    target: str, outcome: str, failed: set[tuple[str, str]], probed: set[tuple[str, str]]
) -> list[ReachFinding]:
    """One firewall makes many pairs fail: those that no host reaches are told first, then those that reach nobody, then the rest."""
    found = []
    for place in (1, 0):
        shut = {pair[place] for pair in failed} - {pair[place] for pair in probed - failed}
        mine = {pair for pair in failed if pair[place] in shut}
        if mine:
            found.append(_finding(target, outcome, mine))
            failed = failed - mine
    by_source: dict[str, set[tuple[str, str]]] = {}
    for pair in failed:
        by_source.setdefault(pair[0], set()).add(pair)
    return found + [_finding(target, outcome, by_source[source]) for source in sorted(by_source, key=natural)]


def _finding(target: str, outcome: str, pairs: set[tuple[str, str]]) -> ReachFinding:
    return ReachFinding(
        target=target,
        outcome=outcome,  # type: ignore[typeddict-item]
        sources=sorted({source for source, _to in pairs}, key=natural),
        destinations=sorted({destination for _from, destination in pairs}, key=natural),
        pairs=len(pairs),
        remedy=_remedy(target),
    )


def _remedy(target: str) -> str:
    if target == IPIP:
        return _IPIP_REMEDY
    if target in _USUAL_VXLAN:
        return _VXLAN_REMEDY.format(target)
    return f"let {target} through between the nodes (security groups, host firewalls)"


def _sentence(finding: ReachFinding) -> str:
    sources, destinations = listed(finding["sources"], 10), listed(finding["destinations"], 10)
    return f"{finding['target']}: {_FAULTS[finding['outcome']]} {destinations}, asked by {sources}"


def _silence(given: Mapping[str, Any]) -> str | None:
    for part, what in (("listening", "ports"), ("probed", "reached")):
        if _of(given, part, what) is None:
            answer = given.get(part) or {}
            said = str(answer.get("msg") or "").strip().splitlines()
            return said[0] if said else "it has no address that calico-node would use, or did not get so far"
    return None


def _ended_early(given: Mapping[str, Any]) -> bool:
    return _of(given, "listening", "ports") is not None and not _of(given, "ended", "listened")


def _of(given: Mapping[str, Any], part: str, what: str) -> Any:
    answer = given.get(part)
    if answer is not None and not isinstance(answer, Mapping):
        raise RolloutError(f"{part}: the registered result of host_reach is needed, not {type(answer).__name__}.")
    return (answer or {}).get(what)
