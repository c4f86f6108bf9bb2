# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports, firewall, names, CNI configuration and file systems are judged."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from tests.unit.precheck.builders import judgement, status
from tests.unit.precheck.kernels import healthy, knowing

MIB = 1024 * 1024


def cni(*files: tuple[str, list[str] | None]) -> dict[str, Any]:
    return knowing(healthy(), cni_configuration=[{"file": name, "types": types} for name, types in files])


def disk(path: str, **found: Any) -> dict[str, Any]:
    known = healthy()["file_systems"]["value"]
    return knowing(healthy(), file_systems={**known, path: {**known[path], **found}})


def listening(program: str | None, euid: int = 0) -> dict[str, Any]:
    return knowing(healthy(), listeners={"tcp/179": [{"address": "0.0.0.0", "program": program}]}, euid=euid)


def test_bird_may_have_its_own_port() -> None:
    assert status("bgp_port_free", listening("bird")) == "ok"


def test_another_bgp_daemon_fails_and_is_named() -> None:
    found = judgement("bgp_port_free", listening("bgpd"))
    assert (found.status, found.message) == ("fail", "bgpd listens on TCP port 179")


def test_a_listener_that_root_cannot_name_is_not_bird() -> None:
    assert status("bgp_port_free", listening(None)) == "fail"


def test_without_root_a_listener_is_neither_good_nor_bad() -> None:
    found = judgement("bgp_port_free", listening(None, euid=1000))
    assert (found.status, found.evidence) == ("skipped", False)


def test_without_bgp_the_port_is_nobodys_business() -> None:
    assert status("bgp_port_free", listening("bgpd"), bgp=False) == "not_applicable"


def test_firewalld_that_trusts_nothing_of_pods_fails() -> None:
    facts = knowing(healthy(), firewalld_active=True)
    assert status("firewalld_active", facts) == "fail"


@pytest.mark.parametrize(
    "trusted",
    [
        {"default": False, "interfaces": ["cali+"], "sources": []},
        {"default": False, "interfaces": [], "sources": ["192.168.0.0/16"]},
        {"default": True, "interfaces": [], "sources": []},
    ],
)
def test_firewalld_that_trusts_pods_only_warns(trusted: dict[str, Any]) -> None:
    assert status("firewalld_active", knowing(healthy(), firewalld_active=True, firewalld_trusted=trusted)) == "warn"


def test_an_interface_of_somebody_else_in_the_trusted_zone_does_not_help() -> None:
    trusted = {"default": False, "interfaces": ["docker0"], "sources": []}
    assert status("firewalld_active", knowing(healthy(), firewalld_active=True, firewalld_trusted=trusted)) == "fail"


def test_zones_that_only_root_may_read_leave_firewalld_unjudged() -> None:
    facts = knowing(healthy(), firewalld_active=True)
    facts["firewalld_trusted"] = {"errno": errno.EACCES, "text": "/etc/firewalld/zones"}
    found = judgement("firewalld_active", facts)
    assert (found.status, found.evidence) == ("skipped", False)
    assert "needs become" in found.message


def test_another_plugins_file_before_calicos_fails() -> None:
    found = judgement("cni_conflist_foreign", cni(("05-cilium.conflist", ["cilium-cni"])))
    assert found.status == "fail"
    assert found.observed == "05-cilium.conflist (cilium-cni)"


def test_another_plugins_file_after_calicos_warns() -> None:
    facts = cni(("10-calico.conflist", ["calico", "portmap"]), ("87-podman-bridge.conflist", ["bridge"]))
    assert status("cni_conflist_foreign", facts) == "warn"


def test_a_cloud_plugin_that_leaves_policy_to_calico_warns() -> None:
    assert status("cni_conflist_foreign", cni(("10-aws.conflist", ["aws-cni", "portmap"]))) == "warn"


def test_a_file_that_cannot_be_parsed_counts_as_foreign() -> None:
    assert status("cni_conflist_foreign", cni(("00-broken.conf", None))) == "fail"


def test_calicos_own_file_is_well_under_any_name() -> None:
    assert status("cni_conflist_foreign", cni(("05-calico.conflist", ["calico"]))) == "ok"


def test_a_name_that_an_earlier_calico_left_and_that_is_another_hosts_fails() -> None:
    assert status("stale_nodename_file", knowing(healthy(), nodename_file="node-7")) == "fail"


@pytest.mark.parametrize("left", ["node-1", "node-1.example.org"])
def test_a_name_that_an_earlier_calico_left_and_that_is_this_hosts_is_well(left: str) -> None:
    assert status("stale_nodename_file", knowing(healthy(), nodename_file=left)) == "ok"


def test_a_node_name_that_is_stated_decides() -> None:
    facts = knowing(healthy(), nodename_file="edge-9")
    assert status("stale_nodename_file", facts, node_name="edge-9") == "ok"
    assert status("stale_nodename_file", knowing(healthy(), nodename_file="node-1"), node_name="edge-9") == "fail"


@pytest.mark.parametrize("hostname", ["Node_1", "edge_1", "-a"])
def test_a_hostname_that_no_node_can_have_is_warned_about(hostname: str) -> None:
    assert status("node_name_unique", knowing(healthy(), hostname=hostname, fqdn=hostname)) == "warn"


def test_a_hostname_in_capitals_is_written_small_by_the_kubelet() -> None:
    assert status("node_name_unique", knowing(healthy(), hostname="NODE-1", fqdn="NODE-1.example.org")) == "ok"


def bpffs(**found: bool) -> dict[str, Any]:
    return knowing(healthy(), bpffs={"directory": True, "supported": True, "mounted": True, **found})


def test_without_the_directory_calico_nodes_pod_cannot_start_in_any_data_plane() -> None:
    assert status("bpffs_mounted", bpffs(directory=False)) == "fail"


def test_a_kernel_without_bpf_fails_for_bpf_only() -> None:
    facts = bpffs(supported=False, mounted=False)
    assert (status("bpffs_mounted", facts), status("bpffs_mounted", facts, dataplane="bpf")) == ("ok", "fail")


def test_a_bpf_file_system_that_is_not_mounted_yet_is_bpfs_business() -> None:
    facts = bpffs(mounted=False)
    assert (status("bpffs_mounted", facts), status("bpffs_mounted", facts, dataplane="bpf")) == ("ok", "warn")


@pytest.mark.parametrize(
    ("found", "expected"),
    [({"read_only": True}, "fail"), ({"no_exec": True}, "fail"), ({"free": 100 * MIB}, "warn"), ({}, "ok")],
)
def test_the_directory_of_plugins_must_be_writable_executable_and_not_full(
    found: dict[str, Any], expected: str
) -> None:
    facts = disk("/opt/cni/bin", **{"free": 400 * MIB, **found})
    assert status("cni_bin_dir_writable", facts) == expected
