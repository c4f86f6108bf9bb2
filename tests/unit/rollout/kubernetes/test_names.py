# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.label_selector import (
    parse_selector,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.names import (
    ADMISSION_KEY,
    check_label,
)

LABELS = {"tier": "edge", "zone": "", "node.example/generation": "3"}


@pytest.mark.parametrize(
    "selector",
    [
        "",
        "   ",
        "tier",
        "tier=edge",
        "tier==edge",
        "tier = edge",
        "tier!=core",
        "missing!=core",
        "!missing",
        "! missing",
        "zone=",
        "zone in (,north)",
        "tier in (core, edge)",
        "tier in(edge)",
        "tier notin (core)",
        "missing notin (core)",
        "node.example/generation>2",
        "node.example/generation < 4",
        "tier=edge,!missing , node.example/generation",
    ],
)
def test_a_selector_matches_as_kubernetes_would(selector: str) -> None:
    assert parse_selector(selector)(LABELS)


@pytest.mark.parametrize(
    "selector",
    [
        "missing",
        "tier=core",
        "tier!=edge",
        "!tier",
        "missing=",
        "missing in (edge)",
        "tier in (core)",
        "tier notin (edge, core)",
        "node.example/generation>3",
        "node.example/generation<3",
        "tier>2",
        "missing<2",
        "tier=edge,missing",
    ],
)
def test_a_selector_does_not_match_as_kubernetes_would_not(selector: str) -> None:
    assert not parse_selector(selector)(LABELS)


def test_in_is_also_a_key() -> None:
    assert parse_selector("in in (a)")({"in": "a"})


@pytest.mark.parametrize(
    "selector",
    [
        ",",
        "a,",
        "=edge",
        "tier edge",
        "tier in edge",
        "tier in (edge",
        "tier in (edge core)",
        "tier=(edge)",
        "tier>north",
        "!",
        "!tier=edge",
        "a/b/c",
        "Upper.Case/key",
        "-key",
        "tier=-edge",
        "tier=" + "x" * 64,
        "x" * 64,
        "tier===edge",
    ],
)
def test_what_is_no_selector_is_refused_with_the_text_and_the_option(selector: str) -> None:
    with pytest.raises(RolloutError) as error:
        parse_selector(selector, "tiers[1].selector")
    assert selector in str(error.value)
    assert "tiers[1].selector" in str(error.value)


def test_the_error_says_where_and_what_was_expected() -> None:
    with pytest.raises(RolloutError, match=r'at "x" \(character 6\) expected "\("'):
        parse_selector("a in x")


def test_a_selector_that_is_no_string_is_refused() -> None:
    with pytest.raises(RolloutError, match="a label selector is a string, not dict"):
        parse_selector({"tier": "edge"})  # type: ignore[arg-type]


def test_the_admission_label_itself_is_accepted() -> None:
    check_label(ADMISSION_KEY, "true")


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("bad key!", "true", "letters, digits"),
        ("a/b/c", "true", "DNS name"),
        ("example.com/ok", "not ok", "at most 63"),
        ("rollout.operator.tigera.io/x", "true", "in silence"),
        ("kubernetes.io/os", "linux", "belongs to tigera-operator"),
        ("projectcalico.org/operator-node-migration", "migrated", "belongs to tigera-operator"),
    ],
)
def test_an_admission_label_that_would_not_hold_is_refused(key: str, value: str, why: str) -> None:
    with pytest.raises(RolloutError, match=why):
        check_label(key, value)
