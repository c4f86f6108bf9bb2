# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What Felix takes for granted on its own host: the name localhost, and the lock of iptables."""

import ipaddress

from ..facts import Facts
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok, warn
from ..upstream import iptables_backend
from .backend import PROBES, felix_takes


@check(
    rank=114,
    category="identity",
    applies=ALWAYS,
    remedy="give /etc/hosts the line `127.0.0.1 localhost`, and restart calico-node if it runs: its pod has a copy of that file",
    source="Felix and Typha listen for health on the name localhost (felix/config: HealthHost); the kubelet copies the host's /etc/hosts"
    " into pods of the host's network (pkg/kubelet/kubelet_pods.go, nodeHostsFileContent())",
)
def localhost_known(facts: Facts, want: Want) -> Judgement:
    """/etc/hosts knows localhost, on which Felix answers for its health."""
    found = facts["localhost"]
    if any(ipaddress.ip_address(one.partition("%")[0]).is_loopback for one in found):
        return ok()
    return fail(
        "/etc/hosts does not know localhost: Felix opens no port for its health, and calico-node is never ready",
        observed=f"localhost is {', '.join(found)}" if found else "no line with localhost in /etc/hosts",
        expected="127.0.0.1 localhost, or ::1 localhost",
    )


@check(
    rank=115,
    category="netfilter",
    applies=ALWAYS,
    probes=PROBES,
    remedy="end that program, or let it go of the lock; `lslocks` shows it",
    source="iptables-legacy waits for the lock /run/xtables.lock (flock); iptables-nft takes none",
)
def xtables_lock_free(facts: Facts, want: Want) -> Judgement:
    """Nobody keeps the lock of iptables, for which Felix would wait."""
    holder = facts["xtables_lock"]
    if holder is None:
        return ok()
    who = f"{holder['program'] or 'a program'} (pid {holder['pid']})"
    taken = felix_takes(facts, want)
    if taken == (iptables_backend.NFT, "setting") or not iptables_backend.runs_iptables(
        want.dataplane, want.calico_version
    ):
        return ok()
    return warn(
        f"{who} keeps the lock of iptables: Felix waits for it with iptables-legacy, programs nothing and is not ready",
        observed=f"/run/xtables.lock held for {holder['seconds']:g} s or longer",
        expected="held for a moment",
    )
