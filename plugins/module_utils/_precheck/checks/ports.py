# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Ports that calico-node listens on."""

from typing import Optional, Tuple

from ..answers import BECOME, Facts, NoEvidence
from .conditions import BGP
from .declaration import Judgement, Want, check, fail, ok

# Calico's own programs, by the name the kernel knows them by (15 letters at most).
_BIRD = ("bird", "bird6")
BGP_PORT = 179


def ports_of(want: Want) -> Tuple[int, ...]:
    """The ports whose holders the checks want to know."""
    return (BGP_PORT,)


def holder(facts: Facts, port: str, own: Tuple[str, ...]) -> Optional[str]:
    """Who has this port ("tcp/179") and is none of `own`; None when nobody has."""
    for one in facts["listeners"].get(port, []):
        program = one["program"]
        if program is None and facts["euid"] != 0:
            raise NoEvidence("needs become: somebody has port {}, and only root may see who".format(port), BECOME)
        if program not in own:
            return "{} at {}".format(program or "a program that cannot be seen", one["address"])
    return None


@check(
    rank=7,
    category="ports",
    applies=BGP,
    remedy="stop the other BGP daemon, or give BGPConfiguration another listenPort",
    source="projectcalico/calico#7893",
)
def bgp_port_free(facts: Facts, want: Want) -> Judgement:
    """Nobody but Calico's own BIRD listens on TCP port 179."""
    who = holder(facts, "tcp/179", _BIRD)
    if who:
        message = "{} listens on TCP port 179".format(who.partition(" at ")[0])
        return fail(message, observed=who, expected="bird, or nobody")
    return ok("BIRD has the port already" if facts["listeners"].get("tcp/179") else "the port is free")
