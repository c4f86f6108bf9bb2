# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What connections that go on while calico-node starts or restarts show of a node: gaps, and denied ones that came through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from ..documents.policy import Direction, FlowGap, FlowWitness

ENDING = 5.0
"""Seconds at the end whose losses say nothing: a pod that the kubelet ends is no longer one that policy allows, before its client ends."""


class Pair(NamedTuple):
    """A node that is witnessed, and the node of the other pod."""

    node: str
    peer: str


class Allowed(NamedTuple):
    """Connections of one client to one target. Seconds of its clock."""

    tries: int
    first: float | None
    """The first connection that came through."""
    gap: float
    """The longest time after the first in which no three in turn did: from one that did not to the next of three that did."""
    gap_began: float | None
    lost_since: float | None
    """Of the connections that did not, those at the end."""


class Denied(NamedTuple):
    tries: int
    through: int
    """How many came through, two or more in turn, after they had been dropped for a while."""
    first: float | None
    """The first of those."""
    open_until: float | None
    """The last one that came through before that."""


class Heard(NamedTuple):
    """What one client says. Seconds of its clock."""

    began: float
    ended: float
    pause: float
    """The longest time between two connections of one flow."""
    allowed: Sequence[Allowed]
    denied: Sequence[Denied]


def pairs(nodes: Sequence[str], offered: Sequence[str]) -> list[Pair]:
    """Each node with one of those that nothing happens to, or with the next one; a single node with itself.

    A gap between two nodes that both restart says of neither which one it was.
    """
    if offered:
        return [Pair(node, offered[place % len(offered)]) for place, node in enumerate(nodes)]
    return [Pair(node, nodes[(place + 1) % len(nodes)]) for place, node in enumerate(nodes)]


def witnessed(pair: Pair, heard: Mapping[Direction, Heard], trouble: Sequence[str]) -> FlowWitness:
    """:param trouble: why a client said nothing"""
    seen = list(heard.values())
    denied = [(direction, flow) for direction, each in heard.items() for flow in each.denied]
    came = [flow.first for _direction, flow in denied if flow.first is not None]
    gaps = [gap for direction, each in heard.items() for gap in _gaps(direction, each)]
    silent = [direction for direction, each in heard.items() if all(flow.first is None for flow in each.allowed)]
    reasons = [*trouble, *(f"no allowed connection came through ({direction})" for direction in silent)]
    began = min((each.began for each in seen), default=None)
    return FlowWitness(
        node=pair.node,
        peer=pair.peer,
        began=None if began is None else _instant(began),
        seconds=round(max(each.ended for each in seen) - began, 3) if began is not None else 0.0,
        connections=sum(_tries(each) for each in seen),
        resolution_ms=max((_milliseconds(each.pause) for each in seen), default=None),
        longest_gap=max(gaps, key=lambda gap: gap["milliseconds"], default=None),
        denied_through=sum(flow.through for _direction, flow in denied),
        first_denied_through=_instant(min(came)) if came else None,
        open_directions=sorted({direction for direction, flow in denied if flow.through}),
        open_at_start_ms=max(map(_open_at_start, seen), default=None),
        reason="; ".join(dict.fromkeys(reasons)) or None,
    )


def _tries(heard: Heard) -> int:
    return sum(flow.tries for flow in heard.allowed) + sum(flow.tries for flow in heard.denied)


def _open_at_start(heard: Heard) -> float:
    return max((_milliseconds(flow.open_until - heard.began) for flow in heard.denied if flow.open_until), default=0.0)


def _gaps(direction: Direction, heard: Heard) -> list[FlowGap]:
    found = []
    for flow in heard.allowed:
        last = 0.0 if flow.lost_since is None else heard.ended - flow.lost_since
        ended = (last, flow.lost_since) if last > ENDING else (0.0, None)
        seconds, began = max((flow.gap, flow.gap_began), ended, key=lambda gap: gap[0])
        if began is not None:
            found.append(FlowGap(began=_instant(began), milliseconds=_milliseconds(seconds), direction=direction))
    return found


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _instant(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
