# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which host is which Node: by what the inventory says or by evidence, never by similar names."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..documents import NodeFacts, PrecheckReport
from ..errors import RolloutError
from ..text.order import natural

# Boards whose firmware was never filled in share these, the first in either order of bytes; all zeros or all ones are placeholders too.
_PLACEHOLDER_UUIDS = frozenset(
    (
        "03000200-0400-0500-0006-000700080009",
        "00020003-0004-0005-0006-000700080009",
        "12345678-1234-5678-90ab-cddeefaabbcc",
    )
)


class Claim(NamedTuple):
    """What speaks for a host's being one Node and not another."""

    node_name: str | None
    """As the inventory says."""
    identity: Mapping[str, Any] | None
    """`machine_id`, `system_uuid` and `addresses`, as the host told them; None where it told nothing."""


class Matches(NamedTuple):
    hosts: dict[str, str]
    """Host by Node name; of several that are taken for one Node, the first."""
    contested: dict[str, list[str]]
    """Nodes for which several hosts are taken, with these."""
    contradicted: dict[str, str]
    """Hosts whose evidence contradicts itself or node_name, each with a sentence that names both sides. They are no Node's."""


def match_hosts(nodes: Sequence[NodeFacts], report: PrecheckReport) -> Matches:
    """The same as `match_claims`, of a precheck's hosts. Evidence that contradicts itself is an error."""
    hosts = report["hosts"]
    matches = match_claims(
        nodes,
        {
            host: Claim(one["node_name"], one["result"]["identity"] if one["result"] else None)
            for host, one in hosts.items()
        },
    )
    for sentence in matches.contradicted.values():
        raise RolloutError(sentence)
    return matches


def match_claims(nodes: Sequence[NodeFacts], claims: Mapping[str, Claim]) -> Matches:
    """A host that is no Node of the cluster is not in it.

    An explicit node_name decides, unless evidence speaks for other Nodes only. A cloned machine-id is harmless if something speaks for
    the named Node too. Without a node_name all evidence must speak for one and the same Node.
    """
    names = {node["name"] for node in nodes}
    index = _index(nodes)
    shared = _shared_addresses(claims.values())
    taken: dict[str, list[str]] = {}
    contradicted: dict[str, str] = {}
    for host in sorted(claims, key=natural):
        try:
            node = _node_of(host, claims[host], names, index, shared)
        except RolloutError as error:
            contradicted[host] = str(error)
            continue
        if node is not None:
            taken.setdefault(node, []).append(host)
    return Matches(
        hosts={node: hosts[0] for node, hosts in taken.items()},
        contested={node: hosts for node, hosts in taken.items() if len(hosts) > 1},
        contradicted=contradicted,
    )


def _node_of(
    host: str, claim: Claim, names: set[str], index: dict[tuple[str, str], list[str]], shared: set[str]
) -> str | None:
    evidence = _evidence(claim, index, shared)
    candidates = sorted({node for _kind, found in evidence for node in found})
    named = claim.node_name
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


def _shared_addresses(claims: Iterable[Claim]) -> set[str]:
    """Addresses that several hosts have speak for none of them: bridges of container runtimes, machines behind NAT."""
    owners = Counter(
        address
        for claim in claims
        if claim.identity
        for address in {_address(address) for address in claim.identity.get("addresses") or []}
    )
    return {address for address, number in owners.items() if number > 1}


def _evidence(claim: Claim, index: dict[tuple[str, str], list[str]], shared: set[str]) -> list[tuple[str, list[str]]]:
    """What speaks for which Nodes: (kind, Nodes) for each piece of the host's identity that some Node shares."""
    identity = claim.identity
    if identity is None:
        return []
    pieces = [
        ("machine-id", meaningful(identity.get("machine_id"))),
        ("system UUID", meaningful(identity.get("system_uuid"))),
    ]
    addresses = sorted({_address(address) for address in identity.get("addresses") or []} - shared)
    pieces += [("address", address) for address in addresses]
    return [(f"{kind} {value}", index[kind, value]) for kind, value in pieces if value and (kind, value) in index]


def _spoken(evidence: Sequence[tuple[str, list[str]]]) -> str:
    told = []
    for kind, found in evidence:
        told.append(f"its {kind} is that of {' and '.join(f'Node {node}' for node in found)}")
    return ", ".join(told)


def _index(nodes: Sequence[NodeFacts]) -> dict[tuple[str, str], list[str]]:
    index: dict[tuple[str, str], list[str]] = {}
    for node in sorted(nodes, key=lambda node: node["name"]):
        pieces = {("machine-id", meaningful(node["machine_id"])), ("system UUID", meaningful(node["system_uuid"]))}
        pieces |= {("address", _address(address)) for address in node["internal_ips"]}
        for kind, value in pieces:
            if value:
                index.setdefault((kind, value), []).append(node["name"])
    return index


def meaningful(identifier: str | None) -> str | None:
    """The identifier in one spelling; null for none, and for what firmware and images hold where nobody gave them one."""
    text = (identifier or "").strip().lower()
    digits = set(text.replace("-", ""))
    return None if text in _PLACEHOLDER_UUIDS or digits <= {"0"} or digits <= {"f"} or text == "uninitialized" else text


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text
