# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calico's selectors, as libcalico-go reads them."""

from __future__ import annotations

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.calico_selector import (
    calico_selector,
)

LABELS = {"app": "web-1", "tier": "front", "projectcalico.org/namespace": "shop"}


@pytest.mark.parametrize(
    "selector",
    [
        "",
        "all()",
        "global( )",
        "app == 'web-1'",
        'app == "web-1" && tier != "back"',
        "missing != 'x'",
        "tier in {'front', 'back'}",
        "tier in {'front'}",
        "missing not in {'x'}",
        "has(app)",
        "has( projectcalico.org/namespace )",
        "!has(missing)",
        "! has(missing)",
        "app starts with 'web'",
        "app ends with '-1' && app contains 'b-'",
        "(app == 'x' || tier == 'front') && has(app)",
        "app == 'x' || tier == 'front'",
        "!(app == 'x' && tier == 'front')",
    ],
)
def test_a_selector_matches(selector: str) -> None:
    assert calico_selector(selector)(LABELS)


@pytest.mark.parametrize(
    "selector",
    [
        "app == 'web'",
        "app != 'web-1'",
        "tier in {'back'}",
        "tier not in {'front'}",
        "tier in {}",
        "has(missing)",
        "!all()",
        "missing contains 'x'",
        "app starts with 'eb'",
        "app == 'web-1' && missing == 'x'",
        "app == 'x' || tier == 'front' && has(missing)",
    ],
)
def test_a_selector_does_not_match(selector: str) -> None:
    assert not calico_selector(selector)(LABELS)


@pytest.mark.parametrize(
    "selector",
    [
        "app",
        "app =",
        "app == web",
        "app == 'web",
        "app ==",
        "has(app",
        "(app == 'x'",
        "app == 'x' tier",
        "&&",
        "app in 'x'",
    ],
)
def test_what_is_no_selector_is_refused(selector: str) -> None:
    with pytest.raises(ValueError, match="not a selector of Calico's"):
        calico_selector(selector)
