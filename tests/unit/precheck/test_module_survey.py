# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules are there, and which a question would load, is read from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.gather import gather, unsafe
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps import files
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps.modules import (
    loaded_now,
    options,
    survey,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.questions import asked_of

from tests.unit.precheck.kernels import want
from tests.unit.precheck.trees import MODULAR, MODULES, RELEASE, tree

REQUESTS = {
    "ipset.protocol": ("net-pf-16-proto-12", "nfnetlink-subsys-6"),
    "link.vxlan": ("rtnl-link-vxlan",),
    "link.veth": ("rtnl-link-veth",),
    "link.ipip": ("rtnl-link-ipip",),
    "netfilter.socket": ("net-pf-16-proto-12",),
}


def surveyed(base: Path, *layers: dict[str, str], names: tuple[str, ...] = ()) -> dict[str, Any]:
    return survey(tree(base, MODULAR, *layers), RELEASE, REQUESTS, names)


def questions_not_asked(found: dict[str, Any], same_mounts: bool = True) -> dict[str, Any]:
    facts = {"modules": {"value": found}, "same_mounts_as_init": {"value": same_mounts}}
    return unsafe(REQUESTS, {**facts, "kernel_release": {"value": RELEASE}})


def test_a_question_that_would_load_a_module_is_not_asked(tmp_path: Path) -> None:
    assert questions_not_asked(surveyed(tmp_path)) == {
        "ipset.protocol": {"unexercised": ["ip_set"]},
        "link.vxlan": {"unexercised": ["vxlan"]},
    }


def test_a_question_whose_modules_are_there_is_asked(tmp_path: Path) -> None:
    loaded = {"/proc/modules": MODULAR["/proc/modules"] + "ip_set 65536 1 xt_set, Live 0x0\nvxlan 8 0 - Live 0x0\n"}
    assert questions_not_asked(surveyed(tmp_path, loaded)) == {}


def test_a_question_for_a_module_that_no_file_has_is_asked_as_it_can_load_nothing(tmp_path: Path) -> None:
    assert "link.ipip" not in questions_not_asked(surveyed(tmp_path))


def test_dash_and_underscore_are_the_same_in_names(tmp_path: Path) -> None:
    dashed = {
        f"{MODULES}/modules.dep": "kernel/net/ipip-x.ko:\n",
        f"{MODULES}/modules.alias": "alias rtnl_link_ipip ipip_x\n",
    }
    assert questions_not_asked(surveyed(tmp_path, dashed))["link.ipip"] == {"unexercised": ["ipip_x"]}


@pytest.mark.parametrize("frozen", [{"/proc/sys/kernel/modules_disabled": "1\n"}, {"/proc/sys/kernel/modprobe": "\n"}])
def test_a_kernel_that_cannot_load_anything_is_asked_everything(tmp_path: Path, frozen: dict[str, str]) -> None:
    assert questions_not_asked(surveyed(tmp_path, frozen)) == {}


def test_a_kernel_without_modules_is_asked_everything(tmp_path: Path) -> None:
    found = survey(tree(tmp_path, {"/proc/cmdline": ""}), RELEASE, REQUESTS, ("ip_set",))
    assert found["loadable"] is False
    assert questions_not_asked(found) == {}


BARE = {"/proc/modules": "ext4 1 1 - Live 0x0\n", "/proc/sys/kernel/modprobe": "/sbin/modprobe\n"}
"""A kernel with modules, none of which are anywhere to be seen."""


def bare(base: Path, *layers: dict[str, str]) -> dict[str, Any]:
    return survey(tree(base, BARE, *layers), RELEASE, REQUESTS, ())


def test_a_host_whose_modules_are_out_of_sight_is_asked_nothing_that_might_load_one(tmp_path: Path) -> None:
    found = bare(tmp_path, {"/sbin/modprobe": ""})
    assert set(questions_not_asked(found, same_mounts=False)) == set(REQUESTS)
    told = questions_not_asked(found, same_mounts=True)
    assert set(told) == set(REQUESTS)
    assert told["link.vxlan"]["remedy"] == f"link them to /lib/modules/{RELEASE}, or allow_module_load: true"


NIX = "/nix/store/abc-kmod-31/bin/modprobe"


@pytest.mark.parametrize(
    ("files", "asked"),
    [
        ({"/sbin/modprobe": ""}, False),
        ({}, True),
        ({"/sbin/modprobe": "", "/lib/modules/5.1/modules.dep": ""}, True),
        ({"/sbin/modprobe": "", "/usr/lib/modules/5.1/modules.dep": ""}, True),
        ({"/proc/sys/kernel/modprobe": f"{NIX}\n", NIX: "", "/lib/modules/5.1/modules.dep": ""}, False),
        ({"/proc/sys/kernel/modprobe": f"{NIX}\n", NIX: ""}, False),
    ],
)
def test_without_modules_in_sight_all_is_asked_only_where_it_is_sure_that_none_can_be_loaded(
    tmp_path: Path, files: dict[str, str], asked: bool
) -> None:
    """No such program, or a usual one beside the modules of other kernels: those of the running one were taken away."""
    assert (questions_not_asked(bare(tmp_path, files)) == {}) is asked


def test_where_the_program_that_loads_modules_cannot_be_told_nothing_is_asked(tmp_path: Path) -> None:
    found = survey(tree(tmp_path, {"/proc/modules": ""}), RELEASE, REQUESTS, ())
    assert set(questions_not_asked(found)) == set(REQUESTS)


@pytest.mark.parametrize(
    "folder",
    ["/run/booted-system/kernel-modules/lib/modules", "/run/booted-system/kernel/lib/modules", "/usr/lib/modules"],
)
def test_the_modules_of_other_distributions_are_found(tmp_path: Path, folder: str) -> None:
    """NixOS has its wrapper of modprobe look there, and nothing in /lib/modules."""
    moved = {path.replace("/lib/modules", folder): text for path, text in MODULAR.items() if "/lib/modules" in path}
    found = bare(tmp_path, {**moved, "/proc/sys/kernel/modprobe": f"{NIX}\n", NIX: ""})
    assert questions_not_asked(found)["link.vxlan"] == {"unexercised": ["vxlan"]}
    assert questions_not_asked(found, same_mounts=False)["ipset.protocol"] == {"unexercised": ["ip_set", "nfnetlink"]}


def test_a_host_without_its_modules_in_sight_is_gathered_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way, in which the questions left depend on what the files say."""
    monkeypatch.setattr(files.os, "readlink", lambda path: "the same")
    root = tree(tmp_path, BARE, {"/sbin/modprobe": ""})
    told = gather(asked_of(want(encapsulation="vxlan"), ["vxlan_link_create"]), root)["facts"]["link.vxlan"]
    assert told["lost"].startswith("the modules of the running kernel are at no place that is known")


def test_what_asks_for_no_module_is_asked_even_where_others_are_withheld(tmp_path: Path) -> None:
    facts = {"modules": {"value": bare(tmp_path, {"/sbin/modprobe": ""})}, "same_mounts_as_init": {"value": True}}
    told = unsafe(["bpf.map", "link.vxlan"], {**facts, "kernel_release": {"value": RELEASE}})
    assert set(told) == {"link.vxlan"}


def test_unreadable_modules_mean_that_nothing_is_asked() -> None:
    facts = {"modules": {"errno": 13, "text": "/proc/modules"}, "same_mounts_as_init": {"value": True}}
    assert set(unsafe(REQUESTS, facts)) == set(REQUESTS)


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("xt_set", "loaded"),
        ("veth", "built in"),
        ("ip_set", "loadable"),
        ("vxlan", "file missing"),
        ("wireguard", "absent"),
    ],
)
def test_the_state_of_a_module_is_told(tmp_path: Path, name: str, state: str) -> None:
    assert surveyed(tmp_path, names=(name,))["states"][name] == state


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/etc/modprobe.d/cis.conf", "install ip_set /bin/false\n"),
        ("/etc/modprobe.d/cis.conf", "# why\n  install ip-set /usr/bin/true # never\n"),
        ("/usr/lib/modprobe.d/dist.conf", "blacklist ip_set\n"),
        ("/proc/cmdline", "ro modprobe.blacklist=floppy,ip_set quiet\n"),
        ("/proc/cmdline", "module_blacklist=ip_set\n"),
    ],
)
def test_a_module_that_modprobe_will_not_load_is_blocked_and_by_what(tmp_path: Path, path: str, text: str) -> None:
    found = surveyed(tmp_path, {path: text}, names=("ip_set",))
    assert (found["states"]["ip_set"], found["blocked"]) == ("blocked", {"ip_set": path})


def test_a_file_of_the_administrator_hides_the_distributions_of_the_same_name(tmp_path: Path) -> None:
    layers = {"/etc/modprobe.d/x.conf": "# nothing\n", "/usr/lib/modprobe.d/x.conf": "blacklist ip_set\n"}
    assert surveyed(tmp_path, layers, names=("ip_set",))["states"]["ip_set"] == "loadable"


@pytest.mark.parametrize("text", ["install ip_set /sbin/modprobe --ignore-install ip_set\n", "# blacklist ip_set\n"])
def test_what_only_looks_like_a_block_is_none(tmp_path: Path, text: str) -> None:
    assert surveyed(tmp_path, {"/etc/modprobe.d/x.conf": text}, names=("ip_set",))["states"]["ip_set"] == "loadable"


def test_a_loaded_module_may_be_blacklisted(tmp_path: Path) -> None:
    layer = {"/etc/modprobe.d/x.conf": "blacklist xt_set\n"}
    assert surveyed(tmp_path, layer, names=("xt_set",))["states"]["xt_set"] == "loaded"


def test_the_modules_that_are_loaded_now_are_listed(tmp_path: Path) -> None:
    assert loaded_now(tree(tmp_path, MODULAR)) == ["nfnetlink", "xt_set"]


def test_the_kernels_configuration_tells_what_is_not_set(tmp_path: Path) -> None:
    root = tree(tmp_path, {f"/boot/config-{RELEASE}": "CONFIG_VXLAN=m\n# CONFIG_NET_IPIP is not set\nCONFIG_VETH=y\n"})
    found = options(root, RELEASE)
    assert (found["CONFIG_VXLAN"], found["CONFIG_NET_IPIP"], found["CONFIG_VETH"]) == ("m", "n", "y")


def test_without_a_configuration_nothing_is_said_about_options(tmp_path: Path) -> None:
    assert options(tree(tmp_path), RELEASE) == {}
