# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which spec of a clean install makes the first batch restart once more, and how long that takes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.plan_text import plan_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.clean_install import (
    lacking_autodetection,
    restart_warning,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.verify import UNPROVEN

from tests.unit.rollout.builders import bare, installation, plan, tier

LARGE = [f"edge-{number}" for number in range(10)]
FOUND = {"firstFound": True}
V4, V6 = {"cidr": "10.0.0.0/16"}, {"cidr": "fd00::/48"}


@pytest.mark.parametrize(
    ("network", "lacks"),
    [
        (None, ["nodeAddressAutodetectionV4"]),
        ({"ipPools": [V4]}, ["nodeAddressAutodetectionV4"]),
        ({"ipPools": [V4, V6]}, ["nodeAddressAutodetectionV4", "nodeAddressAutodetectionV6"]),
        ({"ipPools": [V4, V6], "nodeAddressAutodetectionV4": FOUND}, ["nodeAddressAutodetectionV6"]),
        ({"ipPools": [V6]}, ["nodeAddressAutodetectionV6"]),
        ({"ipPools": [V4], "nodeAddressAutodetectionV4": {"kubernetes": "NodeInternalIP"}}, []),
        # With eBPF the operator sets it before it looks at any pool.
        ({"linuxDataplane": "BPF"}, []),
        # No pool: there is nothing to wait for.
        ({"ipPools": []}, []),
    ],
)
def test_what_the_operator_would_set_later_is_lacking(network: Any, lacks: list[str]) -> None:
    assert lacking_autodetection({} if network is None else {"calicoNetwork": network}) == lacks


def test_a_large_first_batch_is_warned_about_with_the_time_that_it_takes() -> None:
    told = restart_warning({}, LARGE) or ""
    assert "once more on its 10 nodes, 1 at a time, about 5 min" in told
    assert "without calicoNetwork.nodeAddressAutodetectionV4 in the spec" in told
    faster = restart_warning({"nodeUpdateStrategy": {"rollingUpdate": {"maxUnavailable": "50%"}}}, LARGE) or ""
    assert "5 at a time, about 60 s" in faster


def test_a_small_first_batch_and_a_spec_that_is_whole_are_not() -> None:
    assert restart_warning({}, LARGE[:4]) is None
    assert restart_warning({"calicoNetwork": {"nodeAddressAutodetectionV4": FOUND}}, LARGE) is None
    assert restart_warning(None, LARGE) is None


def test_the_plan_warns_only_where_the_installation_is_yet_to_be_made() -> None:
    wide = [tier("edge", batch_size=10)]
    warned = plan(LARGE, wide, observation=bare(LARGE), installation_spec={})
    assert warned["warnings"] == [restart_warning({}, LARGE), UNPROVEN]
    assert "Warning: The first batch may restart calico-node once more" in plan_text(warned).replace("\n  ", " ")
    installed = {**bare(LARGE), "installation": installation()}
    assert plan(LARGE, wide, observation=installed, installation_spec={})["warnings"] == [UNPROVEN]
    assert plan(LARGE, wide, installation_spec={})["warnings"] == [UNPROVEN]
    assert "Warning" not in plan_text(plan(LARGE, wide, observation=bare(LARGE), verify={"mode": "none"}))
