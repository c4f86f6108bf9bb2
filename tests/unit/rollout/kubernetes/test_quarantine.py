# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One patch begins a quarantine and one ends it, and neither touches what others have on the Node."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.names import ADMISSION_KEY
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.quarantine import (
    UNTOLD,
    begun,
    ended,
    quarantine_reason,
)

KEY = "rollout.calico-ops.dev/quarantine"
REASON = "rollout.calico-ops.dev/quarantine-reason"
FOREIGN = {"key": "example.com/gpu", "value": "a100", "effect": "NoSchedule"}
OURS = {"key": KEY, "value": "not_ready", "effect": "NoSchedule"}


def node(labels: Any = None, annotations: Any = None, taints: Any = None) -> dict[str, Any]:
    metadata = {"name": "edge-1", "uid": "u", "resourceVersion": "7", "labels": labels, "annotations": annotations}
    return {"metadata": metadata, "spec": {"taints": taints}}


def admitted(taints: Any = None) -> dict[str, Any]:
    return node({ADMISSION_KEY: "true", "zone": "a"}, {"note": "x"}, taints)


def begin(raw: Any, effect: str = "NoSchedule") -> dict[str, Any]:
    return begun(raw, ADMISSION_KEY, "not_ready", "felix is not live", effect)


def merged(raw: Any, body: Any) -> Any:
    """As the API server does it."""
    if not isinstance(body, dict):
        return body
    after = dict(raw or {})
    for key, value in body.items():
        if value is None:
            after.pop(key, None)
        else:
            after[key] = merged(after.get(key), value)
    return after


def test_the_label_goes_the_reason_comes_and_the_node_is_closed_by_one_patch() -> None:
    assert begin(admitted([FOREIGN])) == {
        "metadata": {
            "uid": "u",
            "resourceVersion": "7",
            "labels": {ADMISSION_KEY: None, KEY: "not_ready"},
            "annotations": {REASON: "felix is not live"},
        },
        "spec": {"taints": [FOREIGN, OURS]},
    }


@pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute", "none"])
@pytest.mark.parametrize("taints", [None, [FOREIGN]])
def test_a_release_leaves_the_node_as_it_was_without_the_admission_label(effect: str, taints: Any) -> None:
    before = admitted(taints)
    during = merged(before, begin(before, effect))
    assert quarantine_reason(during["metadata"]["labels"], during["metadata"]["annotations"]) == "felix is not live"
    after = merged(during, ended(during))
    assert after["metadata"]["labels"] == {"zone": "a"}
    assert after["metadata"]["annotations"] == {"note": "x"}
    assert (after["spec"].get("taints") or None) == taints


def test_without_a_taint_the_list_of_taints_is_not_written() -> None:
    assert "spec" not in begin(admitted([FOREIGN]), "none")


def test_another_taint_of_a_former_quarantine_gives_way() -> None:
    former = {**OURS, "value": "open"}
    assert begin(admitted([former, FOREIGN]))["spec"]["taints"] == [OURS, FOREIGN]


def test_what_is_done_already_is_not_written_again() -> None:
    during = merged(admitted(), begin(admitted()))
    assert begin(during) == {}
    assert ended(admitted()) == {}


def test_a_node_whose_label_alone_says_so_is_in_quarantine_too() -> None:
    assert quarantine_reason({KEY: ""}, {}) == UNTOLD
    assert quarantine_reason({}, {REASON: "left over"}) is None
