# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel modules: loaded where they can be, and each other one told with its cause and what helps here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._prepare import drop_ins

from tests.unit.prepare.hosts import ALL, EL8, FLATCAR, RHEL10_WITHOUT_EXTRA, UBUNTU_ON_A_PI, Trial, World

ASKED = {"modules": True, "persist": True}


def names(trial: Trial, **options: object) -> list[str]:
    return [one.what for one in trial.plan(modules=True, **options).unmet]


def test_nothing_is_loaded_unless_it_is_asked_for(tmp_path: Path) -> None:
    plan = Trial(tmp_path, EL8).plan(sysctls=True, persist=True)
    assert plan.load == []
    assert [file.path for file in plan.files] == [drop_ins.SYSCTLS]


def test_rhel_10_without_its_extra_modules_is_told_which_package_has_them(tmp_path: Path) -> None:
    plan = Trial(tmp_path, RHEL10_WITHOUT_EXTRA).plan(modules=True, encapsulation="ipip")
    assert {one.what for one in plan.unmet} == {"ip_set", "ip_set_hash_ip", "ip_set_hash_net", "xt_set", "ipip"}
    for one in plan.unmet:
        # Tunnels are in another package there than what iptables and ipset need.
        package = "kernel-modules-core" if one.what == "ipip" else "kernel-modules-extra"
        assert one.package == f"{package}-6.12.0-55.el10.x86_64"
        assert one.remedy.startswith(f"dnf install {one.package}")
    assert "xt_addrtype" in plan.load


def test_ubuntu_on_a_pi_is_told_its_own_package(tmp_path: Path) -> None:
    (missing,) = Trial(tmp_path, UBUNTU_ON_A_PI).plan(modules=True).unmet
    assert (missing.what, missing.package) == ("vxlan", "linux-modules-extra-raspi")
    assert missing.remedy == "apt install linux-modules-extra-raspi, then reboot"


def test_a_kernel_that_is_not_canonicals_is_offered_no_package_of_canonicals(tmp_path: Path) -> None:
    """prepare_install_packages would ask apt for it."""
    for release in ("5.15.153.1-microsoft-standard-WSL2", "6.1.0-1025-rockchip", "6.6.15-x64v3-xanmod1"):
        trial = Trial(tmp_path / release, replace(UBUNTU_ON_A_PI, release=release))
        (missing,) = trial.plan(modules=True).unmet
        assert (missing.what, missing.package) == ("vxlan", None)
        assert "apt" not in missing.remedy


def test_enterprise_linux_8_has_the_older_name_of_a_module(tmp_path: Path) -> None:
    trial = Trial(tmp_path, EL8)
    assert trial.give(**ASKED) == []
    assert "ipt_MASQUERADE" in trial.loaded


def test_no_package_is_promised_for_wireguard_before_the_kernel_had_it(tmp_path: Path) -> None:
    (missing,) = Trial(tmp_path, EL8).plan(modules=True, wireguard=True).unmet
    assert (missing.what, missing.package) == ("wireguard", None)
    assert "older than WireGuard" in missing.reason


def test_on_flatcar_what_is_built_in_is_there_and_what_is_on_disk_is_loaded(tmp_path: Path) -> None:
    trial = Trial(tmp_path, FLATCAR)
    assert trial.give(**ASKED) == []
    assert trial.loaded == ["nf_conntrack_netlink", "veth", "vxlan"]
    assert trial.read(drop_ins.MODULES) == drop_ins.text_of(trial.loaded)


def test_on_an_image_no_package_is_promised(tmp_path: Path) -> None:
    bare = World(FLATCAR.release, FLATCAR.machine, FLATCAR.os_release, ["veth"], built_in=FLATCAR.built_in)
    found = {one.what: one for one in Trial(tmp_path, bare).plan(modules=True).unmet}
    assert found["vxlan"].package is None
    assert found["vxlan"].remedy.startswith("move to an image of flatcar")


