# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What Calico's documentation and code ask of a kernel, by minor version of Calico."""

import re
from typing import Dict, NamedTuple, Tuple

from ..host.no_evidence import NoEvidence
from ..host.sweeps.lines import numbers
from .declaration import Want

Version = Tuple[int, int]


class Documented(NamedTuple):
    kernel: Version
    """docs.tigera.io, requirements: 3.10 up to Calico 3.28, 5.10 since 3.29. RHEL 8's 4.18 is listed as working with all of them.

    The pages of 3.28 said 3.10 until they were withdrawn (2025-11); those of 3.29 to 3.31 did too, until tigera/docs 1bbcbae of
    2025-12-08 corrected them.
    """
    nftables: Version
    """docs.tigera.io, nftables; felix/nftables/utils.go. The data plane came with 3.29."""
    bpf: Version
    """docs.tigera.io, eBPF: 5.3, and 5.10 since Calico 3.31 (tigera/docs b8c7716 of 2026-04-01)."""
    bpf_enterprise_linux: Tuple[int, ...]
    """The same for RHEL 8, whose 4.18 has what is needed since build 193 (8.2), and since 3.31 build 305 (8.4)."""


FELIX_BPF: Version = (5, 3)
"""felix/bpf/bpf.go, in all of these: on an older kernel Felix goes on with iptables. The documentation asks for more by now."""
FELIX_BPF_ENTERPRISE_LINUX: Tuple[int, ...] = (4, 18, 0, 193)

_FIRST = Documented(kernel=(3, 10), nftables=(5, 13), bpf=FELIX_BPF, bpf_enterprise_linux=FELIX_BPF_ENTERPRISE_LINUX)
_SINCE_3_29 = _FIRST._replace(kernel=(5, 10))
_SINCE_3_31 = _SINCE_3_29._replace(bpf=(5, 10), bpf_enterprise_linux=(4, 18, 0, 305))
DOCUMENTED: Dict[str, Documented] = {
    "3.28": _FIRST,
    "3.29": _SINCE_3_29,
    "3.30": _SINCE_3_29,
    "3.31": _SINCE_3_31,
    "3.32": _SINCE_3_31,
    "3.33": _SINCE_3_31,
}


def documented(want: Want) -> Documented:
    return DOCUMENTED[want.calico_version]


def calico_minor(want: Want) -> Version:
    """(3, 33) for 3.33, to be compared."""
    major, minor = numbers(want.calico_version)[:2]
    return major, minor


def kernel_version(release: str) -> Version:
    found = numbers(release)
    if len(found) < 2 or not release[0].isdigit():
        raise NoEvidence(
            f"the kernel's version cannot be read from {release}", "report this as a fault of the collection"
        )
    return found[0], found[1]


def enterprise_linux_8(release: str) -> bool:
    """RHEL 8 and its kin keep 4.18 and backport to it."""
    return kernel_version(release) == (4, 18) and ".el8" in release


def build_of(release: str) -> Tuple[int, ...]:
    """4.18.0-553.16.el8_10 as (4, 18, 0, 553): what RHEL counts its backports by."""
    return tuple(numbers(release)[:4])


# Parts of the text behind the numbers that change from build to build within a flavour: the release of the system that a kernel was built
# for, and the count of a patch set.
_COUNTED = re.compile(r"(?<![a-z])(el|fc|deb|arch|zen|xanmod|rt|amzn)\d[\d._]*(?:-\d+(?!\w))?")
# The numbers that a release begins with. Fedora and Red Hat put a letter right behind them.
_NUMBERS = re.compile(r"\d+(?:[.-]\d+(?![A-Za-z\d]))*")


def flavour(release: str) -> str:
    """What a kernel is built for, whatever its version: `-generic` of 6.8.0-45-generic, `+rpt-rpi-2712` of 6.6.31+rpt-rpi-2712.

    A host may have several, and its boot loader takes the newest of one of them. A Raspberry Pi's firmware chooses by its board, Red
    Hat's by DEFAULTKERNEL in /etc/sysconfig/kernel.
    """
    return _COUNTED.sub(r"\1", _NUMBERS.sub("", release, count=1))


def age(release: str) -> Tuple[int, ...]:
    """To compare two builds of one flavour by."""
    return tuple(numbers(release.partition(".el")[0]))


def words(version: Tuple[int, ...]) -> str:
    return ".".join(map(str, version))
