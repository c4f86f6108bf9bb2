# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What hosts reach of each other."""

from __future__ import annotations

from typing import Literal, TypedDict


class ReachFinding(TypedDict):
    """Probes from some hosts to others that failed in the same way."""

    target: str
    """`tcp/179`, `udp/4789`, `ip/4`; `tcp6/179`, `udp6/4789` over IPv6."""
    outcome: Literal["timeout", "refused", "unreachable"]
    sources: list[str]
    destinations: list[str]
    pairs: int
    """How many pairs of source and destination failed."""
    remedy: str


class ReachReport(TypedDict):
    """What the hosts of a play reach of each other on the ports of Calico."""

    kind: Literal["ReachReport"]
    version: int
    outcome: Literal["passed", "failed"]
    """`failed` when a probe failed or a host took no part; what is not provable does not fail."""
    reason: str
    """One sentence."""
    hosts: int
    targets: list[str]
    probes: int
    """Pairs of hosts, times targets."""
    reached: int
    not_provable: int
    """The port is in use at the destination, its listener was not there any more, or one of the two has no address of that family."""
    silent: dict[str, str]
    """Hosts that took no part, with the reason."""
    ended_early: list[str]
    """Hosts whose listener ended before the step did."""
    findings: list[ReachFinding]
