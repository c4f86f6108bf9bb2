# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A data plane in memory: what clients would see of connections, with a fault or without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.policy import (
    Family,
    Fate,
    ProbePhase,
    ProbeRow,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.design import Design, design
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.judge import Judgement, judged
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.looks import Look
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.timelines import (
    Run,
    Timelines,
    Write,
    client_of,
    server_of,
)

Engine = Literal["subject", "arrival"]
"""Calico judges egress at the node of the subject, kube-network-policies where the packet arrives."""
ENGINES: tuple[Engine, ...] = ("subject", "arrival")

DEADLINE = 0.5
BETWEEN = 0.02
WRITES: dict[ProbePhase, Write] = {
    "default_deny": Write(1.0, 1.005),
    "precise_allow": Write(2.0, 2.005),
    "reopened": Write(3.0, 3.005),
}
END = 4.0
SOON = 0.025
"""So long after the answer a healthy engine has the policy in force."""

Matches = Callable[[ProbeRow], bool]


def everything(_row: ProbeRow) -> bool:
    return True


@dataclass(frozen=True)
class Fault:
    """What is wrong, for connections that match. `node` is the one whose engine decides, of any node where it is None."""

    node: str | None = None
    matches: Matches = everything
    open: tuple[float, float] | None = None
    """Policy is not in force, by the controller's clock."""
    delay: float = 0.0
    cut: tuple[float, float] | None = None
    cut_fate: Fate = "dropped"


ALWAYS = (0.0, END)


def between(one: str, other: str, **levels: object) -> Matches:
    return lambda row: {row["node"], row["peer"]} == {one, other} and having(**levels)(row)


def touching(name: str, **levels: object) -> Matches:
    """Rows between nodes with this one at either end."""
    return lambda row: row["way"] == "cross_node" and name in (row["node"], row["peer"]) and having(**levels)(row)


def having(**levels: object) -> Matches:
    return lambda row: all(value == levels[name] for name, value in row.items() if name in levels)


def probed(
    nodes: Sequence[str],
    offered: Sequence[str],
    faults: Sequence[Fault] = (),
    *,
    engine: Engine = "subject",
    silent: Mapping[str, str] | None = None,
    clock: Callable[[str], float] | None = lambda _node: 0.0,
    writes: Mapping[ProbePhase, Write] | None = None,
    families: Sequence[Family] = ("IPv4", "IPv6"),
    second: Sequence[Fault] | None = None,
    **options: Any,
) -> Judgement:
    """What a probe would say.

    :param second: the faults that a second look meets, if there is one
    :param clock: by node how far its clock is behind the controller's; None where that is not known
    """
    given = {"strength": 2, "seed": 7, **options}
    of_nodes = dict.fromkeys([*nodes, *offered], families)
    drawn = design(nodes, offered, of_nodes, given["strength"], given["seed"], given.get("dns"))
    silent = silent or {}
    met = [faults] if second is None else [faults, second]
    looks = [
        Look(timelines(drawn, each, engine, silent, clock), WRITES if writes is None else writes, silent)
        for each in met
    ]
    return judged(drawn, looks, DEADLINE)


def timelines(
    drawn: Design,
    faults: Sequence[Fault],
    engine: Engine,
    silent: Mapping[str, str],
    clock: Callable[[str], float] | None,
) -> dict[str, Timelines]:
    rows: dict[str, dict[str, list[Run]]] = {}
    for number, row in enumerate(drawn.rows):
        client = client_of(row)
        if client in silent:
            continue
        behind = clock(client) if clock else 17.0
        seen = rows.setdefault(client, {})
        if server_of(row) not in silent:
            seen[row["id"]] = list(run_lengths(row, faults, engine, behind, number * BETWEEN / len(drawn.rows)))
    return {client: Timelines(seen, clock(client) if clock else None, 0.005) for client, seen in rows.items()}


def run_lengths(row: ProbeRow, faults: Sequence[Fault], engine: Engine, behind: float, offset: float) -> Iterator[Run]:
    """A connection every BETWEEN seconds. Between two moments at which something changes all have one fate."""
    delays = {0.0, *(fault.delay for fault in faults)}
    moments = {write.answered + SOON + delay for write in WRITES.values() for delay in delays}
    moments |= {edge for fault in faults for span in (fault.open, fault.cut) if span for edge in span}
    edges = [0.0, *sorted(moment for moment in moments if 0.0 < moment < END), END]
    run: Run | None = None
    for start, end in zip(edges, edges[1:]):
        first, past = (ceil(round((edge - offset) / BETWEEN, 6)) for edge in (start, end))
        if first >= past:
            continue
        begin, last = (turn * BETWEEN + offset for turn in (first, past - 1))
        fate = fate_at(row, (start + end) / 2, faults, engine)
        if run and run.fate == fate:
            run = Run(run.first, last - behind, fate, run.tries + past - first)
        else:
            if run:
                yield run
            run = Run(begin - behind, last - behind, fate, past - first)
    if run:
        yield run


def fate_at(row: ProbeRow, moment: float, faults: Sequence[Fault], engine: Engine) -> Fate:
    # No engine of these nodes sees the packet arrive at a pod of DNS.
    decides = row["node"] if engine == "subject" or row["kind"] == "dns" else server_of(row)
    mine = [fault for fault in faults if fault.matches(row) and fault.node in (None, decides)]
    for fault in mine:
        if fault.cut and fault.cut[0] <= moment < fault.cut[1]:
            return fault.cut_fate
    delay = SOON + max((fault.delay for fault in mine), default=0.0)
    begun = [phase for phase, write in WRITES.items() if moment >= write.answered + delay]
    phase = begun[-1] if begun else "open"
    denied = phase == "default_deny" or (phase == "precise_allow" and not row["allowed"])
    if denied and not any(fault.open and fault.open[0] <= moment < fault.open[1] for fault in mine):
        return "dropped"
    return "refused" if row["kind"] == "wrong_port" else "answered"
