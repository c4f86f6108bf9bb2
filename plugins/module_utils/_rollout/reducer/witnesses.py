# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What is remembered of witnesses: those that go on, and what those before saw of the nodes of each batch.

An adoption has thousands of nodes, and the state goes through Ansible with each call: a node is a number, and a few are told in full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..documents import BatchWitness, FlowWitness, Report, RolloutState, WitnessState
from ..text.order import natural
from ..text.terminal import count, listed

IN_FULL = 10
REASONS = 20
"""Nodes told with a reason."""
NODES_SHOWN = 5
TEND_EVERY = 5.0
"""Seconds between two looks at pods that did not run yet."""


def no_witness() -> WitnessState:
    return WitnessState(batch=None, run=None, nodes=[], over=[], untold=[], looked=0.0, trouble={}, batches={})


def with_started(
    state: RolloutState,
    batch: str,
    nodes: Sequence[str],
    run: str | None,
    trouble: Mapping[str, str],
    untold: Sequence[str] | None,
    now: float,
) -> RolloutState:
    """The state after these nodes of the batch got their witnesses.

    :param run: what they were started as; None where nothing was
    :param trouble: by node why it has none
    :param untold: the nodes of the run whose pods do not run yet; None where nobody could look
    """
    before = state["witness"] if state["witness"]["batch"] == batch else no_witness()
    after = WitnessState(
        batch=batch,
        run=run,
        nodes=list(dict.fromkeys([*before["nodes"], *nodes])),
        over=before["over"],
        untold=list(before["untold"] if untold is None else untold),
        looked=now,
        trouble=few({**before["trouble"], **trouble}),
        batches=state["witness"]["batches"],
    )
    return _with(state, after)


def with_told(state: RolloutState, untold: Sequence[str] | None, now: float) -> RolloutState:
    """The state after another look at pods that did not run yet."""
    after = state["witness"].copy()
    after["untold"], after["looked"] = list(after["untold"] if untold is None else untold), now
    return _with(state, after)


def with_seen(state: RolloutState, batch: str, found: Sequence[FlowWitness]) -> RolloutState:
    """The state after the witnesses of the batch have said what they saw."""
    seen = _seen(found, state["witness"]["trouble"])
    after = _with_batch(state, batch, [each["node"] for each in found], seen)
    if state["phase"] == "stopped" and seen["denied_through"]:
        # No rule looks at it any more.
        after["notes"] = [*after["notes"], f"a witness saw denied connections come through: {holes_told(batch, seen)}"]
    return after


def with_nothing_seen(state: RolloutState, batch: str, nodes: Sequence[str], why: str) -> RolloutState:
    """The state after the API server refused what witnesses take: nothing is known of these nodes of the batch."""
    reasons = few(dict.fromkeys(nodes, why))
    nothing = BatchWitness(gaps_ms={}, denied_through={}, in_full=[], incomplete=len(nodes), reasons=reasons)
    return _with_batch(state, batch, nodes, nothing)


def with_witnesses(report: Report, state: RolloutState) -> Report:
    """The report with what witnesses have seen by now."""
    after = report.copy()
    after["batches"] = [batch.copy() for batch in report["batches"]]
    for batch in after["batches"]:
        batch["witness"] = state["witness"]["batches"].get(batch["name"])
    return after


def holes_told(batch: str, witness: BatchWitness) -> str:
    """`batch core-1, w-1 (4 connections, ingress, the first at 2026-01-01T00:00:00.000Z)`."""
    in_full = {each["node"]: each for each in witness["in_full"]}
    through = witness["denied_through"]
    told = [_hole_told(node, through[node], in_full.get(node)) for node in sorted(through, key=natural)]
    return f"batch {batch}, {listed(told, NODES_SHOWN)}"


def _hole_told(node: str, through: int, whole: FlowWitness | None) -> str:
    told = [count(through, "connection")]
    if whole is not None:
        told += [*whole["open_directions"], f"the first at {whole['first_denied_through']}"]
    return f"{node} ({', '.join(told)})"


def _seen(found: Sequence[FlowWitness], trouble: Mapping[str, str]) -> BatchWitness:
    lacking = {each["node"]: trouble.get(each["node"], each["reason"]) for each in found if each["reason"] is not None}
    return BatchWitness(
        gaps_ms={each["node"]: _gap(each) for each in found if each["longest_gap"] or each["reason"] is None},
        denied_through={each["node"]: each["denied_through"] for each in found if each["denied_through"]},
        in_full=_most_telling(found),
        incomplete=len(lacking),
        reasons=few(lacking),
    )


def _most_telling(found: Sequence[FlowWitness]) -> list[FlowWitness]:
    telling = [each for each in found if each["denied_through"] or each["longest_gap"]]
    return sorted(telling, key=lambda each: (not each["denied_through"], -_gap(each)))[:IN_FULL]


def _gap(witness: FlowWitness) -> float:
    return 0.0 if witness["longest_gap"] is None else witness["longest_gap"]["milliseconds"]


def few(reasons: Mapping[str, str]) -> dict[str, str]:
    return dict(list(reasons.items())[:REASONS])


def _with_batch(state: RolloutState, batch: str, nodes: Sequence[str], seen: BatchWitness) -> RolloutState:
    """None of them goes on any more."""
    before, after = state["witness"], no_witness()
    over = before["over"] if before["batch"] == batch else []
    known = before["batches"].get(batch)
    after["batch"], after["over"] = batch, list(dict.fromkeys([*over, *nodes]))
    after["batches"] = {**before["batches"], batch: seen if known is None else _together(known, seen)}
    return _with(state, after)


def _together(known: BatchWitness, seen: BatchWitness) -> BatchWitness:
    """A batch may be admitted in parts."""
    return BatchWitness(
        gaps_ms={**known["gaps_ms"], **seen["gaps_ms"]},
        denied_through={**known["denied_through"], **seen["denied_through"]},
        in_full=_most_telling([*known["in_full"], *seen["in_full"]]),
        incomplete=known["incomplete"] + seen["incomplete"],
        reasons=few({**known["reasons"], **seen["reasons"]}),
    )


def _with(state: RolloutState, witness: WitnessState) -> RolloutState:
    after = state.copy()
    after["witness"] = witness
    return after
