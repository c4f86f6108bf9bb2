# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's precheck report of any size, with what real fleets bring: one fault on many hosts, some warnings, some silence."""

from __future__ import annotations

from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import PrecheckReport
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.precheck_report import assemble

from tests.unit.rollout.builders import UNREACHABLE, answer, check

MODULES_EXTRA = (
    "dnf install kernel-modules-extra-6.12.0-55.el10.x86_64 (and reboot, if that brings another kernel); "
    "or keep the node outside: it will be listed as excluded"
)
TRUSTED_ZONE = "put cali+, tunl+ and vxlan.calico into firewalld's trusted zone, or stop firewalld"
_LACKING = (
    check(
        "ipset_functional",
        "fail",
        1,
        observed="EINVAL, Invalid argument (protocol)",
        expected="an answer to IPSET_CMD_PROTOCOL",
        remedy=MODULES_EXTRA,
        source="projectcalico/calico#9540",
    ),
    check(
        "xt_match_set",
        "fail",
        17,
        category="netfilter",
        message="the kernel lacks what iptables needs for set",
        observed="ENOENT",
        expected=None,
        remedy=MODULES_EXTRA,
        source="projectcalico/calico#7028",
    ),
)
_FIREWALL = check(
    "firewalld_active",
    "warn",
    4,
    category="firewall",
    message="firewalld is active",
    remedy=TRUSTED_ZONE,
    source="projectcalico/calico#5232",
)


def fleet_report(hosts: int, **others: Any) -> PrecheckReport:
    """Every seventh host lacks IP sets, every eleventh has a firewall, every 97th does not answer; `others` are more answers."""
    return assemble({**{f"edge-{number}": _host(number) for number in range(1, hosts + 1)}, **others})


def _host(number: int) -> dict[str, Any]:
    if number % 97 == 0:
        return UNREACHABLE
    checks = [check("ipset_functional"), check("kernel_min", rank=24, category="kernel")]
    if number % 7 == 0:
        checks = [*_LACKING, *checks[1:]]
    if number % 11 == 0:
        checks.append(_FIREWALL)
    name = f"edge-{number}"
    system = {"os_id": "rhel", "os_version": "10.0", "kernel": "6.12.0-55.el10.x86_64"}
    return answer(name, checks, node_name=name, **system)
