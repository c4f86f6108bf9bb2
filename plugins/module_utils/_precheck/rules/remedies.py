# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Where a missing kernel feature comes from, by distribution."""

from typing import Callable, Dict, List, Sequence

from ..facts import Facts
from .declaration import OUTSIDE, Want
from .packages import IMAGES, RED_HAT, names_of, package_of

_SUSE = {"suse", "sles", "opensuse-leap", "opensuse-tumbleweed"}


def kernel_feature(option: str, modules: str, load: bool = True) -> Callable[[Facts, Want], str]:
    """A remedy for a kernel that lacks what this configuration option stands for: these modules have it, where they are modules."""
    names = modules.split()

    def remedy(facts: Facts, want: Want) -> str:
        loadable = facts.get("modules", {}).get("loadable") and _packages(facts, names)
        then = f", then modprobe {modules}" if load and loadable else ""
        return f"{where_from(facts, option, names)}{then}; {OUTSIDE}"

    return remedy


def kernel_built_with(option: str) -> str:
    """A remedy for what no module brings."""
    return f"boot a kernel built with {option}; {OUTSIDE}"


def netfilter_netlink(facts: Facts, want: Want) -> str:
    """A remedy for a host on which the socket itself is refused, whatever its kernel has behind it."""
    kernel = where_from(facts, "CONFIG_NETFILTER_NETLINK", ["nfnetlink"])
    return (
        f"lift the seccomp policy that refuses socket(AF_NETLINK, NETLINK_NETFILTER), if there is one; else {kernel}; "
        f"{OUTSIDE}"
    )


def where_from(facts: Facts, option: str, modules: Sequence[str]) -> str:
    """What is to be done to have this option, which is in these modules where it is a module at all."""
    release = facts.get("kernel_release", "$(uname -r)")
    system: Dict[str, str] = facts.get("os_release", {})
    names = names_of(system)
    if not facts.get("modules", {}).get("loadable", True):
        return f"boot a kernel built with {option}: the running one has no modules"
    if "microsoft" in release:
        return f"name a kernel built with {option} in .wslconfig (kernel=), and restart WSL"
    if release.endswith("-tegra"):
        return f"build NVIDIA's kernel with {option}=m and install its modules"
    if system.get("ID") in IMAGES or system.get("VARIANT_ID") == "coreos":
        return f"move to an image of {system.get('ID')} whose kernel has {option}: modules cannot be added"
    packages = _packages(facts, modules)
    if packages and names & RED_HAT:
        return f"dnf install {' '.join(packages)} (and reboot, if that brings another kernel)"
    if packages:
        reboot = "" if release in packages[0] else ", then reboot"
        return f"apt install {packages[0]}{reboot}"
    if names & RED_HAT:
        # Kernels of others (UEK, ELRepo, Amazon) have packages of their own, which dnf finds by what is in them.
        return f"install what `dnf provides '/lib/modules/{release}/*/{modules[0]}.ko*'` names"
    if system.get("ID") == "debian" and "-cloud-" in release:
        return (
            f"install Debian's full kernel (linux-image-{release.rpartition('-')[2]}) and boot it: the cloud kernel "
            f"leaves {option} out"
        )
    if names & _SUSE and release.endswith("-default"):
        return "zypper install kernel-default in place of kernel-default-base, then reboot"
    return f"install the modules of kernel {release} that {option} stands for, or boot a kernel that has it"


def _packages(facts: Facts, modules: Sequence[str]) -> List[str]:
    """Each once, in the order of the modules."""
    system, release = facts.get("os_release", {}), facts.get("kernel_release", "")
    found = (package_of(system, release, module) for module in modules)
    return list(dict.fromkeys(filter(None, found)))


def load_now(modules: str) -> str:
    return f"modprobe {modules}, and name {modules} in /etc/modules-load.d/calico.conf"
