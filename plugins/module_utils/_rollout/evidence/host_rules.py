# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What the rules of hosts say, put beside what packets proved of their nodes. Packets decide: no verdict changes here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, cast

from ..documents import HostRules, NodeFacts, NodeProof, PolicyProbeReport, RulesVerdict
from ..documents.canonical import plain
from ..documents.validate import flaw_of
from ..text.order import natural
from ..text.terminal import listed
from .matching import Claim, Matches, match_claims
from .no_answer import why


class MachineIdentity(TypedDict):
    """What `host_policy` returns of the machine, for the Node that it is."""

    machine_id: str | None
    system_uuid: str | None
    addresses: list[str]


class RulesAnswer(TypedDict):
    """What is used of a result of `host_policy`."""

    verdict: RulesVerdict
    sentence: str
    identity: MachineIdentity


Answers = Mapping[str, "RulesAnswer | str"]
"""By host; in place of an answer why there is none."""

FEW = 5
"""Of so many hosts it is told why they may be a node's: each node without a host says so."""

RULES_NOT_FOUND = (
    "Packets prove policy here, and Calico's chains were not found for each interface. Look at the interface that is named: its pod may "
    "have started or ended meanwhile, it may be left of an old pod, or another engine enforces policy there (nft list ruleset, "
    "iptables-save)."
)
RULES_DO_NOT_HELP = (
    "The rules lead to Calico's chains, and denied packets come through all the same. Read the log of calico-node: it may no longer write "
    "policy into its chains. Look for what accepts or carries packets before them: iptables -S FORWARD and chainInsertMode, a flow table "
    "(nft list flowtables), hardware offload, a bridge without bridge-nf-call-iptables."
)


def with_host_rules(
    report: PolicyProbeReport,
    nodes: Sequence[NodeFacts],
    registered: Mapping[str, Mapping[str, Any] | None],
    node_names: Mapping[str, str | None],
) -> PolicyProbeReport:
    """The report, with what the host of each of its nodes says of its rules.

    :param nodes: those of the cluster
    :param registered: by host its result of `host_policy`; None where it was not asked in this run
    :param node_names: what the inventory says of hosts
    """
    answers = {host: _answer(plain(one)) for host, one in registered.items()}
    claims = {
        host: Claim(plain(node_names.get(host)) or None, None if isinstance(answer, str) else answer["identity"])
        for host, answer in answers.items()
    }
    matches = match_claims(nodes, claims)
    told = [_of_node(proof, matches, answers) for proof in report["nodes"]]
    return PolicyProbeReport(**{**report, "host_rules": told})


def _answer(given: Any) -> RulesAnswer | str:
    """The used part of a registered result, or why there is none. What comes from a host is not trusted to have a shape."""
    if not isinstance(given, dict) or not given:
        return "it was not asked in this run"
    if given.get("unreachable"):
        return f"it could not be reached: {why(given).cause}"
    if given.get("failed"):
        return f"it gave no answer: {why(given).cause}"
    used = {field: given.get(field) for field in RulesAnswer.__annotations__}
    return cast(RulesAnswer, used) if flaw_of(used, RulesAnswer) is None else "what it answered cannot be used"


def _of_node(proof: NodeProof, matches: Matches, answers: Answers) -> HostRules:
    node = proof["node"]
    host = matches.hosts.get(node)
    if host is None:
        return _not_known(node, None, _why_no_host(matches, answers))
    if node in matches.contested:
        return _not_known(node, None, f"{listed(matches.contested[node])} are all taken for this node")
    answer = answers[host]
    if isinstance(answer, str):
        return _not_known(node, host, answer)
    return HostRules(
        node=node,
        host=host,
        verdict=answer["verdict"],
        sentence=answer["sentence"],
        disagreement=_disagreement(proof, answer["verdict"]),
    )


def _not_known(node: str, host: str | None, reason: str) -> HostRules:
    return HostRules(
        node=node, host=host, verdict="unreadable", sentence=f"not known, because {reason}", disagreement=None
    )


def _why_no_host(matches: Matches, answers: Answers) -> str:
    """A host that is no node's may be this one's: it did not answer, or nobody knows whose it is."""
    of_nodes = {*matches.hosts.values()}
    silent = [host for host, answer in answers.items() if isinstance(answer, str) and host not in of_nodes]
    parts = ["no host that answered is this node"]
    if silent:
        parts.append(f"{listed(sorted(silent, key=natural), FEW)} gave no answer")
    if matches.contradicted:
        parts.append(listed([sentence.rstrip(".") for sentence in matches.contradicted.values()], FEW))
    return "; ".join(parts)


def _disagreement(proof: NodeProof, rules: RulesVerdict) -> str | None:
    """Only what packets proved right or open can be held against rules. Other faults have causes that no chain shows."""
    if proof["verdict"] == "enforced" and rules == "missing":
        return RULES_NOT_FOUND
    if proof["verdict"] == "open" and rules == "present":
        return RULES_DO_NOT_HELP
    return None
