# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links, addresses, routes and rules as a kernel dumped them (6.18, without drivers of bonds and VLANs: a bridge and a macvlan stand in).

Each file says by which commands its network was made. The messages are whole but for attributes that no check reads.
"""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps import network, routes

from tests.environment.places import CHECKOUT
from tests.unit.precheck.kernels import RawFacts, healthy, knowing

_FOLDER = CHECKOUT / "tests" / "unit" / "precheck" / "recorded"


def recorded(name: str, node_ip: str | None = None) -> RawFacts:
    """The healthy host with this network instead of its own; `node_ip`: what its kubelet is told."""
    dumped: dict[str, list[str]] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    known: dict[str, Any] = {kind: [bytes.fromhex(one) for one in dumped[kind]] for kind in dumped if kind != "how"}
    return knowing(
        healthy(),
        links=[network.parse_link(one) for one in known["links"]],
        addresses=[network.parse_address(one) for one in known["addresses"]],
        routes=[one for one in map(routes.parse_route, known["routes"]) if one["table"] != 255],
        rules=[routes.parse_rule(one) for one in known["rules"]],
        kubelet={**healthy()["kubelet"]["value"], "node_ip": node_ip},
    )
