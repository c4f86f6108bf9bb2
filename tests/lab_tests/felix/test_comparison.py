# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ready Felix beside the precheck on hosts of the lab; skipped where LAB_FELIX names none."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab import ready_felix
from tests.lab.felix.comparison import compare, require_crds
from tests.lab.felix.outcomes import CLOSED, ENFORCED, Outcome
from tests.lab.lab import Lab

pytestmark = [
    pytest.mark.ansible,
    pytest.mark.felix,
    pytest.mark.skipif(os.geteuid() != 0, reason="the hosts of the lab need root"),
    pytest.mark.skipif(not os.environ.get(ready_felix.VARIABLE), reason="LAB_FELIX names no Felix"),
]
AGREE = ("few", "dropping")
"""One that both find well but for a warning, and one on which a foreign firewall drops what is forwarded."""


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[str, Outcome]]:
    binary = ready_felix.program()
    assert binary is not None
    lab = Lab(f"felix-{os.getpid()}")
    try:
        lab.up(operator=False)
        require_crds(lab)
        yield {one.host: one for one in compare(AGREE, binary, lab, print)}
    finally:
        lab.down()


def test_a_host_without_a_grave_fault_enforces_policy_and_passes(outcomes: dict[str, Outcome]) -> None:
    assert (outcomes["few"].ready, outcomes["few"].packets, outcomes["few"].verdict) == (True, ENFORCED, "pass")


def test_where_a_foreign_firewall_drops_nobody_gets_through_and_the_precheck_fails(
    outcomes: dict[str, Outcome],
) -> None:
    assert (outcomes["dropping"].packets, outcomes["dropping"].verdict) == (CLOSED, "fail")
