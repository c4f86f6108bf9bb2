# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernels of the world are judged for what they are."""

from __future__ import annotations

import errno

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.judge import summary, verdict
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.packages import package_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.versions import flavour

from tests.unit.precheck.builders import judged, judgement, status
from tests.unit.precheck.kernels import (
    answering,
    blocked_by_a_hardening_guide,
    enterprise_linux_8,
    freshly_installed,
    healthy,
    jetson_without_ip_set,
    knowing,
    mainframe,
    netfilter_refused_by_seccomp,
    raspberry_pi_os,
    raspberry_pi_without_vxlan,
    rhel10_without_extra_modules,
    riscv_board,
    unprivileged,
    with_modules,
)

DATAPLANES = ("iptables", "nftables", "bpf")


@pytest.mark.parametrize("dataplane", DATAPLANES)
def test_a_host_with_everything_passes_in_every_data_plane(dataplane: str) -> None:
    found = judged(healthy(), dataplane=dataplane, ipv6=True, wireguard=True, encapsulation="vxlan")
    assert [(check.id, one.message) for check, one in found if one.status not in ("ok", "not_applicable")] == []
    assert verdict(found) == "pass"


@pytest.mark.parametrize("dataplane", DATAPLANES)
def test_ip_sets_are_needed_in_every_data_plane(dataplane: str) -> None:
    assert status("ipset_functional", rhel10_without_extra_modules(), dataplane=dataplane) == "fail"


def test_invalid_argument_from_ip_sets_is_told_as_a_kernel_without_them() -> None:
    found = judgement("ipset_functional", rhel10_without_extra_modules())
    assert "no ip_set subsystem" in found.message
    assert found.observed is not None
    assert "EINVAL" in found.observed


def test_rhel_10_is_told_which_package_has_the_modules() -> None:
    for check in ("ipset_functional", "module_package_missing", "xt_match_set"):
        remedy = judgement(check, rhel10_without_extra_modules()).remedy or ""
        assert remedy.startswith("dnf install kernel-modules-extra-6.12.0-55.el10.x86_64")
        assert remedy.endswith("keep the node outside: it will be listed as excluded")


def test_whoever_comes_with_calico_nodes_error_is_told_what_it_means_and_what_to_run() -> None:
    found = judgement("ipset_functional", rhel10_without_extra_modules())
    assert "Kernel error received: Invalid argument" in (found.observed or "")
    assert "then modprobe ip_set ip_set_hash_net ip_set_hash_ip; or keep the node outside" in (found.remedy or "")


def test_where_no_package_has_the_modules_nobody_is_told_to_load_them() -> None:
    assert "modprobe" not in (judgement("ipset_functional", jetson_without_ip_set()).remedy or "")


def test_a_mainframe_runs_iptables_and_nftables_but_no_bpf() -> None:
    for dataplane, expected in (("iptables", "pass"), ("nftables", "pass"), ("bpf", "fail")):
        assert verdict(judged(mainframe(), dataplane=dataplane)) == expected


def test_a_board_of_an_architecture_without_images_fails_for_that_only() -> None:
    assert [check.id for check, one in judged(riscv_board()) if one.status == "fail"] == ["endianness_arch"]


def test_a_pi_as_it_comes_is_told_all_that_it_lacks() -> None:
    found = {check.id: one.status for check, one in judged(raspberry_pi_os(), encapsulation="vxlan")}
    assert {name for name, status in found.items() if status == "fail"} == {"raspi_cgroup_memory"}


def test_modules_that_are_not_installed_are_named() -> None:
    assert (
        "ip_set, ip_set_hash_net, ip_set_hash_ip, xt_set"
        in judgement("module_package_missing", rhel10_without_extra_modules()).message
    )


def test_a_readable_kernel_configuration_names_the_option_that_is_not_set() -> None:
    assert "CONFIG_IP_SET is not set" in judgement("ipset_functional", jetson_without_ip_set()).message


def test_a_jetson_is_told_to_build_its_kernel() -> None:
    assert "build NVIDIA's kernel with CONFIG_IP_SET" in (
        judgement("ipset_functional", jetson_without_ip_set()).remedy or ""
    )


