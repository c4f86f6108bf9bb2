# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A precheck's settings come in one document; what is set by name wins, and is named as the source."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("ansible")

from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.precheck_options import asked_in, settled
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.options import DEFAULTS, OPTIONS
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_settings.settings import (
    CalicoObjects,
    calico_settings,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError

NONE = {name: option.get("default") for name, option in OPTIONS.items()}


def felix(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec}


DOCUMENT: Any = calico_settings(
    CalicoObjects(felix=[felix("default", wireguardEnabled=True, vxlanPort=8472), felix("node.w-1", vxlanPort=9)]),
    DEFAULTS,
)


def found(node: str | None = None, **options: Any) -> dict[str, tuple[Any, str]]:
    given = settled({**NONE, **options}, node)
    return {name: (given[name], given["sources"][name]) for name in DEFAULTS}


def test_without_anything_all_is_default() -> None:
    assert found() == {name: (value, "default") for name, value in DEFAULTS.items()}


def test_a_document_tells_value_and_source() -> None:
    assert found(settings=DOCUMENT)["wireguard"] == (True, "FelixConfiguration/default")
    assert found(settings=DOCUMENT)["vxlan_port"] == (8472, "FelixConfiguration/default")


def test_a_nodes_own_settings_count_on_that_node() -> None:
    assert found("w-1", settings=DOCUMENT)["vxlan_port"] == (9, "FelixConfiguration/node.w-1")
    assert found(settings=DOCUMENT, node_name="w-1")["vxlan_port"] == (9, "FelixConfiguration/node.w-1")
    assert found("w-2", settings=DOCUMENT)["vxlan_port"] == (8472, "FelixConfiguration/default")


def test_what_is_set_by_name_wins_and_is_the_source() -> None:
    overridden = found("w-1", settings=DOCUMENT, overrides={"vxlan_port": 1})
    assert overridden["vxlan_port"] == (1, "precheck_vxlan_port")
    assert found(settings=DOCUMENT, overrides={"vxlan_port": 1}, vxlan_port=2)["vxlan_port"] == (2, "option vxlan_port")


def test_the_old_options_alone_do_what_they_did() -> None:
    assert found(dataplane="bpf", mtu=0)["dataplane"] == ("bpf", "option dataplane")


def test_variables_from_the_command_line_are_texts_and_are_read() -> None:
    assert found(overrides={"wireguard": "true", "mtu": "1400"})["wireguard"] == (True, "precheck_wireguard")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"overrides": {"wireguard_prot": 1}}, "overrides: wireguard_prot: no such setting"),
        ({"settings": {"wire": 1}}, "settings: wire: no such setting"),
        ({"settings": {"dataplane": "ebpf"}}, "dataplane"),
        ({"settings": {**DOCUMENT, "notes": None}}, r"settings\.notes: a list .* belongs here, not null"),
    ],
)
def test_what_is_no_setting_is_refused(options: Any, told: str) -> None:
    with pytest.raises(RolloutError, match=told):
        found(**options)


def test_a_kept_result_counts_for_the_settings_and_not_for_where_they_were_read() -> None:
    other = {**DOCUMENT, "sources": {}, "notes": ["read anew"]}
    assert asked_in({"settings": DOCUMENT, "overrides": {}}) == asked_in({"settings": other, "overrides": {}})
    assert asked_in({"settings": DOCUMENT, "overrides": {}}) != asked_in(
        {"settings": {**DOCUMENT, "nodes": {}}, "overrides": {}}
    )
