# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Where a missing kernel feature comes from, by distribution."""

from typing import Callable, Dict, Optional

from ..answers import Facts
from .declaration import OUTSIDE, Want

_RED_HAT = {"rhel", "centos", "rocky", "almalinux", "fedora", "ol"}
_SUSE = {"suse", "sles", "opensuse-leap", "opensuse-tumbleweed"}
_IMAGES = {"flatcar", "talos", "bottlerocket", "cos", "fedora-coreos", "rhcos"}


def kernel_feature(option: str, modules: str = "") -> Callable[[Facts, Want], str]:
    """A remedy for a kernel that lacks what this configuration option stands for; the modules are what the package brings."""

    def remedy(facts: Facts, want: Want) -> str:
        loadable = facts.get("modules", {}).get("loadable") and package_of(
            facts.get("os_release", {}), facts.get("kernel_release", "")
        )
        load = ", then modprobe {}".format(modules) if modules and loadable else ""
        return "{}{}; {}".format(where_from(facts, option), load, OUTSIDE)

    return remedy


def netfilter_netlink(facts: Facts, want: Want) -> str:
    """A remedy for a host on which the socket itself is refused, whatever its kernel has behind it."""
    kernel = where_from(facts, "CONFIG_NETFILTER_NETLINK")
    return "lift the seccomp policy that refuses socket(AF_NETLINK, NETLINK_NETFILTER), if there is one; else {}; {}".format(
        kernel, OUTSIDE
    )


def where_from(facts: Facts, option: str) -> str:
    release = facts.get("kernel_release", "$(uname -r)")
    system: Dict[str, str] = facts.get("os_release", {})
    names = {system.get("ID", ""), *system.get("ID_LIKE", "").split()}
    if not facts.get("modules", {}).get("loadable", True):
        return "boot a kernel built with {}: the running one has no modules".format(option)
    if release.endswith("-tegra"):
        return "build NVIDIA's kernel with {}=m and install its modules".format(option)
    if system.get("ID") in _IMAGES or system.get("VARIANT_ID") == "coreos":
        return "move to an image of {} whose kernel has {}: modules cannot be added".format(system.get("ID"), option)
    package = package_of(system, release)
    if package and names & _RED_HAT:
        return "dnf install {} (and reboot, if that brings another kernel)".format(package)
    if package:
        return "apt install {}{}".format(package, "" if release in package else ", then reboot")
    if "debian" in names and "-cloud-" in release:
        return "install Debian's full kernel (linux-image-{}) and boot it: the cloud kernel leaves {} out".format(
            release.rpartition("-")[2], option
        )
    if names & _SUSE:
        return "zypper install kernel-default in place of kernel-default-base, then reboot"
    return "install the modules of kernel {} that {} stands for, or boot a kernel that has it".format(release, option)


def package_of(system: Dict[str, str], release: str) -> Optional[str]:
    """The package with the rest of the running kernel's modules, where a distribution keeps some of them apart."""
    names = {system.get("ID", ""), *system.get("ID_LIKE", "").split()}
    if release.endswith("-tegra") or system.get("ID") in _IMAGES or system.get("VARIANT_ID") == "coreos":
        return None
    if names & _RED_HAT:
        return "kernel-modules-extra-{}".format(release)
    if "ubuntu" in names:
        return "linux-modules-extra-{}".format("raspi" if release.endswith("-raspi") else release)
    return None


def load_now(modules: str) -> str:
    return "modprobe {0}, and name {0} in /etc/modules-load.d/calico.conf".format(modules)