def test_a_missing_set_type_is_not_taken_for_a_missing_subsystem() -> None:
    facts = answering(healthy(), "ipset.hash:net.inet", errno=4098, text="type hash:net")
    assert judgement("ipset_functional", facts).message == "the kernel has no IP sets of type hash:net"


def test_a_set_type_for_ports_only_warns() -> None:
    facts = answering(healthy(), "ipset.hash:ip,port", errno=4098, text="type hash:ip,port")
    assert status("ipset_functional", facts) == "warn"


def test_ipv6_sets_matter_with_ipv6_only() -> None:
    facts = answering(healthy(), "ipset.hash:net.inet6", errno=errno.EOPNOTSUPP, text="create hash:net")
    assert (status("ipset_functional", facts), status("ipset_functional", facts, ipv6=True)) == ("ok", "fail")


def test_a_pi_without_vxlan_fails_where_vxlan_is_wanted_and_is_told_the_package() -> None:
    found = judgement("vxlan_link_create", raspberry_pi_without_vxlan(), encapsulation="vxlan")
    assert found.status == "fail"
    assert (found.remedy or "").startswith("apt install linux-modules-extra-raspi, then reboot")


def test_a_pi_without_vxlan_passes_where_nobody_wants_vxlan() -> None:
    assert verdict(judged(raspberry_pi_without_vxlan(), encapsulation="none")) == "pass"


def test_bpf_needs_vxlan_whatever_the_pools_do() -> None:
    assert status("vxlan_link_create", raspberry_pi_without_vxlan(), dataplane="bpf", encapsulation="none") == "fail"


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("ipip", {"encapsulation": "ipip"}), ("wireguard", {"wireguard": True}), ("vxlan", {"encapsulation": "vxlan"})],
)
def test_a_tunnel_that_would_be_missed_in_silence_fails(kind: str, settings: dict[str, str]) -> None:
    facts = answering(healthy(), f"link.{kind}", errno=errno.EOPNOTSUPP, text="Unknown device type")
    found = judgement(f"{kind}_link_create", facts, **settings)
    assert found.status == "fail"
    assert "calico-node becomes ready" in found.message


def test_a_link_kind_that_the_kernel_does_not_know_is_told_apart_from_one_that_it_refuses() -> None:
    unknown = answering(healthy(), "link.ipip", errno=errno.EOPNOTSUPP, text="Unknown device type")
    refused = answering(healthy(), "link.ipip", errno=errno.ENOMEM, text="create ipip")
    assert judgement("ipip_link_create", unknown).message.startswith("the kernel has no ipip devices")
    assert judgement("ipip_link_create", refused).message.startswith("no ipip device can be made")


def test_one_backend_of_iptables_that_may_not_be_asked_and_one_that_lacks_it_prove_nothing() -> None:
    facts = answering(healthy(), "compat.set.inet", errno=errno.EPERM, text="")
    assert status("xt_match_set", facts) == "ok"
    assert status("xt_match_set", answering(facts, "legacy.set.inet", errno=errno.ENOENT, text="")) == "skipped"


def test_a_refused_netfilter_socket_fails_everything_that_stands_on_it() -> None:
    failed = {check.id: one.message for check, one in judged(netfilter_refused_by_seccomp()) if one.status == "fail"}
    assert set(failed) == {"ipset_functional", "xt_match_set", "xt_required_extensions", "conntrack_netlink"}
    assert all("a seccomp policy refuses it" in message for message in failed.values())


def test_a_refused_netfilter_socket_fails_nftables_when_that_is_the_data_plane() -> None:
    facts = netfilter_refused_by_seccomp()
    assert (status("nft_functional", facts), status("nft_functional", facts, dataplane="nftables")) == ("warn", "fail")


def test_the_remedy_for_a_refused_netfilter_socket_is_about_the_socket() -> None:
    remedies = [one.remedy for _check, one in judged(netfilter_refused_by_seccomp()) if one.status == "fail"]
    assert len(remedies) == 4
    assert all(remedy and "lift the seccomp policy" in remedy for remedy in remedies)


