# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of nodes become hosts and groups, and nothing that a node says of itself becomes more than text."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.tiers import read_tiers
from ansible_collections.calico_ops.rollout.plugins.plugin_utils import _untrusted as untrusted_module
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._node_inventory import (
    NodeInventory,
    Wishes,
    group_name,
    inventory_of,
)

from tests.unit.rollout.builders import LABEL, SELECTOR, facts

QUARANTINE = {"key": "rollout.calico-ops.dev/quarantine", "value": "precheck-failed", "effect": "NoSchedule"}
FOREIGN = {"key": "example.com/gpu", "effect": "NoSchedule"}


def seen(taints: Any = (), addresses: Any = (), **info: str) -> dict[str, Any]:
    return {
        "metadata": {},
        "spec": {"taints": list(taints)},
        "status": {"addresses": list(addresses), "nodeInfo": info},
    }


def node(name: str = "edge-1", labels: Any = None, taints: Any = (), addresses: Any = (), **fields: Any) -> Any:
    return facts(name, labels, **{"object": seen(taints, addresses), **fields})


def address(kind: str, text: str) -> dict[str, str]:
    return {"type": kind, "address": text}


def made(*nodes: Any, **wishes: Any) -> NodeInventory:
    return inventory_of(nodes, Wishes(LABEL, **wishes))


def test_a_host_is_the_node_of_its_name_and_says_so() -> None:
    inventory = made(node("edge-10"), node("edge-2"))
    assert list(inventory.hosts) == ["edge-2", "edge-10"]
    assert inventory.hosts["edge-2"]["node_name"] == "edge-2"


def test_groups_go_by_admission_tier_architecture_and_zone() -> None:
    tiers = read_tiers([{"name": "edge", "selector": "tier=edge"}, {"name": "core", "selector": "tier=core"}])
    inventory = made(
        node("core-1", {**SELECTOR, "topology.kubernetes.io/zone": "eu-west/1"}),
        node("edge-1", architecture="arm64"),
        tiers=tiers,
    )
    assert inventory.groups == {
        "admitted": ["core-1"],
        "not_admitted": ["edge-1"],
        "quarantined": [],
        "tier_edge": ["edge-1"],
        "tier_core": ["core-1"],
        "architecture_amd64": ["core-1"],
        "architecture_arm64": ["edge-1"],
        "zone_eu_west_1": ["core-1"],
    }
    assert inventory.hosts["core-1"]["node_zone"] == "eu-west/1"
    assert inventory.hosts["edge-1"]["node_zone"] is None
    assert inventory.hosts["edge-1"]["node_tiers"] == ["edge"]


@pytest.mark.parametrize(
    ("changes", "closed"),
    [
        ({}, False),
        ({"taints": [FOREIGN]}, False),
        ({"taints": [QUARANTINE]}, True),
        ({"quarantined": "open"}, True),
        ({"unschedulable": True}, True),
    ],
)
def test_quarantined_is_what_is_cordoned_or_labelled_or_tainted_by_a_rollout(changes: Any, closed: bool) -> None:
    inventory = made(node(**changes))
    assert inventory.groups["quarantined"] == (["edge-1"] if closed else [])
    assert inventory.hosts["edge-1"]["node_quarantined"] is closed


def test_taints_are_shown_as_kubectl_writes_them() -> None:
    assert made(node(taints=[FOREIGN, QUARANTINE])).hosts["edge-1"]["node_taints"] == [
        "example.com/gpu:NoSchedule",
        "rollout.calico-ops.dev/quarantine=precheck-failed:NoSchedule",
    ]


@pytest.mark.parametrize(
    ("types", "host"),
    [
        (["InternalIP"], "10.0.0.1"),
        (["ExternalIP", "InternalIP"], "203.0.113.1"),
        (["ExternalDNS", "Hostname"], "edge-1.example.com"),
        (["ExternalDNS"], None),
    ],
)
def test_the_first_type_that_a_node_has_is_its_address(types: list[str], host: str | None) -> None:
    addresses = [
        address("Hostname", "edge-1.example.com"),
        address("InternalIP", "10.0.0.1"),
        address("InternalIP", "fd00::1"),
        address("ExternalIP", "203.0.113.1"),
    ]
    variables = made(node(addresses=addresses), address_types=types).hosts["edge-1"]
    assert variables.get("ansible_host") == host


@pytest.mark.parametrize("text", ["-oProxyCommand=id", "10.0.0.1 -x", "fe80::1%eth0;id", "{{ 1 }}", "", "a" * 300])
def test_what_is_no_address_is_never_handed_to_ssh(text: str) -> None:
    for kind in ("InternalIP", "Hostname"):
        variables = made(node(addresses=[address(kind, text)]), address_types=[kind]).hosts["edge-1"]
        assert "ansible_host" not in variables


def test_a_label_of_any_content_names_a_group_in_harmless_letters() -> None:
    assert group_name("zone", "a-b.c/{{ x }}") == "zone_a_b_c____x___"


def test_on_an_older_core_strings_that_could_be_templates_are_marked_and_others_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(untrusted_module, "_TEMPLATED_UNLESS_MARKED", True)
    monkeypatch.setattr(untrusted_module, "wrap_var", lambda text: ("marked", text))
    assert untrusted_module.untrusted({"a": ["{{ x }}", "plain", 7, None], "{% k %}": True}) == {
        "a": [("marked", "{{ x }}"), "plain", 7, None],
        ("marked", "{% k %}"): True,
    }


def test_no_secret_stands_in_a_message_also_when_one_begins_with_another() -> None:
    plugin = pytest.importorskip("ansible_collections.calico_ops.rollout.plugins.inventory.nodes")
    said = plugin._without({"abc", "abcdef"}, "Bearer abcdef was refused, and so was abc")
    assert said == "Bearer ******** was refused, and so was ********"
