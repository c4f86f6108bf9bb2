# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What hosts reach of each other: what the answers of all of them mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..documents import DOCUMENT_VERSION, ReachFault, ReachFinding, ReachOutcome, ReachReport
from ..errors import RolloutError
from ..text.order import natural
from ..text.terminal import count, listed
from .plan import IPIP

_FAULTS: dict[ReachFault, str] = {
    "timeout": "no answer from",
    "refused": "refused by",
    "unreachable": "no way to",
    "too_big": "small packets arrive, whole ones of {} bytes do not, at",
}
_TOO_BIG_REMEDY = (
    "let whole packets of {} bytes through between the nodes (a switch, tunnel or cloud network on the way carries less than their"
    " interfaces), or set the Installation's mtu, and precheck_mtu, to what the way carries less the encapsulation"
)
_IPIP_REMEDY = "let IP protocol 4 through between the nodes (security groups, host firewalls), or use VXLAN"
# The port that hypervisors have for a VXLAN of their own.
_VXLAN_REMEDY = (
    "let {} through between the nodes (security groups, host firewalls, the hypervisor's own VXLAN), or set vxlanPort"
)
_USUAL_VXLAN = ("udp/4789", "udp6/4789")
NOTHING_PROVEN = "nothing was proven: on every port somebody else answers, or nobody, or the hosts share no family"


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
    sizes = {source: _of(given, "probed", "packets") or {} for source, given in answers.items()}
    findings = [finding for target in sorted(outcomes) for finding in _findings(target, outcomes[target], sizes)]
    totals = [outcome for pairs in outcomes.values() for outcome in pairs.values()]
    reached = sum(outcome in ("ok", "answered") for outcome in totals)
    outcome, reason = _outcome(answers, findings, silent, gone, reached)
    return ReachReport(
        kind="ReachReport",
        version=DOCUMENT_VERSION,
        outcome=outcome,
        reason=reason,
        hosts=sorted(answers, key=natural),
        targets=sorted(outcomes),
        probes=len(totals),
        reached=reached,
        not_provable=sum(outcome == "not_provable" for outcome in totals),
        silent=silent,
        ended_early=gone,
        findings=findings,
    )


def finding_sentence(finding: ReachFinding) -> str:
    sources, destinations = listed(finding["sources"], 10), listed(finding["destinations"], 10)
    fault = _FAULTS[finding["outcome"]].format(finding["packet"])
    return f"{finding['target']}: {fault} {destinations}, asked by {sources}"


def _outcome(
    answers: Mapping[str, Mapping[str, Any]],
    findings: Sequence[ReachFinding],
    silent: Mapping[str, str],
    gone: Sequence[str],
    reached: int,
) -> tuple[ReachOutcome, str]:
    """A fault that was found weighs more than what stayed unknown; and that nothing was found is no pass where nothing was proven."""
    faults = [finding_sentence(finding) for finding in findings]
    if silent:
        faults.append(f"{count(len(silent), 'host')} took no part: {listed(list(silent))}")
    if faults:
        return "failed", "; ".join(faults)
    if len(answers) < 2:
        return "not_asked", f"nothing was asked: {count(len(answers), 'host')} took part, and it takes two"
    if not any(_of(given, "listening", "ports") for given in answers.values()):
        return "not_asked", "nothing was asked: check mode neither listens nor sends"
    if gone:
        return "not_proven", early_sentence(gone)
    if not reached:
        return "not_proven", NOTHING_PROVEN
    return "passed", "every probe that could prove something reached its host"


def early_sentence(gone: Sequence[str]) -> str:
    return f"listeners ended before the step did, and what was asked of them proves nothing: {listed(gone)}"


def _findings(
    target: str, pairs: Mapping[tuple[str, str], str], sizes: Mapping[str, Mapping[str, int]]
) -> list[ReachFinding]:
    found = []
    for outcome in _FAULTS:
        failed = {pair for pair, what in pairs.items() if what == outcome}
        for group in _grouped(failed, set(pairs)):
            packets = [sizes[source][target] for source, _to in group] if outcome == "too_big" else [0]
            found.append(_finding(target, outcome, group, min(packets)))
    return found


def _grouped(failed: set[tuple[str, str]], probed: set[tuple[str, str]]) -> list[set[tuple[str, str]]]:
    """One firewall makes many pairs fail. Hosts that no host reaches come first, then those that reach none, then the rest."""
    found = []
    for place in (1, 0):
        shut = {pair[place] for pair in failed} - {pair[place] for pair in probed - failed}
        mine = {pair for pair in failed if pair[place] in shut}
        if mine:
            found.append(mine)
            failed = failed - mine
    by_source: dict[str, set[tuple[str, str]]] = {}
    for pair in failed:
        by_source.setdefault(pair[0], set()).add(pair)
    return found + [by_source[source] for source in sorted(by_source, key=natural)]


def _finding(target: str, outcome: ReachFault, pairs: set[tuple[str, str]], packet: int) -> ReachFinding:
    return ReachFinding(
        target=target,
        outcome=outcome,
        sources=sorted({source for source, _to in pairs}, key=natural),
        destinations=sorted({destination for _from, destination in pairs}, key=natural),
        pairs=len(pairs),
        packet=packet or None,
        remedy=_TOO_BIG_REMEDY.format(packet) if packet else _remedy(target),
    )


def _remedy(target: str) -> str:
    if target == IPIP:
        return _IPIP_REMEDY
    if target in _USUAL_VXLAN:
        return _VXLAN_REMEDY.format(target)
    return f"let {target} through between the nodes (security groups, host firewalls)"


def _silence(given: Mapping[str, Any]) -> str | None:
    for part, what in (("listening", "ports"), ("probed", "reached")):
        if _of(given, part, what) is None:
            answer = given.get(part) or {}
            said = str(answer.get("msg") or "").strip().splitlines()
            return said[0] if said else "it has no address that calico-node would use, or did not get so far"
    return None


def _ended_early(given: Mapping[str, Any]) -> bool:
    """A host that listens on nothing, as in check mode, has nothing that could end."""
    return bool(_of(given, "listening", "ports")) and not _of(given, "ended", "listened")


def _of(given: Mapping[str, Any], part: str, what: str) -> Any:
    answer = given.get(part)
    if answer is not None and not isinstance(answer, Mapping):
        raise RolloutError(f"{part}: the registered result of host_reach is needed, not {type(answer).__name__}.")
    return (answer or {}).get(what)