def test_a_refused_netfilter_socket_is_no_missing_package() -> None:
    assert status("module_package_missing", netfilter_refused_by_seccomp()) == "ok"


def test_without_privilege_nothing_is_called_broken() -> None:
    found = judged(unprivileged())
    assert [check.id for check, one in found if one.status == "fail"] == []
    assert "needs become" in judgement("ipset_functional", unprivileged()).message


def test_without_privilege_a_host_does_not_pass() -> None:
    assert verdict(judged(unprivileged())) == "fail"


def test_what_could_not_be_judged_has_a_remedy_and_what_is_not_needed_is_not_applicable() -> None:
    found = {check.id: one for check, one in judged(unprivileged())}
    assert found["ipset_functional"].status == "skipped"
    assert "become" in (found["ipset_functional"].remedy or "")
    assert found["wireguard_link_create"].status == "not_applicable"


def test_one_failed_check_is_enough_not_to_pass() -> None:
    found = judged(raspberry_pi_without_vxlan(), encapsulation="vxlan")
    assert {check.id for check, one in found if one.status == "fail"} == {"vxlan_link_create", "module_package_missing"}
    assert verdict(found) == "fail"


def test_one_lost_answer_is_enough_not_to_pass() -> None:
    facts = {**healthy(), "link.ipip": {"lost": "no answer within 3 s"}}
    found = judged(facts)
    assert [check.id for check, one in found if not one.evidence] == ["ipip_link_create"]
    assert verdict(found) == "fail"


def test_modules_on_disk_count_although_they_were_not_exercised() -> None:
    found = judged(freshly_installed())
    assert verdict(found) == "pass"
    assert judgement("ipset_functional", freshly_installed()).message == "loadable, not exercised: ip_set"


def test_modules_that_are_not_loaded_yet_are_no_warning() -> None:
    assert [check.id for check, one in judged(freshly_installed()) if one.status == "warn"] == []
    found = judgement("module_package_missing", freshly_installed())
    assert (found.status, "ip_set" in found.loadable) == ("ok", True)


def test_the_summary_tells_what_the_kernel_was_not_asked_and_what_would_be_loaded_for_it() -> None:
    told = summary(judged(freshly_installed()))
    assert {"ip_set", "nf_tables", "ipip"} <= set(told["would_load"])
    assert told["static"] > 0
    assert summary(judged(healthy()))["static"] == 0
    assert summary(judged(healthy()))["exercised"] == told["exercised"] + told["static"]


def test_a_module_that_must_not_load_fails_and_the_file_is_named() -> None:
    facts = blocked_by_a_hardening_guide("vxlan")
    for check in ("vxlan_link_create", "module_blacklist"):
        found = judgement(check, facts, encapsulation="vxlan")
        assert found.status == "fail"
        assert "vxlan is blocked by /etc/modprobe.d/hardening.conf" in found.message + (found.observed or "")


def test_a_module_whose_file_is_gone_fails() -> None:
    facts = with_modules(freshly_installed(), "file missing", "ip_set_hash_net")
    assert status("module_package_missing", facts) == "fail"


def test_a_feature_that_works_under_another_module_name_is_not_missing() -> None:
    assert status("module_package_missing", with_modules(healthy(), "absent", "xt_nat")) == "ok"


def test_without_any_modules_for_the_running_kernel_a_reboot_is_the_remedy() -> None:
    facts = with_modules(rhel10_without_extra_modules(), "absent", tree=False)
    found = judgement("module_package_missing", facts)
    assert found.status == "fail"
    assert (found.remedy or "").startswith("reboot into the kernel that is installed")


def test_a_kernel_without_modules_is_asked_directly() -> None:
    facts = with_modules(healthy(), "absent", loadable=False)
    for check in ("module_package_missing", "modules_in_container_loadable"):
        assert status(check, facts) == "ok"


