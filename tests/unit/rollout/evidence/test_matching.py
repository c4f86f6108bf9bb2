# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.matching import match_hosts
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble

from tests.unit.rollout.builders import UNREACHABLE, address, answer, facts, machine_id

NODES = [facts("edge-1"), facts("edge-2", system_uuid="aaaa-bbbb"), facts("edge-3", internal_ips=["fd00:0::3"])]
NOTHING = {"machine_id": None, "system_uuid": None, "addresses": []}


def test_a_machine_id_tells_the_node() -> None:
    assert match_hosts(NODES, assemble({"h": answer("edge-1", addresses=[])})).hosts == {"edge-1": "h"}


def test_a_system_uuid_tells_the_node_in_any_case() -> None:
    report = assemble({"h": answer(None, **{**NOTHING, "system_uuid": "AAAA-BBBB"})})
    assert match_hosts(NODES, report).hosts == {"edge-2": "h"}


def test_an_address_tells_the_node_in_any_spelling() -> None:
    report = assemble({"h": answer(None, **{**NOTHING, "addresses": ["192.0.2.1", "FD00::3"]})})
    assert match_hosts(NODES, report).hosts == {"edge-3": "h"}


def test_a_similar_name_tells_nothing() -> None:
    assert match_hosts(NODES, assemble({"edge-1": answer(None, hostname="edge-1", fqdn="edge-1")})).hosts == {}


def test_a_boot_id_tells_nothing() -> None:
    assert match_hosts([facts("edge-1", boot_id="b")], assemble({"h": answer(None, boot_id="b")})).hosts == {}


def test_an_explicit_node_name_decides_without_evidence() -> None:
    report = assemble({"h": answer(None, node_name="edge-2"), "dark": UNREACHABLE}, {"dark": "edge-3"})
    assert match_hosts(NODES, report).hosts == {"edge-2": "h", "edge-3": "dark"}


def test_an_explicit_node_name_that_no_node_has_matches_nothing() -> None:
    assert match_hosts(NODES, assemble({"h": answer("edge-1", node_name="edge-9")})).hosts == {}


def test_an_explicit_node_name_against_the_evidence_is_an_error_that_names_both() -> None:
    with pytest.raises(
        RolloutError, match=r"Host h has node_name edge-2, but its machine-id .* is that of Node edge-1"
    ):
        match_hosts(NODES, assemble({"h": answer("edge-1", node_name="edge-2")}))


def test_evidence_for_two_nodes_is_an_error_that_names_both() -> None:
    with pytest.raises(
        RolloutError, match=r"machine-id \w+ is that of Node edge-1, its address .* is that of Node edge-2"
    ):
        match_hosts(NODES, assemble({"h": answer("edge-1", addresses=[address("edge-2")])}))


def test_a_cloned_machine_id_is_an_error_that_advises_node_name() -> None:
    nodes = [facts("edge-1"), facts("edge-2", machine_id=machine_id("edge-1"))]
    with pytest.raises(RolloutError, match=r"Node edge-1 and Node edge-2.*Set node_name"):
        match_hosts(nodes, assemble({"h": answer("edge-1")}))


def test_a_cloned_machine_id_is_settled_by_node_name() -> None:
    nodes = [facts("edge-1"), facts("edge-2", machine_id=machine_id("edge-1"))]
    assert match_hosts(nodes, assemble({"h": answer("edge-1", node_name="edge-2", addresses=[])})).hosts == {
        "edge-2": "h"
    }


def test_a_node_that_two_hosts_are_taken_for_is_contested() -> None:
    matches = match_hosts(NODES, assemble({"b": answer("edge-1"), "a": answer(None, node_name="edge-1")}))
    assert (matches.hosts["edge-1"], matches.contested) == ("a", {"edge-1": ["a", "b"]})


@pytest.mark.parametrize(
    "placeholder",
    [
        "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "03000200-0400-0500-0006-000700080009",
    ],
)
def test_a_uuid_that_firmware_shares_tells_nothing(placeholder: str) -> None:
    nodes = [facts("edge-1", system_uuid=placeholder.lower()), facts("edge-2", system_uuid=placeholder.lower())]
    assert match_hosts(nodes, assemble({"h": answer("edge-1", system_uuid=placeholder)})).hosts == {"edge-1": "h"}


def test_an_image_without_a_machine_id_of_its_own_tells_nothing() -> None:
    nodes = [facts("edge-1", machine_id="uninitialized")]
    assert match_hosts(nodes, assemble({"h": answer(None, **{**NOTHING, "machine_id": "uninitialized"})})).hosts == {}


def test_an_address_that_several_hosts_have_speaks_for_none_of_them() -> None:
    """Machines behind NAT: each has 10.0.2.15, and each kubelet reports it."""
    nodes = [facts(name, internal_ips=["10.0.2.15"]) for name in ("edge-1", "edge-2")]
    hosts = {name: answer(name, addresses=["10.0.2.15"]) for name in ("edge-1", "edge-2")}
    assert match_hosts(nodes, assemble(hosts)).hosts == {"edge-1": "edge-1", "edge-2": "edge-2"}
    alone = {"edge-1": answer("edge-1", addresses=["10.0.2.15"])}
    with pytest.raises(RolloutError, match="cannot be told from several Nodes"):
        match_hosts(nodes, assemble(alone))
