# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the hosts of a play registered, as one PrecheckReport."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.checks.catalogue import CATALOGUE
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout import precheck_report as _report
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.waivers import read_waivers
from ansible_collections.calico_ops.rollout.plugins.plugin_utils.documents import readable

CHECKS = frozenset(check.id for check in CATALOGUE)


@readable
def precheck_report(
    hosts: list[str],
    hostvars: Mapping[str, Any],
    register: str = "precheck_registered",
    in_run: list[str] | None = None,
    nodes: Mapping[str, Any] | None = None,
) -> Any:
    registered = {host: _variable(hostvars, host, register) for host in hosts}
    node_names = {host: _variable(hostvars, host, "node_name") for host in hosts}
    waivers = {host: read_waivers(plain(_variable(hostvars, host, "precheck_waivers")), host, CHECKS) for host in hosts}
    today = datetime.now(timezone.utc).date()
    joined = _report.with_nodes(registered, node_names, plain(nodes or {}))
    asked = None if in_run is None else [*plain(in_run), *joined.by_node]
    return _report.assemble(joined.registered, joined.node_names, asked, waivers, today)


def _variable(hostvars: Mapping[str, Any], host: str, name: str) -> Any:
    """None where the host never came to set it. Asked for with `in` first: reading an unset variable may raise."""
    return hostvars[host][name] if host in hostvars and name in hostvars[host] else None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"precheck_report": precheck_report}