@pytest.mark.parametrize("survey", [{"disabled": True}, {"modprobe": ""}])
def test_a_kernel_that_loads_nothing_any_more_fails_when_something_is_not_loaded(survey: dict[str, object]) -> None:
    locked = with_modules(healthy(), "loadable", "xt_set", **survey)
    assert status("modules_in_container_loadable", locked) == "fail"
    assert status("modules_in_container_loadable", with_modules(healthy(), "loaded", **survey)) == "ok"


def test_a_modprobe_that_the_image_does_not_have_is_warned_about() -> None:
    facts = with_modules(healthy(), "loadable", "ip_tables", modprobe="/usr/bin/modprobe")
    assert status("modules_in_container_loadable", facts) == "warn"
    assert status("modules_in_container_loadable", facts, dataplane="nftables") == "ok"


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("6.12.0-55.el10.x86_64", "ok"),
        ("5.10.0-1-amd64", "ok"),
        ("5.9.16", "fail"),
        ("4.18.0-25-generic", "fail"),
        ("4.18.0-553.el8_10.x86_64", "warn"),
        ("4.9.337-tegra", "fail"),
        ("3.10.0-1160.el7.x86_64", "fail"),
    ],
)
def test_the_documented_kernel_is_asked_for_but_rhel_8_is_let_in(release: str, expected: str) -> None:
    assert status("kernel_min", knowing(healthy(), kernel_release=release)) == expected


def test_rhel_8_passes_with_a_warning() -> None:
    assert verdict(judged(enterprise_linux_8())) == "pass"


RED_HATS = (
    ("6.12.0-55.el10.x86_64", "ip_set", "kernel-modules-extra-6.12.0-55.el10.x86_64"),
    ("6.12.0-211.26.1.el10_2.aarch64", "nft_compat", "kernel-modules-extra-6.12.0-211.26.1.el10_2.aarch64"),
    ("6.12.0-55.el10.x86_64", "ip6t_rpfilter", "kernel-modules-extra-6.12.0-55.el10.x86_64"),
    ("6.12.0-55.el10.x86_64", "ipip", "kernel-modules-core-6.12.0-55.el10.x86_64"),
    ("6.12.0-55.el10.x86_64", "vxlan", "kernel-modules-core-6.12.0-55.el10.x86_64"),
    ("6.12.0-55.el10.aarch64+64k", "xt_set", "kernel-64k-modules-extra-6.12.0-55.el10.aarch64"),
    ("5.14.0-427.13.1.el9_4.x86_64", "ip_set", "kernel-modules-core-5.14.0-427.13.1.el9_4.x86_64"),
    ("5.14.0-162.6.1.el9_1.x86_64", "ip_set", "kernel-core-5.14.0-162.6.1.el9_1.x86_64"),
    ("5.14.0-427.13.1.el9_4.x86_64", "sctp", "kernel-modules-extra-5.14.0-427.13.1.el9_4.x86_64"),
    ("4.18.0-553.el8_10.x86_64", "xt_set", "kernel-core-4.18.0-553.el8_10.x86_64"),
    ("4.18.0-553.rt7.342.el8_10.x86_64", "sctp", "kernel-rt-modules-extra-4.18.0-553.rt7.342.el8_10.x86_64"),
    ("6.14.0-63.fc42.x86_64", "ip_set", "kernel-modules-core-6.14.0-63.fc42.x86_64"),
    ("6.12.0-101.33.4.3.el9uek.x86_64", "ip_set", None),
    ("6.9.1-1.el9.elrepo.x86_64", "ip_set", None),
    ("6.1.102-111.182.amzn2023.x86_64", "ip_set", None),
    ("6.15.0-0.rc1.18.fc43.x86_64", "ip_set", "kernel-modules-core-6.15.0-0.rc1.18.fc43.x86_64"),
    # Others build for Red Hat's systems too: CachyOS, AltArch for Raspberry Pis, and whoever builds one with a name of his own.
    ("6.8.1-cachyos1.fc39.x86_64", "ip_set", None),
    ("6.1.23-v8.1.el9.aarch64", "ip_set", None),
    ("5.14.0-427.13.1.el9_4.lustre.x86_64", "ip_set", None),
    ("5.14.0-427.13.1.el9_4.x86_64+mine", "ip_set", None),
)


