# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets of any size, with what real ones bring: one fault on many hosts, some warnings, some silence."""

from __future__ import annotations

import copy
from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.judge import examine
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import PrecheckReport
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble

from tests.unit.precheck import kernels
from tests.unit.rollout.builders import UNREACHABLE, answer, check, machine_id

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


def full_size_answers(hosts: int) -> dict[str, Any]:
    """What hosts register of all checks, each with an identity of its own.

    Every fifth lacks modules, every eleventh was not asked as root and so has a finding of most checks, every 97th does not answer.
    """
    well, lacking, unprivileged = (_of_all_checks(kernel) for kernel in KERNELS)
    answers: dict[str, Any] = {}
    for number in range(1, hosts + 1):
        given = unprivileged if number % 11 == 0 else lacking if number % 5 == 0 else well
        answers[f"edge-{number}"] = UNREACHABLE if number % 97 == 0 else _own(copy.deepcopy(given), number)
    return answers


KERNELS = (kernels.healthy, kernels.rhel10_without_extra_modules, kernels.unprivileged)


def _of_all_checks(kernel: Callable[[], kernels.RawFacts]) -> dict[str, Any]:
    answered = {"facts": kernel(), "modules_loaded": [], "duration": 0.21}
    document, _judged = examine(answered, kernels.want(dataplane="iptables", encapsulation="vxlan", ipv6=True))
    return {"changed": False, "failed": False, "precheck": document, "checked_at": 1.7e9, "call_seconds": 0.4}


def _own(registered: dict[str, Any], number: int) -> dict[str, Any]:
    name, address = f"edge-{number}", f"10.0.{number // 250}.{number % 250}"
    mac = f"3c:ec:ef:00:{number // 256:02x}:{number % 256:02x}"
    document = registered["precheck"]
    document["identity"].update(hostname=name, machine_id=machine_id(name), system_uuid=None, addresses=[address])
    document["facts"].update(address=address, address_v6=f"fd00::{number:x}", macs=[mac])
    return registered


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
