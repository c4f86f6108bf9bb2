# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. From what clients saw to what it proves of each node.

No evidence proves nothing: a node is `enforced` when connections that policy allows and connections that it denies had the right fate in
every phase, in both directions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import ceil
from statistics import median
from typing import NamedTuple, Optional

from ..documents.policy import (
    NodeProof,
    NodeVerdict,
    PairFault,
    ProbeOutcome,
    ProbeRow,
    SettledTime,
)
from ..text.order import natural
from ..text.terminal import count, listed
from . import sentences
from .attribution import Culprit, attributed
from .design import DIRECTIONS, Design
from .fates import GRAVITY, dns_is_silent
from .looks import Look, SeenRow, connections, lasting_troubles, passed, seen, together
from .timelines import client_of


class Judgement(NamedTuple):
    outcome: ProbeOutcome
    reason: str
    nodes: list[NodeProof]
    pairs: list[PairFault]
    rows: list[ProbeRow]
    """Those of the design, with their fates."""
    settled: Optional[SettledTime]
    connections: int
    limits: list[str]


def judged(design: Design, looks: Sequence[Look], deadline: float) -> Judgement:
    """What the probes prove.

    :param looks: what was seen, one or two times, of the same rows
    :param deadline: seconds after a write in which each fate must be right
    """
    by_look = [seen(design.rows, look, deadline) for look in looks]
    evidence = {one.row["id"]: one for one in together(by_look)}
    rows = [one.row for one in evidence.values()]
    found = {name: one.symptom for name, one in evidence.items()}
    troubles = lasting_troubles(looks)
    lost = passed(by_look)
    batch = sorted({row["node"] for row in rows}, key=natural)
    blamed = _blamed(rows, found, batch, troubles)
    suspects = {culprit[0] for culprit, _symptom in blamed if len(culprit) == 1}
    nodes = [_proof(node, evidence, blamed, troubles) for node in [*batch, *sorted(suspects - {*batch}, key=natural)]]
    pairs = _pair_faults(rows, blamed)
    wrong = any(symptom in GRAVITY and symptom != "unproven" for symptom in found.values())
    proven = bool(rows) and not any(found.values()) and all(proof["verdict"] == "enforced" for proof in nodes)
    return Judgement(
        outcome="failed" if wrong else "proven" if proven else "not_proven",
        reason=told_of(nodes, pairs),
        nodes=nodes,
        pairs=pairs,
        rows=rows,
        settled=settled_time(rows),
        connections=connections(looks),
        limits=[*([sentences.lost_for_a_moment(lost)] if lost else []), *_silent_dns(rows)],
    )


def _silent_dns(rows: Sequence[ProbeRow]) -> list[str]:
    silent = [row["node"] for row in rows if dns_is_silent(row)]
    return [sentences.silent_dns(silent)] if silent else []


Blamed = Mapping[tuple[Culprit, NodeVerdict], Sequence[str]]


def _blamed(
    rows: Sequence[ProbeRow],
    found: Mapping[str, Optional[NodeVerdict]],
    batch: Collection[str],
    troubles: Mapping[str, str],
) -> Blamed:
    """By culprit and symptom the rows that it explains."""
    blamed: dict[tuple[Culprit, NodeVerdict], list[str]] = {}
    # Pods of DNS are none of the probe's, and each answers many nodes: a row with one of them is its own node's, and explains no other.
    between = [row for row in rows if row["kind"] != "dns"]
    right = [row["id"] for row in between if found[row["id"]] is None]
    for symptom in GRAVITY:
        wrong = [row["id"] for row in between if found[row["id"]] == symptom]
        if symptom != "unproven":
            blamed.update(
                {(culprit, symptom): ids for culprit, ids in attributed(between, wrong, right, batch).items()}
            )
            for row in rows:
                if row["kind"] == "dns" and found[row["id"]] == symptom:
                    blamed[(row["node"],), symptom] = [*blamed.get(((row["node"],), symptom), ()), row["id"]]
    for row in rows:
        if found[row["id"]] == "unproven":
            without = {row["node"], row["peer"]} & {*troubles} or {client_of(row)}
            for node in without:
                blamed.setdefault(((node,), "unproven"), []).append(row["id"])
    for node in sorted(troubles):
        if node in batch:
            blamed.setdefault(((node,), "unproven"), [])
    return blamed


