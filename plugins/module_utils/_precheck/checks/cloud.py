# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Clouds that do not carry what an encapsulation sends."""

from typing import Optional

from ..facts import Facts
from ..host.no_evidence import NoEvidence
from ..rules.conditions import IPIP
from ..rules.declaration import Judgement, Want, check, fail, ok, warn

# Azure's tag is the same on every machine it has ever made; Hyper-V alone, with the same vendor, does not have it.
_AZURE = "7783-7084-3265-9085-8269-3286-77"
_NEED_A_RULE = ("Google", "DigitalOcean", "OpenStack")


def azure(facts: Facts) -> bool:
    return bool(facts["platform"]["chassis_asset_tag"] == _AZURE)


def _filtering(facts: Facts) -> Optional[str]:
    names = " ".join(filter(None, (facts["platform"]["sys_vendor"], facts["platform"]["product_name"])))
    return next((cloud for cloud in _NEED_A_RULE if cloud.lower() in names.lower()), None)


@check(
    rank=15,
    category="encapsulation",
    applies=IPIP,
    remedy="give the IP pools encapsulation VXLAN, or let IP protocol 4 pass between the nodes",
    source="kubernetes/kops#17832, kubernetes/kops#8249, poseidon/typhoon#11",
)
def cloud_blocks_ipip(facts: Facts, want: Want) -> Judgement:
    """The cloud carries IP protocol 4."""
    if not any(facts["platform"].values()) and facts["architecture"] in ("x86_64", "i686"):
        raise NoEvidence("who made this machine cannot be told: no DMI", "make /sys/class/dmi/id readable")
    if azure(facts):
        return fail(
            "Azure drops IP-in-IP: pods on different nodes do not reach each other",
            observed="Azure",
            expected="VXLAN",
            remedy="give the IP pools encapsulation VXLAN",
        )
    cloud = _filtering(facts)
    if cloud:
        return warn(f"{cloud} lets IP-in-IP pass only where a rule allows protocol 4", observed=cloud)
    return ok()
