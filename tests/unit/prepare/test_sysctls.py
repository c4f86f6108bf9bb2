# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls: set, kept over the boot, and put back as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._prepare import apply, drop_ins, saved_state
from ansible_collections.calico_ops.rollout.plugins.module_utils._prepare.sysctl import canonical, problem_with, shown

from tests.unit.prepare.hosts import EL8, EVERYTHING, RHEL10_WITHOUT_EXTRA, UBUNTU_ON_A_PI, Trial, World

FORWARD = "net/ipv4/ip_forward"
ADVERTISED = (
    "0" * 32 + " 00 " + "0" * 32 + " 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003     eth0\n"
)


def trial(base: Path, *layers: dict[str, str], world: World = EL8) -> Trial:
    return Trial(base, world, *layers)


def moved_by_the_kernel(host: Trial) -> None:
    """A tree of files has no kernel: what it does when forwarding is turned on or off is done here."""
    value = host.value(FORWARD)
    for interface in ("all", "default", "eth0.100"):
        host.write(f"/proc/sys/net/ipv4/conf/{interface}/forwarding", f"{value}\n")
    host.write("/proc/sys/net/ipv4/conf/all/accept_redirects", "0\n" if value == "1" else "1\n")


def test_nothing_is_set_unless_it_is_asked_for(tmp_path: Path) -> None:
    host = trial(tmp_path)
    before = host.everything()
    assert host.give(modules=False) == []
    assert host.everything() == before


def test_forwarding_is_turned_on_and_kept_over_the_next_boot(tmp_path: Path) -> None:
    host = trial(tmp_path)
    host.give(sysctls=True, persist=True)
    assert host.value(FORWARD) == "1"
    assert (host.read(drop_ins.SYSCTLS) or "").splitlines()[1:] == ["net.ipv4.ip_forward = 1"]


def test_without_persist_no_file_is_written_but_the_memory(tmp_path: Path) -> None:
    host = trial(tmp_path)
    host.give(sysctls=True)
    assert host.read(drop_ins.SYSCTLS) is None
    assert host.read(saved_state.PATH)


def test_a_second_run_plans_nothing(tmp_path: Path) -> None:
    host = trial(tmp_path)
    host.give(**EVERYTHING)
    plan = host.plan(**EVERYTHING)
    assert not plan.changes_anything
    before = host.everything()
    host.give(**EVERYTHING)
    assert host.everything() == before


@pytest.mark.parametrize("world", [EL8, UBUNTU_ON_A_PI, RHEL10_WITHOUT_EXTRA], ids=lambda world: world.release)
def test_undone_no_file_folder_or_value_is_different(tmp_path: Path, world: World) -> None:
    host = Trial(tmp_path, world)
    before = host.everything()
    host.give(**EVERYTHING, ipv6=True, wireguard=True)
    assert host.everything() != before
    host.take_away()
    assert host.everything() == before


def test_what_the_kernel_moves_along_is_put_back_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = trial(tmp_path, {"/proc/sys/net/ipv4/conf/eth0.100/forwarding": "1\n"})
    before = host.everything()
    write = apply._write_sysctls

    def with_a_kernel(root: Any, plan: Any) -> Any:
        found = write(root, plan._replace(sysctls=plan.sysctls._replace(targets=plan.sysctls.targets[:1])))
        moved_by_the_kernel(host)
        return found + write(root, plan)

    monkeypatch.setattr(apply, "_write_sysctls", with_a_kernel)
    host.give(sysctls=True)
    assert host.value("net/ipv4/conf/all/accept_redirects") == "0"
    host.take_away()
    assert host.everything() == before


def test_a_run_that_was_killed_before_it_saw_what_moved_is_undone_as_well(tmp_path: Path) -> None:
    host = trial(tmp_path)
    before = host.everything()
    plan = host.plan(sysctls=True)
    apply._remember(host.root, plan.memory._replace(folders=["/var/lib/calico-ops", "/var/lib", "/var"]))
    host.write("/proc/sys/" + FORWARD, "1\n")
    moved_by_the_kernel(host)
    host.take_away()
    assert host.everything() == before


def test_what_somebody_changed_since_stays_and_is_named(tmp_path: Path) -> None:
    host = trial(tmp_path)
    more = {"all": {"net.core.netdev_max_backlog": 2000}}
    host.write("/proc/sys/net/core/netdev_max_backlog", "1000\n")
    host.give(sysctls=True, extra_sysctls=more)
    host.write("/proc/sys/net/core/netdev_max_backlog", "3000\n")
    plan = host.take_away()
    assert host.value("net/core/netdev_max_backlog") == "3000"
    assert plan.notes == ["net.core.netdev_max_backlog is 3000 now, not our 2000: somebody changed it, it stays"]
    assert host.value(FORWARD) == "0"


