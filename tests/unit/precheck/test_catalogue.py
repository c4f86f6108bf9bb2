# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue, the module's manual and the page about it say the same."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.checks.modules import NEEDS
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes.catalogue import find
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.catalogue import CATALOGUE, ELSEWHERE
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.declaration import Check, Want
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.upstream.mirrored import MIRRORED, Mirrored
from ansible_collections.calico_ops.rollout.plugins.modules import host_precheck

from tests.environment.places import CHECKOUT
from tests.unit.precheck.catalogue_page import PAGE, page
from tests.unit.precheck.kernels import every_probe, want
from tests.unit.precheck.proofs import in_fixtures, in_the_lab, worst

MANUAL = yaml.safe_load(host_precheck.DOCUMENTATION)
ROWS = set(range(1, 111))
"""Of the catalogue that the project began with; checks that came later have ranks above."""
MAY_BE_DECIDED_ELSEWHERE = 8


def test_the_page_is_what_the_declarations_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_no_host_was_found_worse_than_the_page_says_that_a_check_can() -> None:
    worse = {check.id for check in CATALOGUE if worst(check) == "fail"}
    found = {check for check, hosts in in_the_lab().items() if "fail" in hosts.values()}
    found |= {check for check, verdicts in in_fixtures().items() if "fail" in verdicts}
    assert found - worse == set()


def test_a_check_that_only_warns_is_told_from_one_that_fails() -> None:
    by_id = {check.id: worst(check) for check in CATALOGUE}
    assert (by_id["ipset_functional"], by_id["node_name_unique"], by_id["memory_cpu"]) == ("fail", "warn", "warn")


def test_the_manual_names_every_check_in_order() -> None:
    assert MANUAL["options"]["checks"]["choices"] == [check.id for check in CATALOGUE]


def test_the_manual_has_every_setting() -> None:
    assert set(Want._fields) <= set(MANUAL["options"])


def test_ranks_are_unique_and_ascending() -> None:
    ranks = [check.rank for check in CATALOGUE]
    assert ranks == sorted(set(ranks))


def test_every_row_is_a_check_or_says_who_decides_it() -> None:
    checks, elsewhere = {check.rank for check in CATALOGUE}, {row.rank for row in ELSEWHERE}
    assert checks | elsewhere >= ROWS
    assert checks & elsewhere == set()
    assert len(ELSEWHERE) <= MAY_BE_DECIDED_ELSEWHERE
    assert [row for row in ELSEWHERE if not (row.decided_by and row.source)] == []


@pytest.mark.parametrize("check", CATALOGUE, ids=lambda check: check.id)
def test_a_check_says_what_it_finds_out_and_where_from(check: Check) -> None:
    assert check.promise.endswith(".")
    assert check.source


@pytest.mark.parametrize(
    ("probe", "requests"),
    [
        ("netfilter.socket", {"net-pf-16-proto-12"}),
        ("ipset.protocol", {"net-pf-16-proto-12", "nfnetlink-subsys-6"}),
        ("ipset.hash:net.inet", {"net-pf-16-proto-12", "nfnetlink-subsys-6", "ip_set_hash:net"}),
        ("compat.set.inet", {"net-pf-16-proto-12", "nfnetlink-subsys-11", "ipt_set"}),
        ("compat.set.inet6", {"net-pf-16-proto-12", "nfnetlink-subsys-11", "ip6t_set"}),
        ("legacy.set.inet", {"ip_tables", "ipt_set"}),
        ("legacy.MASQUERADE.inet6", {"ip6_tables", "ip6t_MASQUERADE"}),
        ("link.ipip", {"rtnl-link-ipip"}),
        ("nft.generation", {"net-pf-16-proto-12", "nfnetlink-subsys-10"}),
        ("conntrack.statistics", {"net-pf-16-proto-12", "nfnetlink-subsys-1"}),
    ],
)
def test_a_probe_says_what_the_kernel_would_be_made_to_load(probe: str, requests: set[str]) -> None:
    assert set(find(probe).requests) == requests


def test_an_expression_of_nftables_is_looked_for_under_both_its_names() -> None:
    assert {"nft-expr-2-fib", "nft-expr-fib", "nft-chain-2-filter"} <= set(find("nft.fib").requests)


def test_every_probe_says_what_it_asks_for() -> None:
    # bpf(2) loads nothing; tables of iptables-legacy are read only where they are.
    nothing = [probe for probe in every_probe() if not find(probe).requests]
    assert [probe for probe in nothing if not probe.startswith("bpf.")] == ["host.legacy", "netlink.strict"]


def test_no_probe_makes_a_link_whose_module_leaves_one_on_the_host() -> None:
    assert {probe for probe in every_probe() if probe.startswith("link.")} == {
        "link.ipip",
        "link.veth",
        "link.vxlan",
        "link.wireguard",
    }


def test_what_proves_a_module_is_asked_whenever_the_module_is_needed() -> None:
    modules = next(check for check in CATALOGUE if check.id == "module_package_missing")
    for dataplane in ("iptables", "nftables", "bpf"):
        wanted = want(dataplane=dataplane, wireguard=True)
        asked = set(modules.probes(wanted))
        assert all(set(need.proof) <= asked for need in NEEDS if need.when.holds(wanted))


@pytest.mark.parametrize("row", MIRRORED, ids=lambda row: row.decision)
def test_a_mirrored_decision_names_checks_and_functions_that_are_there(row: Mirrored) -> None:
    assert set(row.checks) <= {check.id for check in CATALOGUE}
    for place in row.here.split("; "):
        file, _space, names = place.partition(" ")
        text = (CHECKOUT / "plugins" / "module_utils" / "_precheck" / file).read_text(encoding="utf-8")
        assert [
            name for name in names.split(", ") if not re.search(rf"^(def {name}\(|{name}\b.* = )", text, re.M)
        ] == []
