# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a plan has network policy proven, as the user writes it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.plan_text import plan_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.frozen import given_plan
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.verify import (
    NO_CANARY,
    UNPROVEN,
    is_witnessed,
    read_verify,
)

from tests.unit.rollout.builders import plan, tier
from tests.unit.rollout.probes import IMAGE

NAMES = ["core-1", "core-2", "edge-1"]


def test_an_image_alone_proves_each_batch() -> None:
    settings = read_verify({"image": IMAGE})
    assert settings is not None
    assert (settings["mode"], settings["namespace"], settings["foreign_policies"]) == (
        "each_batch",
        "calico-ops-policy-probe",
        "refuse",
    )


@pytest.mark.parametrize("given", [None, {}, {"image": ""}, {"image": None, "strength": 3}])
def test_without_an_image_the_plan_warns_that_policy_is_not_proven(given: Any) -> None:
    made = plan(NAMES, verify=given)
    assert made["verify"] is None
    assert made["warnings"] == [UNPROVEN]
    assert "Warning: Network policy is not proven" in plan_text(made)


def test_whoever_asks_for_no_proof_is_not_warned() -> None:
    made = plan(NAMES, verify={"mode": "none", "image": IMAGE})
    assert (made["verify"], made["warnings"]) == (None, [])


def test_canaries_that_are_in_no_batch_are_warned_of() -> None:
    made = plan(NAMES, running=NAMES, verify={"mode": "canary", "image": IMAGE})
    assert made["warnings"] == [NO_CANARY]
    assert plan(NAMES, verify={"mode": "canary", "image": IMAGE})["warnings"] == []


def test_the_plan_tells_what_is_proven_and_with_what() -> None:
    told = " ".join(plan_text(plan(NAMES, verify={"mode": "each_node", "image": IMAGE})).split())
    assert f"Network policy is proven on 2 of 2 batches, node by node, by pods of {IMAGE} in the namespace" in told


def witnessed(batches: Any, **verify: Any) -> list[str]:
    return [one["name"] for one in batches if is_witnessed(one, batches, read_verify({"image": IMAGE, **verify}))]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["adoption", "core-1", "edge-1"]),
        ({"witness": "canary", "mode": "each_node"}, ["adoption", "core-1", "edge-1"]),
        ({"witness": "each_batch"}, ["adoption", "core-1", "core-2", "edge-1", "edge-2"]),
        ({"witness": "none"}, []),
        ({"witness": "each_batch", "mode": "none"}, []),
    ],
)
def test_the_adoption_and_what_goes_ahead_is_witnessed_unless_told_otherwise(given: Any, expected: list[str]) -> None:
    tiers = [tier("core", batch_size=1), tier("edge", batch_size=1, canary=True)]
    nodes = ["core-1", "core-2", "core-3", "edge-1", "edge-2"]
    made = plan(nodes, tiers=tiers, running=["core-1"], verify={"image": IMAGE, **given})
    assert witnessed(made["batches"], **given) == expected


def test_the_plan_tells_which_batches_are_witnessed() -> None:
    told = " ".join(plan_text(plan(NAMES, verify={"image": IMAGE})).split())
    assert "On the nodes of the batches core-1, edge-1, connections go on from before the label until after" in told
    assert "connections go on" not in plan_text(plan(NAMES, verify={"image": IMAGE, "witness": "none"}))


def test_the_settings_are_part_of_the_frozen_plan() -> None:
    made = plan(NAMES, verify={"image": IMAGE, "tolerations": [{"operator": "Exists"}]})
    assert given_plan(made) == made
    assert made["id"] != plan(NAMES)["id"]
    made["verify"]["mode"] = "canary"  # type: ignore[index]
    with pytest.raises(RolloutError, match="altered after it was made"):
        given_plan(made)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"img": IMAGE}, "verify: img is not known here"),
        ({"mode": "always", "image": IMAGE}, "verify.mode: 'always' is not known; possible are none, canary,"),
        ({"mode": "each_batch"}, "verify.image: mode each_batch needs an image"),
        ({"image": IMAGE, "strength": 4}, "verify.strength: '4' is not known; possible are 2, 3, full"),
        (
            {"image": IMAGE, "witness": "all"},
            "verify.witness: 'all' is not known; possible are none, canary, each_batch",
        ),
        ({"image": IMAGE, "seed": -1}, "verify.seed: a whole number of at least 0"),
        (
            {"image": IMAGE, "timeout": 40},
            "verify.timeout: 40 s, and 4 times verify.deadline and 3 s, are 72 s, more than 57",
        ),
        ({"image": IMAGE, "foreign_policies": "keep"}, "verify.foreign_policies"),
        ({"image": IMAGE, "tolerations": "all"}, "verify.tolerations"),
        ({"image": IMAGE, "calico_policy": "yes"}, "verify.calico_policy"),
        ([IMAGE], "verify: a mapping with mode, image"),
    ],
)
def test_a_mistake_is_named_with_its_option(given: Any, complaint: str) -> None:
    with pytest.raises(RolloutError) as raised:
        read_verify(given)
    assert complaint in str(raised.value)


def test_templates_may_give_numbers_as_text() -> None:
    settings: Any = read_verify({"image": IMAGE, "strength": 3, "deadline": "6", "timeout": "20"})
    assert (settings["strength"], settings["deadline"], settings["timeout"]) == ("3", 6, 20)