def test_the_first_value_is_remembered_over_a_boot_and_a_second_run(tmp_path: Path) -> None:
    host = trial(tmp_path)
    host.give(sysctls=True)
    host.write("/proc/sys/" + FORWARD, "0\n")  # the next boot
    host.give(sysctls=True)
    assert host.value(FORWARD) == "1"
    host.take_away()
    assert host.value(FORWARD) == "0"


def test_a_value_that_somebody_gave_since_is_what_is_put_back(tmp_path: Path) -> None:
    host = trial(tmp_path, {"/proc/sys/net/core/netdev_max_backlog": "1000\n"})
    ours = {"all": {"net.core.netdev_max_backlog": 2000}}
    host.give(sysctls=True, extra_sysctls=ours)
    host.write("/proc/sys/net/core/netdev_max_backlog", "5000\n")
    assert (
        "net.core.netdev_max_backlog was 2000 by our hand and is 5000: somebody changed it"
        in host.plan(sysctls=True, extra_sysctls=ours).notes
    )
    host.give(sysctls=True, extra_sysctls=ours)
    host.take_away()
    assert host.value("net/core/netdev_max_backlog") == "5000"


def test_lines_of_others_in_our_file_stay_and_are_named(tmp_path: Path) -> None:
    host = trial(tmp_path)
    host.give(**EVERYTHING)
    host.write(drop_ins.SYSCTLS, (host.read(drop_ins.SYSCTLS) or "") + "vm.swappiness = 10\n")
    assert not host.plan(**EVERYTHING).changes_anything
    plan = host.take_away()
    assert host.read(drop_ins.SYSCTLS) == "vm.swappiness = 10\n"
    assert f"{drop_ins.SYSCTLS}: somebody wrote 'vm.swappiness = 10'; it stays" in plan.notes


def test_a_line_of_ours_that_somebody_changed_is_set_back_and_named(tmp_path: Path) -> None:
    host = trial(tmp_path)
    host.give(**EVERYTHING)
    host.write(drop_ins.SYSCTLS, (host.read(drop_ins.SYSCTLS) or "").replace("= 1", "= 0"))
    plan = host.plan(**EVERYTHING)
    assert f"{drop_ins.SYSCTLS}: somebody wrote 'net.ipv4.ip_forward = 0'; it is set back" in plan.notes
    host.give(**EVERYTHING)
    assert (host.read(drop_ins.SYSCTLS) or "").splitlines()[1:] == ["net.ipv4.ip_forward = 1"]


def test_a_file_of_our_name_that_is_not_ours_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    host = trial(tmp_path, {drop_ins.SYSCTLS: "vm.swappiness = 10\n"})
    before = host.everything()
    with pytest.raises(drop_ins.Foreign, match=drop_ins.SYSCTLS):
        host.plan(**EVERYTHING)
    host.take_away()
    assert host.everything() == before


def test_a_memory_that_makes_no_sense_is_not_guessed_at(tmp_path: Path) -> None:
    host = trial(tmp_path, {saved_state.PATH: '{"version": 7}'})
    with pytest.raises(saved_state.Unreadable, match="its version is 7"):
        host.plan(**EVERYTHING)


@pytest.mark.parametrize("path", ["/etc/sysctl.d/99-zz-cis.conf", "/usr/lib/sysctl.d/99-zz.conf", "/etc/sysctl.conf"])
def test_a_file_that_undoes_it_at_the_next_boot_is_named(tmp_path: Path, path: str) -> None:
    host = trial(tmp_path, {path: "# hardened\n-net.ipv4.ip_forward=0\n"})
    assert host.plan(sysctls=True, persist=True).notes == [
        f"{path} sets net.ipv4.ip_forward = 0 after {drop_ins.SYSCTLS} at the next boot: take it out there"
    ]
    assert host.plan(sysctls=True).notes == []


def test_a_file_that_comes_before_ours_or_is_hidden_undoes_nothing(tmp_path: Path) -> None:
    layers = {
        "/etc/sysctl.d/50-x.conf": "net.ipv4.ip_forward = 0\n",
        "/usr/lib/sysctl.d/99-zz.conf": "net.ipv4.ip_forward = 0\n",
        "/etc/sysctl.d/99-zz.conf": "",
    }
    assert trial(tmp_path, layers).plan(sysctls=True, persist=True).notes == []