@pytest.mark.parametrize(("release", "module", "package"), RED_HATS)
def test_red_hats_kernels_have_a_module_in_the_package_of_their_age(
    release: str, module: str, package: str | None
) -> None:
    assert package_of({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, release, module) == package


def test_who_runs_somebody_elses_kernel_on_red_hats_system_is_told_how_to_find_the_package() -> None:
    facts = knowing(rhel10_without_extra_modules(), kernel_release="6.12.0-101.33.4.3.el9uek.x86_64")
    remedy = judgement("ipset_functional", facts).remedy or ""
    assert "dnf provides '/lib/modules/6.12.0-101.33.4.3.el9uek.x86_64/*/ip_set.ko*'" in remedy
    assert "modprobe" not in remedy


def test_rhel_10_without_vxlan_is_not_sent_for_the_extra_modules() -> None:
    facts = answering(healthy(), "link.vxlan", errno=errno.EOPNOTSUPP)
    remedy = judgement("vxlan_link_create", facts, encapsulation="vxlan").remedy or ""
    assert remedy.startswith("dnf install kernel-modules-core-6.12.0-55.el10.x86_64 ")


def test_modules_of_several_packages_are_installed_at_once() -> None:
    facts = with_modules(rhel10_without_extra_modules(), "absent", "vxlan")
    facts = answering(facts, "link.vxlan", errno=errno.EOPNOTSUPP)
    remedy = judgement("module_package_missing", facts, encapsulation="vxlan").remedy or ""
    release = "6.12.0-55.el10.x86_64"
    assert remedy.startswith(f"dnf install kernel-modules-extra-{release} kernel-modules-core-{release} ")


def test_what_no_module_brings_is_not_looked_for_in_a_package() -> None:
    found = judgement("btf_present", knowing(healthy(), btf=None), dataplane="bpf")
    assert (found.remedy or "").startswith("boot a kernel built with CONFIG_DEBUG_INFO_BTF; ")


@pytest.mark.parametrize(
    ("system", "release", "package"),
    [
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "5.15.0-1061-raspi", "linux-modules-extra-raspi"),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "6.8.0-45-generic", "linux-modules-extra-6.8.0-45-generic"),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "5.15.0-1063-aws", "linux-modules-extra-5.15.0-1063-aws"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "6.8.0-45-generic", "linux-modules-extra-6.8.0-45-generic"),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "5.15.148-tegra", None),
        # Kernels of others for Ubuntu's system: WSL2, Armbian, Ubuntu Rockchip, xanmod, Liquorix, Zabbly, the main line, System76.
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "5.15.153.1-microsoft-standard-WSL2", None),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "6.6.87.2-microsoft-standard-WSL2+", None),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "5.10.160-rockchip", None),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "6.1.0-1025-rockchip", None),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "6.1.43-vendor-rk35xx", None),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "6.6.15-x64v3-xanmod1", None),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "6.7.9-1-liquorix-amd64", None),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "6.8.9-zabbly+", None),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "6.8.0-060800-generic", None),
        ({"ID": "pop", "ID_LIKE": "ubuntu debian"}, "6.6.10-76060610-generic", None),
        # Canonical's flavour for virtual machines has none.
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "5.15.0-1060-kvm", None),
        ({"ID": "flatcar"}, "6.6.60-flatcar", None),
        ({"ID": "fedora", "VARIANT_ID": "coreos"}, "6.11.0-200.fc41.x86_64", None),
        ({"ID": "debian"}, "6.1.0-26-amd64", None),
    ],
)
def test_the_package_with_more_modules_is_named_where_there_is_one(
    system: dict[str, str], release: str, package: str | None
) -> None:
    assert package_of(system, release, "ip_set") == package


@pytest.mark.parametrize(
    "release", ["5.15.153.1-microsoft-standard-WSL2", "6.1.0-1025-rockchip", "6.6.15-x64v3-xanmod1"]
)
def test_a_kernel_that_is_not_canonicals_is_sent_for_none_of_canonicals_packages(release: str) -> None:
    facts = knowing(
        rhel10_without_extra_modules(), kernel_release=release, os_release={"ID": "ubuntu", "ID_LIKE": "debian"}
    )
    for check in ("ipset_functional", "module_package_missing", "xt_match_set"):
        remedy = judgement(check, facts).remedy or ""
        assert remedy
        assert "apt install" not in remedy
        assert "linux-modules" not in remedy
    if "microsoft" in release:
        assert ".wslconfig" in (judgement("ipset_functional", facts).remedy or "")


