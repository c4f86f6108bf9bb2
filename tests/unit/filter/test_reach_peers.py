# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("ansible")

from ansible_collections.calico_ops.rollout.plugins.filter.reach_peers import FilterModule

PORTS = {"tcp/5473": "listening"}


def host(**facts: str | None) -> dict[str, Any]:
    """What a host that listens has registered."""
    return {
        "precheck_registered": {"precheck": {"facts": facts}},
        "precheck_reach_listening": {"ports": PORTS},
    }


def peers(name: str, **hosts: dict[str, Any]) -> Any:
    return FilterModule().filters()["reach_peers"](name, list(hosts), hosts)


def test_a_peer_is_asked_at_the_addresses_that_it_has() -> None:
    both, v4 = host(address="192.0.2.2", address_v6="2001:db8::2"), host(address="192.0.2.3", address_v6=None)
    assert peers(
        "a", a=host(address="192.0.2.1"), both=both, v4=v4, v6=host(address=None, address_v6="2001:db8::4")
    ) == [
        {"name": "both", "address": "192.0.2.2", "address_v6": "2001:db8::2", "ports": PORTS},
        {"name": "v4", "address": "192.0.2.3", "ports": PORTS},
        {"name": "v6", "address_v6": "2001:db8::4", "ports": PORTS},
    ]


def test_who_has_no_address_or_does_not_listen_is_not_asked_and_asks_nobody() -> None:
    hosts = {"a": host(address="192.0.2.1"), "none": host(address=None), "dark": {}, "b": host(address="192.0.2.2")}
    del hosts["b"]["precheck_reach_listening"]
    assert peers("a", **hosts) == []
    assert peers("none", **hosts) == []