def test_a_host_that_lives_on_a_routers_advertisement_keeps_its_default_route(tmp_path: Path) -> None:
    host = trial(tmp_path, {"/proc/net/ipv6_route": ADVERTISED})
    host.give(sysctls=True, ipv6=True)
    assert host.value("net/ipv6/conf/all/forwarding") == "1"
    assert host.value("net/ipv6/conf/eth0/accept_ra") == "2"
    host.take_away()
    assert host.value("net/ipv6/conf/eth0/accept_ra") == "1"


@pytest.mark.parametrize(
    "layer", [{}, {"/proc/net/ipv6_route": ADVERTISED, "/proc/sys/net/ipv6/conf/eth0/accept_ra": "0\n"}]
)
def test_advertisements_that_the_kernel_does_not_hear_are_left_alone(tmp_path: Path, layer: dict[str, str]) -> None:
    keys = [change.key for change in trial(tmp_path, layer).plan(sysctls=True, ipv6=True).sysctls.changes]
    assert keys == [FORWARD, "net/ipv6/conf/all/forwarding"]


def test_a_kernel_with_ipv6_off_is_told_so(tmp_path: Path) -> None:
    host = trial(tmp_path)
    (tmp_path / "proc/sys/net/ipv6/conf/all/forwarding").unlink()
    (unmet,) = host.plan(sysctls=True, ipv6=True).unmet
    assert (unmet.what, unmet.reason) == ("net.ipv6.conf.all.forwarding", "this kernel has not it: IPv6 is off")


@pytest.mark.parametrize(("machine", "keys"), [("x86_64", ["net/core/bpf_jit_enable"]), ("s390x", [])])
def test_the_compiler_of_bpf_is_turned_on_where_the_data_plane_runs(
    tmp_path: Path, machine: str, keys: list[str]
) -> None:
    world = World(EL8.release, machine, EL8.os_release, EL8.on_disk)
    changes = Trial(tmp_path, world).plan(sysctls=True, dataplane="bpf").sysctls.changes
    assert [change.key for change in changes] == [FORWARD, *keys]


def test_a_kernel_that_always_compiles_bpf_lacks_nothing(tmp_path: Path) -> None:
    host = trial(tmp_path)
    (tmp_path / "proc/sys/net/core/bpf_jit_enable").unlink()
    assert host.plan(sysctls=True, dataplane="bpf").unmet == []


def test_what_is_asked_for_this_machine_wins_over_what_is_asked_for_everywhere(tmp_path: Path) -> None:
    host = trial(tmp_path, {"/proc/sys/net/core/rmem_max": "1\n"}, world=UBUNTU_ON_A_PI)
    by_machine = {
        "all": {"net.core.rmem_max": 2},
        "aarch64": {"net.core.rmem_max": 3},
        "x86_64": {"net.core.rmem_max": 4},
    }
    host.give(sysctls=True, extra_sysctls=by_machine)
    assert host.value("net/core/rmem_max") == "3"


def test_the_users_own_value_wins_over_ours(tmp_path: Path) -> None:
    host = trial(tmp_path)
    assert host.plan(sysctls=True, extra_sysctls={"all": {"net.ipv4.ip_forward": 0}}).sysctls.changes == []


def test_a_value_that_the_kernel_does_not_take_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = trial(tmp_path)
    value = apply._value
    monkeypatch.setattr(apply, "_value", lambda root, key: "0" if key == FORWARD else value(root, key))
    (unmet,) = host.give(sysctls=True)
    assert unmet.reason == "the kernel took 0 for 1"


@pytest.mark.parametrize(
    ("name", "key", "people"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward", "net.ipv4.ip_forward"),
        ("net/ipv4/conf/eth0.100/forwarding", "net/ipv4/conf/eth0.100/forwarding", "net/ipv4/conf/eth0.100/forwarding"),
        ("net.ipv4.conf.eth0/100.forwarding", "net/ipv4/conf/eth0.100/forwarding", "net/ipv4/conf/eth0.100/forwarding"),
    ],
)
def test_a_dot_in_an_interfaces_name_is_no_separator(name: str, key: str, people: str) -> None:
    assert (canonical(name), shown(key)) == (key, people)
    assert canonical(people) == key


@pytest.mark.parametrize(
    "name", ["", "net", "net..x", "../../etc/passwd", "net/../x", "net.ipv4.conf.*.rp_filter", "a.b c"]
)
def test_what_is_no_name_of_a_sysctl_is_refused(name: str) -> None:
    assert "is no name of a sysctl" in (problem_with(name) or "")
