# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which host is which Node: by what the inventory says or by evidence, never by similar names."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from .documents import HostOutcome, NodeFacts, PrecheckReport
from .errors import RolloutError

# Boards whose firmware was never filled in share these; all zeros or all ones are placeholders as well.
_PLACEHOLDER_UUIDS = frozenset(("03000200-0400-0500-0006-000700080009", "12345678-1234-5678-90ab-cddeefaabbcc"))


def match_hosts(nodes: Sequence[NodeFacts], report: PrecheckReport) -> dict[str, str]:
    """Host by Node name. A host that is no Node of the cluster is not in it; a contradiction is an error that names both sides.

    An explicit node_name decides, unless evidence speaks for other Nodes only: a cloned machine-id is harmless as long as
    something speaks for the named Node too. Without a node_name all evidence must speak for one and the same Node.
    """
    names = {node["name"] for node in nodes}
    index = _index(nodes)
    matched: dict[str, str] = {}
    for host in sorted(report["hosts"]):
        node = _node_of(host, report["hosts"][host], names, index)
        if node is None:
            continue
        if node in matched:
            raise RolloutError(
                f"Hosts {matched[node]} and {host} are both taken for Node {node}. Set node_name for each to the Node it is, "
                "or take one out of the play."
            )
        matched[node] = host
    return matched


def _node_of(host: str, outcome: HostOutcome, names: set[str], index: dict[tuple[str, str], list[str]]) -> str | None:
    evidence = _evidence(outcome, index)
    candidates = sorted({node for _kind, found in evidence for node in found})
    named = outcome["node_name"]
    if named is not None:
        if named not in names:
            return None
        if candidates and named not in candidates:
            raise RolloutError(
                f"Host {host} has node_name {named}, but {_spoken(evidence)}. Correct node_name, or the host's address in the inventory."
            )
        return named
    if len(candidates) > 1:
        raise RolloutError(
            f"Host {host} cannot be told from several Nodes: {_spoken(evidence)}. Set node_name for it "
            "(and give cloned machines a machine-id of their own)."
        )
    return candidates[0] if candidates else None


def _evidence(outcome: HostOutcome, index: dict[tuple[str, str], list[str]]) -> list[tuple[str, list[str]]]:
    """What speaks for which Nodes: (kind, Nodes) for each piece of the host's identity that some Node shares."""
    if outcome["result"] is None:
        return []
    identity = outcome["result"]["identity"]
    pieces = [
        ("machine-id", _meaningful(identity.get("machine_id"))),
        ("system UUID", _meaningful(identity.get("system_uuid"))),
    ]
    pieces += [("address", _address(address)) for address in sorted(set(identity.get("addresses") or []))]
    return [(f"{kind} {value}", index[kind, value]) for kind, value in pieces if value and (kind, value) in index]


def _spoken(evidence: Sequence[tuple[str, list[str]]]) -> str:
    told = []
    for kind, found in evidence:
        told.append(f"its {kind} is that of {' and '.join(f'Node {node}' for node in found)}")
    return ", ".join(told)


def _index(nodes: Sequence[NodeFacts]) -> dict[tuple[str, str], list[str]]:
    index: dict[tuple[str, str], list[str]] = {}
    for node in sorted(nodes, key=lambda node: node["name"]):
        pieces = {("machine-id", _meaningful(node["machine_id"])), ("system UUID", _meaningful(node["system_uuid"]))}
        pieces |= {("address", _address(address)) for address in node["internal_ips"]}
        for kind, value in pieces:
            if value:
                index.setdefault((kind, value), []).append(node["name"])
    return index


def _meaningful(identifier: str | None) -> str | None:
    text = (identifier or "").strip().lower()
    digits = set(text.replace("-", ""))
    return None if text in _PLACEHOLDER_UUIDS or digits <= {"0"} or digits <= {"f"} or text == "uninitialized" else text


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text
