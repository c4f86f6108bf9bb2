# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which package of a distribution has a kernel module.

Red Hat's kernels: redhat/rhel_files of the kernel's own tree, def_variants.yaml.rhel for 10, filter-modules.sh.rhel and
mod-extra.list.rhel for 8 and 9. Up to 9, all of netfilter and of the tunnels comes with the kernel itself. 10 moved what iptables and
ipset need to a package that its images leave out (kubernetes/kops#18724). It kept the tunnels and nf_tables.

A kernel's release says who built it, not the system that it runs on: WSL2, Armbian, xanmod, ELRepo and others have kernels of their own
for Ubuntu's and Red Hat's systems, and packages of other names, or none.
"""

import re
from typing import Dict, Optional, Set

from ..host.sweeps.lines import numbers

RED_HAT = {"rhel", "centos", "rocky", "almalinux", "fedora", "ol"}
IMAGES = {"flatcar", "talos", "bottlerocket", "cos", "fedora-coreos", "rhcos"}

# What 10 has in kernel-modules-extra, by how its name begins.
_EXTRA_SINCE_10 = ("ip_set", "ip_tables", "ipt", "ip6_tables", "ip6t", "nft_compat", "xt_", "br_netfilter")
_EXTRA = ("sctp",)
# kernel-modules-core was split off kernel-core with 9.2.
_SPLIT = (5, 14, 0, 284)
# One version of the kernel for the life of a Red Hat release; Fedora's moves on.
_RELEASES = (
    r"4\.18\.0-[\w.]*\.el8|5\.14\.0-[\w.]*\.el9|6\.12\.0-[\w.]*\.el10|\d+\.\d+\.\d+-\d[\d.]*(?:rc\d[\w.]*)?\.fc\d+"
)
_MACHINES = "x86_64|aarch64|ppc64le|s390x"
_BY_RED_HAT = re.compile(rf"({_RELEASES})(_\d+)?\.({_MACHINES})(\+(64k|debug|rt|rt-debug|64k-debug))?$")
# Canonical counts its builds by up to four digits: 6.8.0-45-generic. Its builds of the main line have six (6.8.0-060800-generic)
# and System76's eight, both without further packages. These of Canonical's flavours have linux-modules-extra.
_BY_CANONICAL = re.compile(
    r"\d+\.\d+\.0-\d{1,4}-(generic|generic-64k|aws|azure|gcp|gke|gkeop|ibm|oracle|nvidia|raspi)$"
)
_REAL_TIME = re.compile(r"\.rt\d+\.")


def package_of(system: Dict[str, str], release: str, module: str) -> Optional[str]:
    """The package with this module of the running kernel; null where none is known."""
    names = names_of(system)
    if release.endswith("-tegra") or system.get("ID") in IMAGES or system.get("VARIANT_ID") == "coreos":
        return None
    if names & RED_HAT:
        return _of_red_hat(release, module)
    by_canonical = _BY_CANONICAL.match(release) if "ubuntu" in names else None
    if by_canonical:
        return f"linux-modules-extra-{'raspi' if by_canonical.group(1) == 'raspi' else release}"
    return None


def names_of(system: Dict[str, str]) -> Set[str]:
    """What the system calls itself, and what it takes after."""
    return {system.get("ID", ""), *system.get("ID_LIKE", "").split()}


def _of_red_hat(release: str, module: str) -> Optional[str]:
    built = _BY_RED_HAT.match(release)
    if built is None:
        return None
    extra = module.startswith(_EXTRA + (_EXTRA_SINCE_10 if built.group(1).endswith(".el10") else ()))
    core = "modules-core" if tuple(numbers(release)[:4]) >= _SPLIT else "core"
    # The package of kernel 5.14.0-427.el9.aarch64+64k is kernel-64k-...-5.14.0-427.el9.aarch64.
    base, _plus, flavour = release.partition("+")
    flavour = "rt" if _REAL_TIME.search(base) else flavour
    parts = ["kernel", *([flavour] if flavour else []), "modules-extra" if extra else core, base]
    return "-".join(parts)
