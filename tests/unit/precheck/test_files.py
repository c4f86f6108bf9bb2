# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What files say about a host is read as their owners mean it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.supervise import attempt
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps import files

from tests.unit.precheck.trees import RELEASE, tree

ZONE = '<?xml version="1.0"?>\n<zone{target}>\n  <short>x</short>\n{inner}\n</zone>\n'


def fact(name: str, base: Path, contents: dict[str, str]) -> Any:
    asked = dict(files.questions(tree(base, contents), RELEASE, "/etc/cni/net.d", ["/opt/cni/bin"]))
    return asked[name]()


def test_os_release_is_read_without_its_quotes(tmp_path: Path) -> None:
    text = 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="10.0"\n'
    assert fact("os_release", tmp_path, {"/etc/os-release": text}) == {
        "ID": "rocky",
        "ID_LIKE": "rhel centos fedora",
        "VERSION_ID": "10.0",
    }


def test_the_full_name_comes_from_the_hosts_own_files(tmp_path: Path) -> None:
    root = tree(tmp_path, {"/etc/hosts": "127.0.0.1 localhost\n10.0.0.5 node-1.example.org node-1 # me\n"})
    assert files.fqdn(root, "node-1") == "node-1.example.org"
    assert files.fqdn(root, "node-2") == "node-2"
    assert files.fqdn(root, "node-3.example.org") == "node-3.example.org"


def test_the_system_uuid_is_lower_case(tmp_path: Path) -> None:
    assert fact("system_uuid", tmp_path, {"/sys/class/dmi/id/product_uuid": "4C4C4544-AB\n"}) == "4c4c4544-ab"


def test_a_board_without_dmi_has_its_uuid_in_the_device_tree(tmp_path: Path) -> None:
    assert fact("system_uuid", tmp_path, {"/proc/device-tree/vm,uuid": "ABCD\0"}) == "abcd"


def test_without_either_the_machine_id_stands_for_it_as_it_does_for_the_kubelet(tmp_path: Path) -> None:
    assert fact("system_uuid", tmp_path, {"/etc/machine-id": "0123\n"}) == "0123"


def test_identity_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert [fact(name, tmp_path, {}) for name in ("machine_id", "system_uuid", "boot_id", "nodename_file")] == [
        None
    ] * 4


def test_a_file_that_may_not_be_read_is_no_missing_file(tmp_path: Path) -> None:
    root = tree(tmp_path, {"/etc/machine-id": "0123\n"})

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.open", lambda path, **_how: refuse(path))
        assert attempt(lambda: root.line("/etc/machine-id")) == {"errno": 13, "text": "/etc/machine-id"}


@pytest.mark.parametrize("sign", ["/run/systemd/units/invocation:firewalld.service", "/run/firewalld.pid"])
def test_a_running_firewalld_is_seen(tmp_path: Path, sign: str) -> None:
    assert fact("firewalld_active", tmp_path, {sign: ""}) is True


def test_a_dangling_link_of_systemd_is_a_sign_too(tmp_path: Path) -> None:
    units = tmp_path / "run/systemd/units"
    units.mkdir(parents=True)
    os.symlink("3f0c1d", units / "invocation:firewalld.service")
    assert fact("firewalld_active", tmp_path, {}) is True


def test_an_installed_firewalld_that_does_not_run_is_not_active(tmp_path: Path) -> None:
    assert fact("firewalld_active", tmp_path, {"/usr/lib/systemd/system/firewalld.service": ""}) is False


def test_only_zones_that_accept_everything_are_trusted(tmp_path: Path) -> None:
    trusted = ZONE.format(target=' target="ACCEPT"', inner='<interface name="cali+"/><source address="10.244.0.0/16"/>')
    public = ZONE.format(target="", inner='<interface name="eth0"/>')
    found = fact(
        "firewalld_trusted",
        tmp_path,
        {"/etc/firewalld/zones/trusted.xml": trusted, "/etc/firewalld/zones/public.xml": public},
    )
    assert found == {"default": False, "interfaces": ["cali+"], "sources": ["10.244.0.0/16"]}


@pytest.mark.parametrize(("zone", "trusted"), [("trusted", True), ("public", False), ("gone", False)])
def test_a_default_zone_that_accepts_everything_trusts_pods_links_too(tmp_path: Path, zone: str, trusted: bool) -> None:
    contents = {
        "/usr/lib/firewalld/zones/trusted.xml": ZONE.format(target=' target="ACCEPT"', inner=""),
        "/usr/lib/firewalld/zones/public.xml": ZONE.format(target="", inner=""),
        "/etc/firewalld/firewalld.conf": f"# DefaultZone=trusted\nDefaultZone={zone}\n",
    }
    assert fact("firewalld_trusted", tmp_path, contents)["default"] is trusted


def test_the_administrators_zone_replaces_the_distributions(tmp_path: Path) -> None:
    default = ZONE.format(target=' target="ACCEPT"', inner='<source address="10.0.0.0/8"/>')
    own = ZONE.format(target=' target="ACCEPT"', inner="")
    contents = {"/usr/lib/firewalld/zones/trusted.xml": default, "/etc/firewalld/zones/trusted.xml": own}
    assert fact("firewalld_trusted", tmp_path, contents)["sources"] == []


def test_cni_files_are_listed_in_the_runtimes_order_with_their_plugins(tmp_path: Path) -> None:
    contents = {
        "/etc/cni/net.d/10-calico.conflist": '{"plugins": [{"type": "calico"}, {"type": "portmap"}]}',
        "/etc/cni/net.d/05-other.conf": '{"type": "bridge"}',
        "/etc/cni/net.d/99-broken.json": "{",
        "/etc/cni/net.d/calico-kubeconfig": "not a configuration",
    }
    assert fact("cni_configuration", tmp_path, contents) == [
        {"file": "05-other.conf", "types": ["bridge"]},
        {"file": "10-calico.conflist", "types": ["calico", "portmap"]},
        {"file": "99-broken.json", "types": None},
    ]


@pytest.mark.parametrize("text", ["[]", '"calico"', '{"plugins": 3}', '{"plugins": ["calico"]}'])
def test_json_of_another_shape_is_a_file_that_cannot_be_parsed(tmp_path: Path, text: str) -> None:
    assert fact("cni_configuration", tmp_path, {"/etc/cni/net.d/x.conf": text})[0]["types"] is None


def test_a_directory_that_is_not_there_yet_is_judged_by_its_nearest_parent(tmp_path: Path) -> None:
    (tmp_path / "opt").mkdir()
    assert fact("file_systems", tmp_path, {})["/opt/cni/bin"]["path"] == "/opt"


def test_a_mounted_bpf_file_system_is_seen(tmp_path: Path) -> None:
    (tmp_path / "sys/fs/bpf").mkdir(parents=True)
    contents = {"/proc/mounts": "bpf /sys/fs/bpf bpf rw 0 0\n", "/proc/filesystems": "nodev\tsysfs\nnodev\tbpf\n"}
    assert fact("bpffs", tmp_path, contents) == {"directory": True, "supported": True, "mounted": True}


def test_a_bpf_file_system_elsewhere_does_not_count(tmp_path: Path) -> None:
    found = fact("bpffs", tmp_path, {"/proc/mounts": "bpf /run/other bpf rw 0 0\n"})
    assert found == {"directory": False, "supported": False, "mounted": False}
