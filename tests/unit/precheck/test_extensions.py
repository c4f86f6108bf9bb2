# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules are made of: either backend of iptables will do, nf_tables must have all, each data plane asks for its own."""

from __future__ import annotations

import errno

import pytest

from tests.unit.precheck.builders import judgement, status
from tests.unit.precheck.kernels import answering, healthy, knowing


def test_either_backend_of_iptables_will_do() -> None:
    facts = answering(healthy(), "compat.", errno=errno.EINVAL, text="")
    assert status("xt_required_extensions", facts) == "ok"
    facts = answering(facts, "legacy.", errno=errno.ENOPROTOOPT, text="")
    assert status("xt_required_extensions", facts) == "fail"


def test_a_missing_extension_is_named() -> None:
    facts = healthy()
    for way in ("compat", "legacy"):
        facts = answering(facts, f"{way}.rpfilter.inet", errno=errno.ENOENT, text="match rpfilter")
    assert judgement("xt_required_extensions", facts).message == "the kernel lacks what iptables needs for rpfilter"


def test_bpf_asks_iptables_for_little() -> None:
    facts = answering(answering(healthy(), "compat.NFLOG", errno=errno.ENOENT), "legacy.NFLOG", errno=errno.ENOENT)
    assert status("xt_required_extensions", facts, dataplane="bpf") == "ok"
    assert status("xt_required_extensions", answering(facts, "compat.CT", errno=errno.ENOENT)) == "ok"
    without = answering(answering(facts, "compat.CT", errno=errno.ENOENT), "legacy.CT", errno=errno.ENOENT)
    assert status("xt_required_extensions", without) == "fail"
    assert status("xt_required_extensions", without, dataplane="bpf") == "ok"


@pytest.mark.parametrize("dataplane", ["iptables", "nftables"])
def test_logging_to_felix_is_asked_for_where_there_are_flow_logs_only(dataplane: str) -> None:
    facts = healthy()
    for probe in ("compat.NFLOG", "legacy.NFLOG", "nft.nflog"):
        facts = answering(facts, probe, errno=errno.ENOENT)
    told = {"dataplane": dataplane, "flow_logs": True}
    assert status("nflog_target", facts, **told) == "fail"
    assert status("nflog_target", healthy(), **told) == "ok"
    assert status("nflog_target", facts, dataplane=dataplane) == "not_applicable"
    assert status("nflog_target", facts, **told, calico_version="3.29") == "not_applicable"
    assert status("xt_required_extensions", facts, dataplane="iptables") == "ok"


def test_ipv6_that_is_off_fails_where_there_will_be_an_ipv6_pool() -> None:
    facts = knowing(healthy(), ipv6=False)
    assert status("ip6_rpfilter_and_tables", facts) == "not_applicable"
    assert status("ip6_rpfilter_and_tables", facts, ipv6=True) == "fail"


def test_an_ip6tables_extension_that_is_missing_fails() -> None:
    facts = answering(
        answering(healthy(), "compat.icmp6.inet6", errno=errno.ENOENT), "legacy.icmp6.inet6", errno=errno.ENOENT
    )
    assert status("ip6_rpfilter_and_tables", facts, ipv6=True) == "fail"


@pytest.mark.parametrize(("probe", "text"), [("generation", "no nf_tables"), ("fib", "lacks fib")])
def test_nftables_fails_for_what_it_lacks_and_iptables_is_warned(probe: str, text: str) -> None:
    facts = answering(healthy(), f"nft.{probe}", errno=errno.EINVAL, text=probe)
    assert text in judgement("nft_functional", facts, dataplane="nftables").message
    assert status("nft_functional", facts, dataplane="nftables") == "fail"
    assert status("nft_functional", facts) == "warn"


def test_a_connection_tracker_without_netlink_fails() -> None:
    facts = answering(healthy(), "conntrack.", errno=errno.EINVAL, text="statistics")
    assert status("conntrack_netlink", facts) == "fail"