@pytest.mark.parametrize(
    ("layer", "reason", "remedy"),
    [
        (
            {"/etc/modprobe.d/cis.conf": "install vxlan /bin/false\n"},
            "blocked by /etc/modprobe.d/cis.conf",
            "take what keeps vxlan from loading out of /etc/modprobe.d/cis.conf",
        ),
        (
            {"/proc/cmdline": "ro module_blacklist=vxlan\n"},
            "blocked by /proc/cmdline",
            "take what keeps vxlan from loading out of /proc/cmdline and reboot",
        ),
    ],
)
def test_a_module_that_somebody_blocked_is_not_forced_in(
    tmp_path: Path, layer: dict[str, str], reason: str, remedy: str
) -> None:
    trial = Trial(tmp_path, EL8, layer)
    (blocked,) = trial.give(**ASKED)
    assert (blocked.what, blocked.reason, blocked.remedy) == ("vxlan", reason, remedy)
    assert "vxlan" not in trial.loaded
    assert "vxlan" not in (trial.read(drop_ins.MODULES) or "")


def test_a_module_whose_file_is_missing_is_told_apart_from_one_never_installed(tmp_path: Path) -> None:
    trial = Trial(tmp_path, EL8)
    (tmp_path / f"lib/modules/{EL8.release}/kernel/net/vxlan.ko.xz").unlink()
    (broken,) = trial.plan(modules=True).unmet
    assert broken.reason == f"modules.dep of {EL8.release} names it, but its file is missing"
    assert broken.package is None


def test_a_kernel_that_loads_nothing_any_more_gets_it_at_the_next_boot(tmp_path: Path) -> None:
    trial = Trial(tmp_path, EL8, {"/proc/sys/kernel/modules_disabled": "1\n"})
    unmet = trial.give(**ASKED)
    assert trial.loaded == []
    assert {one.reason for one in unmet} == {
        "on disk, but kernel.modules_disabled is 1: no module can be loaded until the next boot"
    }
    assert "vxlan" in (trial.read(drop_ins.MODULES) or "").splitlines()


def test_a_kernel_without_modules_is_asked_for_none(tmp_path: Path) -> None:
    trial = Trial(tmp_path, EL8)
    (tmp_path / "proc/modules").unlink()
    plan = trial.plan(**ASKED)
    assert (plan.load, plan.files, plan.unmet) == ([], [], [])
    assert "this kernel has no modules" in plan.notes[0]


def test_modules_of_another_kernel_than_the_running_one_are_told(tmp_path: Path) -> None:
    upgraded = World("6.12.0-99.el10.x86_64", "x86_64", RHEL10_WITHOUT_EXTRA.os_release, [])
    (unmet,) = Trial(tmp_path, upgraded).plan(modules=True).unmet
    assert unmet.what == "/lib/modules/6.12.0-99.el10.x86_64"
    assert "reboot" in unmet.remedy


def test_what_the_kernel_refuses_to_load_is_told_in_modprobes_words_and_the_rest_is_done(tmp_path: Path) -> None:
    trial = Trial(tmp_path, EL8)
    said = "Required key not available"
    unmet = trial.give(lambda name: said if name == "vxlan" else None, **ASKED)
    assert [(one.what, one.reason) for one in unmet] == [("vxlan", f"modprobe: {said}")]


def test_the_bpf_data_plane_asks_for_what_its_programs_hang_on(tmp_path: Path) -> None:
    assert {"sch_ingress", "cls_bpf"} <= set(names(Trial(tmp_path, EL8), dataplane="bpf"))


def test_the_bpf_data_plane_is_refused_on_a_machine_it_does_not_run_on(tmp_path: Path) -> None:
    mainframe = World(
        "6.12.0-55.el10.s390x", "s390x", RHEL10_WITHOUT_EXTRA.os_release, [*ALL, "sch_ingress", "cls_bpf"]
    )
    assert [one.reason for one in Trial(tmp_path, mainframe).plan(dataplane="bpf").unmet] == [
        "the bpf data plane runs on x86_64 and aarch64 only, and this machine is s390x"
    ]


def test_modules_may_be_asked_for_by_the_kernels_own_architecture(tmp_path: Path) -> None:
    by_machine = {"all": ["ip-set"], "aarch64": ["raid6_pq"], "x86_64": ["kvm"]}
    found = names(Trial(tmp_path, UBUNTU_ON_A_PI), extra_modules=by_machine)
    assert found == ["vxlan", "raid6_pq"]
