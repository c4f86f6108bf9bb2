# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A precheck report, told to people."""

from __future__ import annotations

from .documents import HostOutcome, PrecheckReport
from .order import natural
from .precheck_report import failed_checks
from .text import count, printable


def precheck_text(report: PrecheckReport) -> str:
    """Every host with its outcome; for one that must stay outside each failed check with what was found and the remedy."""
    lines = []
    hosts = report["hosts"]
    for name in sorted(hosts, key=natural):
        lines += _host(name, hosts[name])
    passed = sum(host["outcome"] == "passed" for host in hosts.values())
    lines += ["", f"Result: {passed} of {count(len(hosts), 'host')} can run calico-node."]
    return "\n".join(printable(line) for line in lines)


def _host(name: str, host: HostOutcome) -> list[str]:
    result = host["result"]
    if result is None:
        return [f"{name}: {host['outcome'].replace('_', ' ')}: {host['reason']}"]
    warnings = [check for check in result["findings"] if check["status"] == "warn"]
    static = result["summary"]["static"]
    if host["outcome"] == "passed":
        head = f"{name}: passed, {count(len(result['ok']) + len(result['findings']), 'check')}"
    else:
        head = f"{name}: must stay outside"
    extra = [f"{count(len(warnings), 'warning')}"] if warnings else []
    extra += [f"{static} judged by module files"] if static else []
    lines = [head + (f" ({', '.join(extra)})" if extra else "")]
    for check in [*failed_checks(host), *warnings]:
        lines.append(f"  {check['status']}: {check['id']}: {check['message']}")
        if check.get("expected"):
            found = f"; observed: {check['observed']}" if check.get("observed") else ""
            lines.append(f"      expected: {check['expected']}{found}")
        if check.get("remedy"):
            lines.append(f"      remedy: {check['remedy']}")
    return lines
