# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each row of the catalogue with a host that has its fault; the host that has none is the one they all are made from."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.judge import verdict
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.catalogue import CATALOGUE
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.declaration import Want

from tests.unit.precheck.builders import judged, judgement, status
from tests.unit.precheck.faults import FAULTS, VXLAN, left, sysctl, with_link
from tests.unit.precheck.kernels import WANTS, RawFacts, answering, healthy, knowing


@pytest.mark.parametrize(
    ("check", "facts", "settings", "expected"),
    FAULTS,
    ids=[f"{check}-{expected}-{number}" for number, (check, _facts, _settings, expected) in enumerate(FAULTS)],
)
def test_a_host_with_the_fault_is_told_from_one_without(
    check: str, facts: RawFacts, settings: dict[str, Any], expected: str
) -> None:
    found = judgement(check, facts, **settings)
    assert (found.status, found.message) == (expected, found.message)
    assert found.remedy or found.status in ("ok", "not_applicable")


@pytest.mark.parametrize("want", WANTS, ids=lambda want: f"{want.dataplane}-{want.encapsulation}")
def test_a_healthy_host_has_no_finding_whatever_is_asked_for(want: Want) -> None:
    found = judged(healthy(), **want._asdict())
    assert [(check.id, one.message) for check, one in found if one.status not in ("ok", "not_applicable")] == []
    assert verdict(found) == "pass"


def test_every_check_has_a_host_on_which_it_is_not_ok() -> None:
    """Here, or beside the checks that are older than this list."""
    elsewhere = {
        *("ipset_functional", "module_package_missing", "node_ip_autodetect", "firewalld_active", "vxlan_link_create"),
        *("vxlan_nic_offload", "bgp_port_free", "node_name_unique", "networkmanager_unmanaged", "ipt_backend_conflict"),
        *("cni_conflist_foreign", "modules_in_container_loadable", "bpf_supported", "mtu_consistency"),
        *("cloud_blocks_ipip", "ipip_link_create", "xt_match_set", "xt_required_extensions", "ip6_rpfilter_and_tables"),
        *("ipset_foreign_revision", "nft_functional", "nft_kernel_version", "kube_proxy_mode_match", "kernel_min"),
        *("legacy_iptables_absent", "wireguard_link_create", "bpffs_mounted", "cgroup2_available"),
        *("immutable_os_cgroup_path", "cni_bin_dir_writable", "stale_nodename_file", "conntrack_netlink"),
        *("rp_filter_mode", "bridge_nf_call", "raspi_extra_modules"),
    }
    here = {check for check, _facts, _settings, expected in FAULTS if expected in ("warn", "fail", "skipped")}
    assert {check.id for check in CATALOGUE} - here - elsewhere == set()


def test_a_strict_reverse_path_filter_matters_where_answers_leave_by_another_link_only() -> None:
    """A second uplink in a network of its own is answered by the way it came, strict or not."""
    strict = sysctl(net__ipv4__conf__all__rp_filter="1")
    assert status("rp_filter_mode", strict) == "ok"
    two = with_link("eth1", address="10.1.0.5")
    both = knowing(two, sysctls=strict["sysctls"]["value"])
    assert status("rp_filter_mode", both) == "warn"
    assert status("rp_filter_mode", both, ip_autodetection="interface=eth0") == "ok"
    of_the_link = knowing(two, sysctls={**two["sysctls"]["value"], "net/ipv4/conf/eth1/rp_filter": "1"})
    assert status("rp_filter_mode", of_the_link) == "warn"
    loose = knowing(two, sysctls={**strict["sysctls"]["value"], "net.ipv4.conf.all.rp_filter": "2"})
    assert status("rp_filter_mode", loose) == "ok"


def test_bridged_pods_of_another_plugin_beside_kube_proxy_need_its_rules() -> None:
    facts = knowing(with_link("cni0", "bridge"), sysctls=sysctl(net__bridge__x="0")["sysctls"]["value"])
    facts["sysctls"]["value"]["net.bridge.bridge-nf-call-iptables"] = "0"
    assert status("bridge_nf_call", facts) == "ok"
    assert status("bridge_nf_call", facts | {"host.nft": left("kube-proxy")["host.nft"]}) == "warn"


def test_a_pi_without_the_extra_package_is_told_it_and_a_newer_one_needs_none() -> None:
    pi = knowing(
        answering(healthy(), "link.vxlan", errno=errno.EOPNOTSUPP),
        platform={
            "sys_vendor": None,
            "product_name": None,
            "chassis_asset_tag": None,
            "model": "Raspberry Pi 4 Model B",
        },
        os_release={"ID": "ubuntu"},
        kernel_release="5.15.0-1061-raspi",
    )
    assert status("raspi_extra_modules", pi, **VXLAN) == "fail"
    assert status("raspi_extra_modules", knowing(pi, kernel_release="6.8.0-1004-raspi"), **VXLAN) == "ok"
    assert status("raspi_extra_modules", knowing(pi, os_release={"ID": "debian"}), **VXLAN) == "ok"


def test_a_missing_capability_is_named_and_is_no_failure() -> None:
    found = judgement("capabilities_root", knowing(healthy(), capabilities=["CAP_NET_ADMIN", "CAP_NET_RAW"]))
    assert (found.status, found.message) == ("skipped", "needs become (CAP_SYS_ADMIN)")