FLAVOURS = (
    *(("6.8.0-45-generic", "-generic"), ("6.8.0-1004-raspi", "-raspi"), ("5.15.0-1063-aws", "-aws")),
    *(("6.6.31+rpt-rpi-v8", "+rpt-rpi-v8"), ("6.6.31+rpt-rpi-2712", "+rpt-rpi-2712"), ("6.1.21-v7l+", "-v7l+")),
    *(("6.1.0-26-amd64", "-amd64"), ("6.1.0-26-cloud-amd64", "-cloud-amd64"), ("6.12.43+deb13-amd64", "+deb-amd64")),
    *(("6.5.0-0.deb12.4-amd64", ".deb-amd64"), ("6.8.4-2-pve", "-pve"), ("5.14.21-150500.55.39-default", "-default")),
    *(("5.14.0-427.13.1.el9_4.x86_64", ".elx86_64"), ("6.12.0-55.el10.aarch64+64k", ".elaarch64+64k")),
    *(("4.18.0-553.rt7.342.el8_10.x86_64", ".rtelx86_64"), ("6.14.0-63.fc42.x86_64", ".fcx86_64")),
    *(("6.7.4-arch1-1", "-arch"), ("6.6.16-1-lts", "-lts"), ("6.6.15-x64v3-xanmod1", "-x64v3-xanmod")),
    *(
        ("5.15.153.1-microsoft-standard-WSL2", "-microsoft-standard-WSL2"),
        ("6.6.60-flatcar", "-flatcar"),
        ("6.9.1", ""),
    ),
)


@pytest.mark.parametrize(("release", "expected"), FLAVOURS)
def test_the_flavour_of_a_kernel_is_what_its_numbers_leave(release: str, expected: str) -> None:
    assert flavour(release) == expected


@pytest.mark.parametrize(
    ("running", "beside", "expected"),
    [
        # Raspberry Pi OS has one for each board, and its firmware takes the board's.
        ("6.6.31+rpt-rpi-v8", "6.6.31+rpt-rpi-2712", "ok"),
        ("6.6.31+rpt-rpi-v8", "6.6.51+rpt-rpi-2712", "ok"),
        ("6.6.31+rpt-rpi-v8", "6.6.51+rpt-rpi-v8", "warn"),
        ("6.1.21-v8+", "6.1.21-v7l+", "ok"),
        ("6.8.0-45-generic", "6.8.0-47-lowlatency", "ok"),
        ("6.8.0-45-generic", "6.8.0-47-generic", "warn"),
        ("6.1.0-26-amd64", "6.1.0-27-cloud-amd64", "ok"),
        ("6.12.43+deb13-amd64", "6.12.48+deb13-amd64", "warn"),
        ("5.14.0-427.13.1.el9_4.x86_64", "5.14.0-503.11.1.el9_5.x86_64", "warn"),
        ("5.14.0-427.13.1.el9_4.x86_64", "5.14.0-503.11.1.el9_5.x86_64+rt", "ok"),
        ("4.18.0-553.el8_10.x86_64", "5.14.0-503.11.1.el9_5.x86_64", "warn"),
        ("6.12.0-55.el10.x86_64", "6.9.1-1.el9.elrepo.x86_64", "ok"),
        ("6.7.4-arch1-1", "6.7.5-arch1-1", "warn"),
        ("6.7.4-arch1-1", "6.9.5-1-lts", "ok"),
    ],
)
def test_the_next_boot_is_told_by_kernels_of_the_running_ones_flavour(running: str, beside: str, expected: str) -> None:
    facts = knowing(healthy(), kernel_release=running, installed_kernels=[beside, running])
    assert status("running_vs_installed_kernel", facts) == expected
