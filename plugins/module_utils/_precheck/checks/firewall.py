# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Firewalls of the host's own."""

from ..answers import Facts
from .declaration import ALWAYS, Judgement, Want, check, fail, ok, warn


@check(
    rank=4,
    category="firewall",
    applies=ALWAYS,
    remedy="disable firewalld, or put cali+, tunl+, vxlan.calico and the pod and service networks into its zone trusted",
    source="docs.tigera.io requirements; projectcalico/calico#5232",
)
def firewalld_active(facts: Facts, want: Want) -> Judgement:
    """firewalld is off, or trusts what belongs to pods."""
    if not facts["firewalld_active"]:
        return ok("firewalld is not running")
    trusted = facts["firewalld_trusted"]
    pods = [name for name in trusted["interfaces"] if name.startswith(("cali", "tunl", "vxlan.calico", "vxlan+"))]
    observed = "trusted: {}".format(", ".join(pods + trusted["sources"]) or "nothing of pods")
    if not pods and not trusted["sources"]:
        return fail("firewalld is running and trusts neither Calico's interfaces nor any network", observed=observed)
    return warn("firewalld is running; each reload of it removes Calico's rules for a moment", observed=observed)
