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
    ProbePhase,
    ProbeRow,
    SettledTime,
)
from ..text.order import natural
from ..text.terminal import count, listed
from . import sentences
from .attribution import Culprit, attributed
from .clock import fitted
from .design import DIRECTIONS, Design
from .fates import GRAVITY, fates_of, row_symptom
from .timelines import Run, Timelines, Write, between_tries, client_of, windows


class Judgement(NamedTuple):
    outcome: ProbeOutcome
    reason: str
    nodes: list[NodeProof]
    pairs: list[PairFault]
    rows: list[ProbeRow]
    """Those of the design, with their fates."""
    settled: Optional[SettledTime]
    connections: int


def judged(
    design: Design,
    timelines: Mapping[str, Timelines],
    writes: Mapping[ProbePhase, Write],
    troubles: Mapping[str, str],
    deadline: float,
) -> Judgement:
    """What the probes prove.

    :param timelines: by the node of the client
    :param writes: by phase what began it; `open` needs none, and a phase that was not reached has none
    :param troubles: by node why its pods give no evidence, a sentence without its full stop
    :param deadline: seconds after a write in which each fate must be right
    """
    rows = _with_fates(design.rows, timelines, writes, deadline)
    batch = sorted({row["node"] for row in rows}, key=natural)
    found: dict[str, Optional[NodeVerdict]] = {row["id"]: _found(row, troubles) for row in rows}
    blamed = _blamed(rows, found, batch, troubles)
    suspects = {culprit[0] for culprit, _symptom in blamed if len(culprit) == 1}
    nodes = [
        _proof(node, rows, found, blamed, troubles, timelines)
        for node in [*batch, *sorted(suspects - {*batch}, key=natural)]
    ]
    pairs = _pair_faults(rows, blamed)
    wrong = any(symptom in GRAVITY and symptom != "unproven" for symptom in found.values())
    proven = bool(rows) and not any(found.values()) and all(proof["verdict"] == "enforced" for proof in nodes)
    return Judgement(
        outcome="failed" if wrong else "proven" if proven else "not_proven",
        reason=_reason(nodes, pairs),
        nodes=nodes,
        pairs=pairs,
        rows=rows,
        settled=_settled_time(rows),
        connections=sum(run.tries for told in timelines.values() for runs in told.rows.values() for run in runs),
    )


def _with_fates(
    rows: Sequence[ProbeRow], timelines: Mapping[str, Timelines], writes: Mapping[ProbePhase, Write], deadline: float
) -> list[ProbeRow]:
    by_client: dict[str, list[ProbeRow]] = {}
    for row in rows:
        by_client.setdefault(client_of(row), []).append(row)
    phases = {}
    for client, told in timelines.items():
        clock, doubt = (told.clock, told.doubt)
        if clock is None:
            clock, doubt = fitted(by_client.get(client, []), told.rows, writes, deadline), 0.0
        phases[client] = windows(writes, clock, doubt)
    judged_rows = []
    for row in rows:
        client = client_of(row)
        told = timelines.get(client) or Timelines({}, None, 0.0)
        fates = fates_of(row, told.rows.get(row["id"], ()), phases.get(client, {}), deadline, told.clock is not None)
        judged_rows.append(ProbeRow(**{**row, "fates": fates}))
    return judged_rows


def _found(row: ProbeRow, troubles: Mapping[str, str]) -> Optional[NodeVerdict]:
    """What is wrong with a row. Of a node without pods nothing is known, unless a denied connection came through."""
    symptom = row_symptom(row)
    if symptom in ("closed", "late") and {row["node"], row["peer"]} & {*troubles}:
        return "unproven"
    return symptom


Blamed = Mapping[tuple[Culprit, NodeVerdict], Sequence[str]]


def _blamed(
    rows: Sequence[ProbeRow],
    found: Mapping[str, Optional[NodeVerdict]],
    batch: Collection[str],
    troubles: Mapping[str, str],
) -> Blamed:
    """By culprit and symptom the rows that it explains."""
    blamed: dict[tuple[Culprit, NodeVerdict], list[str]] = {}
    right = [name for name, symptom in found.items() if symptom is None]
    for symptom in GRAVITY:
        wrong = [name for name, has in found.items() if has == symptom]
        if symptom != "unproven":
            blamed.update({(culprit, symptom): ids for culprit, ids in attributed(rows, wrong, right, batch).items()})
    for row in rows:
        if found[row["id"]] == "unproven":
            without = {row["node"], row["peer"]} & {*troubles} or {client_of(row)}
            for node in without:
                blamed.setdefault(((node,), "unproven"), []).append(row["id"])
    for node in sorted(troubles):
        if node in batch:
            blamed.setdefault(((node,), "unproven"), [])
    return blamed


def _proof(
    node: str,
    rows: Sequence[ProbeRow],
    found: Mapping[str, Optional[NodeVerdict]],
    blamed: Blamed,
    troubles: Mapping[str, str],
    timelines: Mapping[str, Timelines],
) -> NodeProof:
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
        resolution_ms=_resolution(own, timelines) if settled else None,
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
    right = {(row["direction"], row["allowed"]) for row in own if found[row["id"]] is None}
    return all((direction, allowed) in right for direction in DIRECTIONS for allowed in (True, False))


def _resolution(own: Sequence[ProbeRow], timelines: Mapping[str, Timelines]) -> Optional[float]:
    exact = []
    for row in own:
        told = timelines.get(client_of(row))
        runs: Sequence[Run] = told.rows.get(row["id"], ()) if told else ()
        between = between_tries(runs)
        if told and between is not None:
            exact.append(between + told.doubt)
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


def _reason(nodes: Sequence[NodeProof], pairs: Sequence[PairFault]) -> str:
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


def _settled_time(rows: Iterable[ProbeRow]) -> Optional[SettledTime]:
    times = sorted(fate["settled_ms"] for row in rows for fate in row["fates"] if fate["settled_ms"] is not None)
    if not times:
        return None
    return SettledTime(median=round(median(times), 1), p99=times[ceil(0.99 * len(times)) - 1], longest=times[-1])