def _proof(node: str, evidence: Mapping[str, SeenRow], blamed: Blamed, troubles: Mapping[str, str]) -> NodeProof:
    # What DNS did not answer counts neither as right nor as wrong.
    rows = [one.row for one in evidence.values() if one.symptom or not dns_is_silent(one.row)]
    found = {name: one.symptom for name, one in evidence.items()}
    own = [row for row in rows if row["node"] == node]
    part = [row for row in rows if node in (row["node"], row["peer"])]
    faults = {symptom: ids for (culprit, symptom), ids in blamed.items() if culprit == (node,)}
    through = [name for name in _open_pairs(node, blamed) if name in {row["id"] for row in own}]
    if through:
        # Policy of this node denied it. The pair may be the cause, but the node is not to pass for it.
        faults["open"] = [*faults.get("open", ()), *through]
    explained = {name for ids in faults.values() for name in ids}
    failed = [row["id"] for row in rows if row["id"] in explained or (row["node"] == node and found[row["id"]])]
    verdict = next((grave for grave in GRAVITY if grave in faults), None)
    reason, remedy = "", None
    if verdict == "unproven":
        reason, remedy = sentences.unproven(troubles.get(node), len(faults[verdict]))
    elif verdict:
        reason, remedy = sentences.fault(verdict, [row for row in rows if row["id"] in faults[verdict]], part)
    elif not _shown(own, found):
        verdict, (reason, remedy) = "unproven", sentences.nothing_shown(failed)
    else:
        verdict, reason = "enforced", sentences.enforced(own, failed)
    settled = [fate["settled_ms"] for row in own for fate in row["fates"] if fate["settled_ms"] is not None]
    return NodeProof(
        node=node,
        verdict=verdict,
        reason=reason,
        remedy=remedy,
        rows=len(part),
        failed=failed,
        settled_ms=max(settled, default=None),
        resolution_ms=_resolution(evidence[row["id"]] for row in own) if settled else None,
    )


def _open_pairs(node: str, blamed: Blamed) -> list[str]:
    """The rows, by id, in which denied connections came through between this node and one other."""
    return [
        name
        for (culprit, symptom), ids in blamed.items()
        if symptom == "open" and len(culprit) == 2 and node in culprit
        for name in ids
    ]


def _shown(own: Sequence[ProbeRow], found: Mapping[str, Optional[NodeVerdict]]) -> bool:
    """In each direction an allowed and a denied row were right, in all phases."""
    right = {(row["direction"], row["allowed"]) for row in own if found[row["id"]] is None and row["kind"] != "dns"}
    return all((direction, allowed) in right for direction in DIRECTIONS for allowed in (True, False))


def _resolution(own: Iterable[SeenRow]) -> Optional[float]:
    exact = [one.resolution for one in own if one.resolution is not None]
    return round(max(exact) * 1000, 1) if exact else None


def _pair_faults(rows: Sequence[ProbeRow], blamed: Blamed) -> list[PairFault]:
    faults = []
    pairs = sorted(
        {culprit for culprit, _symptom in blamed if len(culprit) == 2}, key=lambda pair: [*map(natural, pair)]
    )
    for pair in pairs:
        ids = {name for (culprit, _symptom), some in blamed.items() if culprit == pair for name in some}
        verdict = next(grave for grave in GRAVITY if (pair, grave) in blamed)
        wrong = [row for row in rows if row["id"] in blamed[pair, verdict]]
        between = [row for row in rows if {row["node"], row["peer"]} == {*pair}]
        reason, remedy = sentences.fault(verdict, wrong, between)
        if len(ids) == 1:
            remedy = f"{remedy} {sentences.ONE_ROW}"
        faults.append(
            PairFault(
                nodes=list(pair), reason=reason, remedy=remedy, failed=[row["id"] for row in rows if row["id"] in ids]
            )
        )
    return faults


def told_of(nodes: Sequence[NodeProof], pairs: Sequence[PairFault]) -> str:
    """One sentence: the gravest that is wrong, or that nothing is."""
    wrong = [
        f"{proof['node']}: {proof['reason']}" for proof in nodes if proof["verdict"] not in ("enforced", "unproven")
    ]
    wrong += [f"{' and '.join(pair['nodes'])}: {pair['reason']}" for pair in pairs]
    wrong += [f"{proof['node']}: {proof['reason']}" for proof in nodes if proof["verdict"] == "unproven"]
    if not wrong:
        names = listed([proof["node"] for proof in nodes], 10)
        return f"Network policy is in force on {count(len(nodes), 'node')}: {names}." if nodes else "No node was tried."
    more = f" ({len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return f"{wrong[0]}{more}"


def settled_time(rows: Iterable[ProbeRow]) -> Optional[SettledTime]:
    """None where nothing was measured: of DNS that does not answer, nothing is."""
    measured = [row for row in rows if not dns_is_silent(row)]
    times = sorted(fate["settled_ms"] for row in measured for fate in row["fates"] if fate["settled_ms"] is not None)
    if not times:
        return None
    return SettledTime(median=round(median(times), 1), p99=times[ceil(0.99 * len(times)) - 1], longest=times[-1])
