# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hinders several checks is declared by them, and told once."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck import judge
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host import supervise
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.no_evidence import NoEvidence

from tests.unit.precheck.builders import judged
from tests.unit.precheck.kernels import (
    RawFacts,
    answering,
    healthy,
    netfilter_refused_by_seccomp,
    rhel10_without_extra_modules,
    unprivileged,
    want,
    with_modules,
)

NETLINK = "netfilter_netlink"


def causes(facts: RawFacts, **settings: Any) -> dict[str, str | None]:
    """The cause of each check that found fault, or could not judge."""
    found = judged(facts, **settings)
    return {one.id: made.cause for one, made in found if made.status in ("warn", "fail", "skipped")}


def complaints(facts: RawFacts, **settings: Any) -> list[str]:
    return judge.complaints(judged(facts, **settings), "fail")


@pytest.mark.parametrize(
    ("settings", "hindered"),
    [
        ({}, {"ipset_functional", "xt_match_set", "xt_required_extensions", "nft_functional", "conntrack_netlink"}),
        ({"dataplane": "bpf"}, {"ipset_functional", "xt_required_extensions"}),
        (
            {"dataplane": "nftables", "flow_offload": True, "flow_logs": True},
            {"ipset_functional", "nft_functional", "conntrack_netlink", "cri_nft_flowtable", "nflog_target"},
        ),
    ],
)
def test_whatever_stands_on_netfilter_netlink_has_one_cause(settings: dict[str, Any], hindered: set[str]) -> None:
    assert causes(netfilter_refused_by_seccomp(), **settings) == dict.fromkeys(hindered, NETLINK)


def test_how_grave_the_one_cause_is_each_check_decides() -> None:
    found = {one.id: made.status for one, made in judged(netfilter_refused_by_seccomp()) if made.cause == NETLINK}
    assert (found["ipset_functional"], found["nft_functional"]) == ("fail", "warn")
    in_nftables = judged(netfilter_refused_by_seccomp(), dataplane="nftables")
    assert {one.id: made.status for one, made in in_nftables if made.cause}["nft_functional"] == "fail"


def test_the_module_says_one_cause_in_one_sentence() -> None:
    (sentence,) = complaints(netfilter_refused_by_seccomp())
    assert sentence.startswith(
        "ipset_functional (and with it xt_match_set, xt_required_extensions, conntrack_netlink): the kernel refuses"
    )
    assert sentence.count("the kernel refuses netfilter netlink") == 1


def test_what_a_missing_module_hinders_is_told_by_the_check_that_names_the_module() -> None:
    found = causes(rhel10_without_extra_modules())
    assert found == {
        "ipset_functional": "module_package_missing",
        "module_package_missing": None,
        "xt_match_set": "module_package_missing",
    }
    (sentence,) = complaints(rhel10_without_extra_modules())
    assert sentence.startswith(
        "module_package_missing (and with it ipset_functional, xt_match_set): modules are not installed"
    )


def test_a_blocked_module_is_told_by_the_check_that_names_the_file() -> None:
    facts = with_modules(healthy(), "blocked", "xt_set", blocked={"xt_set": "/etc/modprobe.d/cis.conf"})
    facts |= {probe: {"unexercised": ["xt_set"]} for probe in facts if probe.startswith(("legacy.set", "compat.set"))}
    assert causes(facts) == {"module_blacklist": None, "xt_match_set": "module_blacklist"}


def test_a_refusal_with_another_cause_stays_a_finding_of_its_own() -> None:
    """The module is there; what the kernel refuses is something else."""
    facts = answering(rhel10_without_extra_modules(), "link.veth", errno=errno.EPROTO, text="create veth")
    assert causes(facts)["veth_create"] is None
    broken = answering(healthy(), "ipset.hash:net.inet", errno=errno.ENOMEM, text="create hash:net")
    assert causes(broken) == {"ipset_functional": None}
    assert len(complaints(facts)) == 2


def test_a_module_that_no_check_complains_of_is_no_cause() -> None:
    """A kernel without modules has no package that could be missing."""
    facts = with_modules(rhel10_without_extra_modules(), "absent", loadable=False)
    assert causes(facts) == {"ipset_functional": None, "xt_match_set": None}


def test_a_check_that_was_left_out_tells_of_nothing() -> None:
    facts = judge.Facts(rhel10_without_extra_modules())
    found = judge.judge(facts, want(), ["ipset_functional", "xt_match_set"])
    assert {one.id: made.cause for one, made in found if made.status == "fail"} == {
        "ipset_functional": None,
        "xt_match_set": None,
    }


def test_whoever_is_not_root_learns_it_once() -> None:
    found = causes(unprivileged())
    assert len(found) > 10
    assert set(found.values()) == {"capabilities_root"}
    (sentence,) = complaints(unprivileged())
    assert "needs become" in sentence


def test_a_fact_that_is_lost_is_the_cause_of_all_that_rest_on_it() -> None:
    facts = healthy() | {"links": {"lost": "no answer within 5 s", "remedy": "look"}}
    found = causes(facts)
    assert len(found) > 3
    assert set(found.values()) == {"links"}


def test_the_host_names_what_took_several_answers_away() -> None:
    def ask() -> None:
        raise NoEvidence("there is no /proc here", "run it on the host", cause="/proc")

    fact = supervise.attempt(ask)
    assert fact == {"lost": "there is no /proc here", "remedy": "run it on the host", "cause": "/proc"}
    found = causes(healthy() | {"mounts": fact, "machine": fact})
    assert set(found.values()) == {"/proc"}


def test_what_no_time_was_left_for_has_one_cause() -> None:
    facts = supervise.ask_all(lambda known: [(name, list) for name in "ab" if name not in known], 1.0, 0.0)
    assert {fact["cause"] for fact in facts.values()} == {"deadline"}
