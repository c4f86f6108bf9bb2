# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few nodes stand for all: between them they carry whatever any of them carries."""

from __future__ import annotations

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.sample import representatives


def fleet(number: int) -> dict[str, dict[str, str]]:
    return {
        f"w-{index:04}": {
            "kubernetes.io/hostname": f"w-{index:04}",
            "zone": f"zone-{index % 3}",
            **({"guarded": "yes"} if index == 4321 else {}),
        }
        for index in range(number)
    }


def test_all_of_a_small_cluster_are_taken() -> None:
    nodes = fleet(100)
    assert representatives(list(nodes), nodes, 100) == list(nodes)


def test_the_one_node_of_its_kind_among_thousands_is_taken() -> None:
    nodes = fleet(5000)
    chosen = representatives(list(nodes), nodes, 100)
    assert len(chosen) == 100
    assert "w-4321" in chosen
    assert {nodes[name]["zone"] for name in chosen} == {"zone-0", "zone-1", "zone-2"}


def test_the_rest_goes_over_all_of_them_and_not_the_first_hundred_by_name() -> None:
    nodes = fleet(5000)
    chosen = representatives(list(nodes), nodes, 100)
    assert min(chosen) < "w-0100"
    assert max(chosen) > "w-4900"
    assert chosen == sorted(chosen)


def test_nodes_that_carry_nothing_are_taken_too() -> None:
    assert len(representatives([f"n-{index}" for index in range(300)], {}, 100)) == 100
