# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a pod of the probe shows: does it run, where, what has ended in it, and why it does not start. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._rollout.documents.policy import Family
from ..._rollout.text.terminal import printable
from .client import AWAITED
from .pods import CLIENT_NAME, waiter

_WORDS = 300
_ON_ITS_WAY = ("ContainerCreating", "PodInitializing")


@dataclass(frozen=True)
class PodSeen:
    name: str
    addresses: Mapping[Family, str]
    running: bool
    """Server and client have begun."""
    settled: Mapping[str, str]
    """By phase what its waiter said when it ended."""
    report: str | None
    """What the client said when it ended."""
    trouble: str
    """Why it does not start, or no longer runs; empty where nothing is wrong."""
    final: bool
    """The trouble does not pass."""


def pod_seen(raw: Mapping[str, Any]) -> PodSeen:
    status = raw.get("status") or {}
    states = {one["name"]: one.get("state") or {} for one in status.get("containerStatuses") or ()}
    ended = {name: state["terminated"] for name, state in states.items() if state.get("terminated")}
    client = ended.get(CLIENT_NAME)
    trouble, final = _trouble(raw, status, states, ended)
    return PodSeen(
        name=raw["metadata"]["name"],
        addresses=pod_addresses(status),
        running=bool(states) and all("waiting" not in state and state for state in states.values()),
        settled={phase: str(ended[waiter(phase)].get("message") or "") for phase in AWAITED if waiter(phase) in ended},
        report=None if client is None else str(client.get("message") or ""),
        trouble=trouble,
        final=final,
    )


def pod_addresses(status: Mapping[str, Any]) -> dict[Family, str]:
    """One of each family."""
    found: dict[Family, str] = {}
    for one in status.get("podIPs") or ():
        address = str(one.get("ip") or "")
        if address:
            found.setdefault("IPv6" if ":" in address else "IPv4", address)
    return found


def _trouble(
    raw: Mapping[str, Any],
    status: Mapping[str, Any],
    states: Mapping[str, Mapping[str, Any]],
    ended: Mapping[str, Mapping[str, Any]],
) -> tuple[str, bool]:
    if raw["metadata"].get("deletionTimestamp"):
        return "somebody deleted its pod", True
    if status.get("phase") == "Failed" and status.get("reason"):
        return _told(f"its pod failed: {status['reason']}", status), True
    for name, end in ended.items():
        if end.get("exitCode") and not (name == CLIENT_NAME and end.get("message")):
            words = f"the container {name} ended with exit code {end['exitCode']} ({end.get('reason') or 'no reason'})"
            return _told(words, end), True
    for name, state in states.items():
        waiting = state.get("waiting") or {}
        if waiting.get("reason", "ContainerCreating") not in _ON_ITS_WAY:
            return _told(f"the container {name} does not start: {waiting['reason']}", waiting), False
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return _told("the scheduler does not place its pod", condition), False
    return "", False


def _told(words: str, where: Mapping[str, Any]) -> str:
    message = printable(" ".join(str(where.get("message") or "").split()))[:_WORDS]
    return f"{words}: {message}" if message else words
