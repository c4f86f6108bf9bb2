# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What several checks rest on."""

from typing import Optional

from ..facts import Facts
from ..host.probes.catalogue import NETFILTER
from .declaration import Ground, Judgement, Want, fail
from .evidence import REFUSED, netfilter_refused
from .remedies import netfilter_netlink


def _refused(facts: Facts, want: Want) -> Optional[Judgement]:
    refusal = netfilter_refused(facts)
    if not refusal:
        return None
    remedy = netfilter_netlink(facts, want)
    return fail(REFUSED, observed=refusal, expected="a netfilter netlink socket", remedy=remedy)


# iptables-legacy would not need it, but Felix's IP sets do: a refused socket decides.
NETFILTER_NETLINK = Ground("netfilter_netlink", (NETFILTER,), _refused)
