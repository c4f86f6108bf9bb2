# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which client tries which row of a design, and where it connects to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..._rollout.documents.policy import Family, ProbeRow
from .client import ANSWERED, DROPPED, REFUSED, Target, dns_kind
from .cluster_dns import ClusterDns
from .pods import DENIED_TCP, DENIED_UDP, TCP, UDP, WRONG_NAMESPACE, WRONG_PORT, Role

_PORTS = {
    ("TCP", True): TCP,
    ("UDP", True): UDP,
    ("TCP", False): DENIED_TCP,
    ("UDP", False): DENIED_UDP,
}
_WITHOUT_LISTENER = {"wrong_port": WRONG_PORT, "wrong_namespace": WRONG_NAMESPACE}


class Place(NamedTuple):
    """One of the two pods of a node."""

    node: str
    role: Role


class Tried(NamedTuple):
    target: Target
    row: str | None
    """Its id; None where the client needs a target that is denied and no row gives it one: without it, it could not see the end."""


def client_of(row: ProbeRow) -> Place:
    return Place(row["peer"], "peer") if row["direction"] == "ingress" else Place(row["node"], "subject")


def server_of(row: ProbeRow) -> Place:
    return Place(row["node"], "subject") if row["direction"] == "ingress" else Place(row["peer"], "peer")


def tried_by_client(
    rows: Sequence[ProbeRow], addresses: Mapping[Place, Mapping[Family, str]], dns: ClusterDns | None = None
) -> dict[Place, list[Tried]]:
    """By client what it tries, in turn. Rows without an address at either end are left out."""
    found: dict[Place, list[Tried]] = {}
    for turn, row in enumerate(row for row in rows if row["kind"] == "dns"):
        if dns is not None and row["family"] in dns.families and row["family"] in addresses.get(client_of(row), {}):
            found.setdefault(client_of(row), []).append(Tried(_question(row, dns, turn), row["id"]))
    for row in rows:
        if row["kind"] == "dns":
            continue
        client, address = client_of(row), addresses.get(server_of(row), {}).get(row["family"])
        if address is not None and row["family"] in addresses.get(client, {}):
            found.setdefault(client, []).append(Tried(_target(row, address), row["id"]))
    for tried in found.values():
        first = tried[0].target
        if all(one.target.wanted.endswith(ANSWERED * 2) for one in tried):
            wanted = ANSWERED + DROPPED * 2 + ANSWERED
            tried.append(Tried(Target(first.address, DENIED_TCP, "TCP", wanted), None))
    return found


def _question(row: ProbeRow, dns: ClusterDns, turn: int) -> Target:
    server = dns.server(row["family"], turn)
    wanted = ANSWERED + DROPPED + ANSWERED * 2
    return Target(server.addresses[row["family"]], server.port, dns_kind(dns.question), wanted)


def _target(row: ProbeRow, address: str) -> Target:
    through = ANSWERED
    if row["kind"] in _WITHOUT_LISTENER:
        port, through = _WITHOUT_LISTENER[row["kind"]], REFUSED
    else:
        port = _PORTS[row["protocol"], row["allowed"]]
    allowed = through if row["allowed"] else DROPPED
    kind = "LARGE" if row["kind"] == "large_packets" else row["protocol"]
    return Target(address, port, kind, through + DROPPED + allowed + through)
