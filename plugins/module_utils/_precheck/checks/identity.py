# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The host's names."""

import re

from ..answers import Facts
from .declaration import ALWAYS, Judgement, Want, check, fail, ok, warn


@check(
    rank=8,
    category="identity",
    applies=ALWAYS,
    remedy="delete /var/lib/calico/nodename if it came with a copied disk; set `node_name` if the Node's name is not the hostname",
    source="projectcalico/calico#3097",
)
def node_name_unique(facts: Facts, want: Want) -> Judgement:
    """The name that an earlier calico-node left on the host is the Node's, and the hostname can be a Node's name."""
    hostname, left_over = facts["hostname"], facts["nodename_file"]
    names = (
        [want.node_name]
        if want.node_name
        else [hostname.lower(), facts["fqdn"].lower(), hostname.lower().partition(".")[0]]
    )
    if left_over and left_over not in names:
        return fail(
            "an earlier calico-node called this host {}".format(left_over),
            observed="/var/lib/calico/nodename: {}".format(left_over),
            expected=" or ".join(sorted(set(names))),
        )
    if not re.match(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", hostname):
        return warn(
            "the hostname is no name that a Node can have",
            observed=hostname,
            expected="lower case letters, digits, dash and dot",
            remedy="hostnamectl set-hostname with such a name, before the host joins",
        )
    return ok("hostname {}".format(hostname))
