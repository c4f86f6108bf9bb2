# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an encapsulation needs of links, cards and clouds; most of it is missed in silence."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps import ethtool
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.upstream.mtu import host_mtu

from tests.unit.precheck.builders import judgement, status
from tests.unit.precheck.kernels import RawFacts, healthy, knowing, want


def links(*found: tuple[str, int]) -> RawFacts:
    known = [
        {"index": index, "name": name, "kind": None, "vxlan": None, "mtu": mtu, "mac": "", "up": True, "running": True}
        for index, (name, mtu) in enumerate(found, start=2)
    ]
    return knowing(healthy(), links=known)


def test_the_smallest_link_that_matches_is_found() -> None:
    facts = links(("eth0", 1500), ("eth1", 1450))
    assert host_mtu(facts["links"]["value"], want().mtu_interface_pattern) == 1450
    assert status("mtu_consistency", facts) == "ok"


@pytest.mark.parametrize("name", ["bond0", "br0", "team0", "vmbr0"])
def test_a_pattern_that_matches_nothing_fails_because_felix_assumes_and_stays_ready(name: str) -> None:
    found = judgement("mtu_consistency", links((name, 1400)))
    assert (found.status, "Felix assumes 1460" in found.message) == ("fail", True)
    assert status("mtu_consistency", links((name, 1400)), mtu_interface_pattern="^(bond|br|team|vmbr).*") == "ok"


def test_a_link_that_is_down_does_not_match() -> None:
    facts = links(("eth0", 1500))
    facts["links"]["value"][0]["running"] = False
    assert status("mtu_consistency", facts) == "fail"


def test_an_uplink_that_does_not_match_and_carries_less_is_warned_about() -> None:
    """The uplink is the one whose address calico-node takes: the last of the two that have one."""
    facts = links(("eth0", 9000), ("bond0", 1400))
    facts["addresses"]["value"].append({**facts["addresses"]["value"][1], "index": 3, "address": "10.1.0.5"})
    assert status("mtu_consistency", facts) == "warn"
    assert status("mtu_consistency", links(("eth0", 1400), ("bond0", 9000))) == "ok"
    facts["links"]["value"][1]["mtu"] = 9000
    assert status("mtu_consistency", facts) == "ok"


@pytest.mark.parametrize(
    ("mtu", "settings", "expected"),
    [
        (1480, {"encapsulation": "ipip"}, "ok"),
        (1500, {"encapsulation": "ipip"}, "warn"),
        (1450, {"encapsulation": "vxlan"}, "ok"),
        (1451, {"encapsulation": "vxlan"}, "warn"),
        (1440, {"wireguard": True}, "ok"),
        (1441, {"wireguard": True}, "warn"),
        (1420, {"wireguard": True, "ipv6": True}, "ok"),
        (1421, {"wireguard": True, "ipv6": True}, "warn"),
        (1430, {"encapsulation": "vxlan", "ipv6": True}, "ok"),
        (1431, {"encapsulation": "vxlan", "ipv6": True}, "warn"),
        (1440, {"encapsulation": "vxlan", "wireguard": True}, "ok"),
        (1441, {"encapsulation": "vxlan", "wireguard": True}, "warn"),
    ],
)
def test_an_mtu_that_is_set_leaves_room_for_what_is_added(mtu: int, settings: dict[str, Any], expected: str) -> None:
    assert status("mtu_consistency", links(("eth0", 1500)), mtu=mtu, **settings) == expected


def test_without_encapsulation_nobody_adds_anything_and_the_pattern_matters_all_the_same() -> None:
    """Felix writes its 1460 for pods' links whatever the encapsulation is."""
    plain = {"encapsulation": "none"}
    assert status("mtu_consistency", links(("br0", 1400)), **plain) == "fail"
    assert status("mtu_consistency", links(("eth0", 1500)), mtu=1500, **plain) == "ok"
    assert status("mtu_consistency", links(("eth0", 1500)), mtu=1501, **plain) == "warn"
    assert status("mtu_consistency", links(("eth0", 1500)), mtu=1500, dataplane="bpf", **plain) == "ok"


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("enc", "venc600", "ok"),
        ("^enc", "venc600", "fail"),
        ("[[:digit:]]{3}$", "enc600", "ok"),
        ("(?i)ENC", "enc600", "ok"),
        ("^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)", "enc600", "ok"),
        ("^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)", "wireth0", "fail"),
    ],
)
def test_the_pattern_is_searched_in_the_name_as_go_does(pattern: str, name: str, expected: str) -> None:
    assert status("mtu_consistency", links((name, 1500)), mtu_interface_pattern=pattern) == expected


