# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The kernel's version, measured by what Calico's documentation asks for."""

from ..answers import Facts
from .conditions import NFTABLES
from .declaration import ALWAYS, OUTSIDE, Judgement, Want, check, fail, ok, warn
from .versions import DOCUMENTED, documented, enterprise_linux_8, kernel_version, words


@check(
    rank=22,
    category="kernel",
    applies=NFTABLES,
    remedy="move to a newer kernel, or give the Installation linuxDataplane Iptables",
    source="docs.tigera.io nftables; felix/nftables does not refuse an older kernel by itself",
)
def nft_kernel_version(facts: Facts, want: Want) -> Judgement:
    """The kernel is not older than Calico's documentation asks for with nftables."""
    release = facts["kernel_release"]
    floor = documented(want).nftables
    if kernel_version(release) >= floor:
        return ok("kernel {}".format(release))
    return warn(
        "the kernel is older than Calico's nftables data plane is documented for",
        observed=release,
        expected="{} or newer".format(words(floor)),
    )


@check(
    rank=24,
    category="kernel",
    applies=ALWAYS,
    remedy="upgrade the kernel; {}".format(OUTSIDE),
    source="docs.tigera.io requirements, {} to {}".format(min(DOCUMENTED), max(DOCUMENTED)),
)
def kernel_min(facts: Facts, want: Want) -> Judgement:
    """The kernel is not older than Calico's documentation asks for."""
    release = facts["kernel_release"]
    floor = documented(want).kernel
    if kernel_version(release) >= floor:
        return ok("kernel {}".format(release))
    if enterprise_linux_8(release):
        return warn(
            "the kernel is older than {}, though RHEL 8's is listed as working".format(words(floor)),
            observed=release,
            expected=words(floor),
        )
    return fail("the kernel is older than {}".format(words(floor)), observed=release, expected=words(floor))
