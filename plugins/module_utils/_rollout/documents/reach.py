# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What hosts reach of each other."""

from __future__ import annotations

from typing import Literal, TypedDict, Union

ReachOutcome = Literal["passed", "failed", "not_proven", "not_asked"]
ReachFault = Literal["timeout", "refused", "unreachable", "too_big"]


class ReachPeer(TypedDict):
    """A host to probe, with what host_reach needs to know about it."""

    name: str
    address: Union[str, None]
    address_v6: Union[str, None]
    ports: dict[str, str]
    """What its listener said, by target."""


class ReachPlan(TypedDict):
    """Who asks whom in one run. It is made once, and no report."""

    peers: dict[str, ReachPeer]
    """Every host that listens, by name."""
    asks: dict[str, list[str]]
    """By host those that it asks."""


class ReachFinding(TypedDict):
    """Probes from some hosts to others that failed in the same way."""

    target: str
    """`tcp/179`, `udp/4789`, `ip/4`; `tcp6/179`, `udp6/4789` over IPv6."""
    outcome: ReachFault
    """`too_big`: small packets were answered, and whole ones as large as the overlay's were not."""
    packet: Union[int, None]
    """Bytes of the smallest packet that was too big; null for other outcomes."""
    sources: list[str]
    destinations: list[str]
    pairs: int
    """How many pairs of source and destination failed."""
    remedy: str


class ReachReport(TypedDict):
    """What the hosts of a play reach of each other on the ports of Calico."""

    kind: Literal["ReachReport"]
    version: int
    outcome: ReachOutcome
    """`failed`: a probe failed, or a host took no part. `not_proven`: a listener ended early, or no probe at all could prove something.
    `not_asked`: there are not two hosts, or it was check mode. Otherwise `passed`, and `not_provable` says what stayed open."""
    reason: str
    """One sentence."""
    hosts: list[str]
    targets: list[str]
    probes: int
    """Pairs of hosts, times targets."""
    reached: int
    not_provable: int
    """The port is in use at the destination, its listener had ended, or one of the two has no address of that family."""
    silent: dict[str, str]
    """Hosts that took no part, with the reason."""
    ended_early: list[str]
    """Hosts whose listener ended before the step did."""
    findings: list[ReachFinding]
