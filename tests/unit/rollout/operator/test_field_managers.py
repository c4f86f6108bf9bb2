# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What managedFields tell of our own writes, and of nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.field_managers import (
    CREATION_MANAGER,
    SCOPE_MANAGER,
    selector_since,
)


def entry(manager: str, time: str | None) -> dict[str, Any]:
    return {"manager": manager, **({"time": time} if time else {})}


@pytest.mark.parametrize(
    ("entries", "since"),
    [
        ([entry(SCOPE_MANAGER, "2026-01-01"), entry("kubectl", "2026-01-09")], "2026-01-01"),
        ([entry(SCOPE_MANAGER, "2026-01-01"), entry(SCOPE_MANAGER, "2026-01-02")], "2026-01-02"),
        ([entry(CREATION_MANAGER, "2026-01-03"), entry(SCOPE_MANAGER, "2026-01-02")], "2026-01-02"),
        ([entry(CREATION_MANAGER, "2026-01-03")], "2026-01-03"),
        ([entry(SCOPE_MANAGER, None), entry("kubectl", "2026-01-09")], None),
        ([], None),
    ],
)
def test_the_selector_is_as_old_as_our_last_apply_of_it(entries: list[Any], since: str | None) -> None:
    assert selector_since({"metadata": {"managedFields": entries}}) == since