def card(driver: str, **features: bool) -> RawFacts:
    known = {name.replace("_", "-").replace("udp-tnl", "udp_tnl"): value for name, value in features.items()}
    return knowing(healthy(), cards=[{"name": "eth0", "driver": driver, "features": known, "wireless": False}])


def test_vmxnet3_that_offloads_vxlan_fails_where_vxlan_is_asked_for() -> None:
    facts = card("vmxnet3", tx_udp_tnl_segmentation=True, tx_udp_tnl_csum_segmentation=True)
    found = judgement("vxlan_nic_offload", facts, encapsulation="vxlan")
    assert found.status == "fail"
    assert found.observed == "eth0: tx-udp_tnl-segmentation, tx-udp_tnl-csum-segmentation"
    assert status("vxlan_nic_offload", facts) == "not_applicable"
    assert status("vxlan_nic_offload", facts, encapsulation="vxlan", vxlan_port=8472) == "ok"


def test_vmxnet3_with_offloads_off_and_other_cards_are_well() -> None:
    off = card("vmxnet3", tx_udp_tnl_segmentation=False, tx_udp_tnl_csum_segmentation=False)
    assert status("vxlan_nic_offload", off, encapsulation="vxlan") == "ok"
    assert status("vxlan_nic_offload", card("mlx5_core", tx_udp_tnl_segmentation=True), encapsulation="vxlan") == "ok"


def test_features_are_read_from_the_blocks_of_the_kernels_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["rx", "tx-udp_tnl-segmentation", *(f"other-{number}" for number in range(31)), "tx-checksum-ip-generic"]

    def answer(_asking: object, _link: str, question: bytes) -> bytes:
        command = struct.unpack_from("=I", question)[0]
        if command == 0x37:
            return struct.pack("=IIQI", command, 0, 1 << 4, len(names))
        if command == 0x1B:
            return question[:12] + b"".join(name.encode().ljust(32, b"\0") for name in names)
        assert struct.unpack_from("=II", question) == (0x3A, 2)
        # In each block: available, requested, active, never changed.
        return question[:8] + struct.pack("=8I", 0xFFFFFFFF, 0, 1 << 1, 0, 0xFFFFFFFF, 0, 0, 0)

    monkeypatch.setattr(ethtool, "_ask", answer)
    assert ethtool.features("eth0") == {"tx-udp_tnl-segmentation": True, "tx-checksum-ip-generic": False}


def test_the_kernel_tells_its_loopbacks_features() -> None:
    assert "tx-checksum-ip-generic" in ethtool.features("lo")


def made_by(**names: str) -> RawFacts:
    nothing = dict.fromkeys(("sys_vendor", "product_name", "chassis_asset_tag", "model"))
    return knowing(healthy(), platform={**nothing, **names})


AZURE = {"sys_vendor": "Microsoft Corporation", "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (AZURE, "fail"),
        ({"sys_vendor": "Microsoft Corporation", "product_name": "Virtual Machine"}, "ok"),
        ({"sys_vendor": "Google", "product_name": "Google Compute Engine"}, "warn"),
        ({"sys_vendor": "OpenStack Foundation", "product_name": "OpenStack Nova"}, "warn"),
        ({"sys_vendor": "DigitalOcean"}, "warn"),
        ({"sys_vendor": "Dell Inc."}, "ok"),
        ({}, "skipped"),
    ],
)
def test_clouds_that_do_not_carry_ip_in_ip_are_known(names: dict[str, str], expected: str) -> None:
    assert status("cloud_blocks_ipip", made_by(**names)) == expected
    assert status("cloud_blocks_ipip", made_by(**names), encapsulation="vxlan") == "not_applicable"


def test_a_board_without_dmi_is_in_no_cloud() -> None:
    assert status("cloud_blocks_ipip", knowing(made_by(), architecture="aarch64")) == "ok"
