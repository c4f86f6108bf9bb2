# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The documents that the filters of a play make: what hosts registered as a PrecheckReport, that and the cluster's nodes as a Plan.

And a PolicyProbeReport with what hosts say of their rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.catalogue import CATALOGUE
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import (
    ClusterName,
    NodeFacts,
    Observation,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence import host_rules as _rules
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence import precheck_report as _report
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.waivers import read_waivers
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import build_plan
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.restarting import LEAST_PATIENCE
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import (
    document,
    from_the_cluster,
    made_or_complaint,
    readable,
)
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._untrusted import untrusted

READ = "precheck_calico"
"""What the role registers on each host of the play that read it, once."""
CHECKS = frozenset(check.id for check in CATALOGUE)


@readable
def precheck_report(
    hosts: list[str],
    hostvars: Mapping[str, Any],
    register: str = "precheck_registered",
    in_run: list[str] | None = None,
    nodes: Mapping[str, Any] | None = None,
    calico: Mapping[str, Any] | None = None,
    or_complaint: bool = False,
) -> Any:
    return made_or_complaint(or_complaint, lambda: _made(hosts, hostvars, register, in_run, nodes or {}, calico))


@readable
def plan(
    report: Any,
    nodes: Any,
    tiers: Any,
    exclusions: Any = (),
    admission_label: Any = None,
    batch_timeout: Any = 600,
    soak: Any = 10,
    observation: Any = None,
    adoption_max_unavailable: Any = None,
    cluster: Any = None,
    restart_patience: Any = LEAST_PATIENCE,
    installation_spec: Any = None,
    verify: Any = None,
    failure_budget: Any = None,
    quarantine: Any = None,
    or_complaint: bool = False,
) -> Any:
    return made_or_complaint(
        or_complaint,
        lambda: build_plan(
            from_the_cluster(nodes, "nodes", NodeFacts),
            document(report, "PrecheckReport"),
            plain(tiers),
            plain(exclusions),
            plain(admission_label),
            plain(batch_timeout),
            plain(soak),
            None if observation is None else from_the_cluster(observation, "observation", Observation),
            plain(adoption_max_unavailable),
            None if cluster is None else from_the_cluster(cluster, "cluster", ClusterName),
            plain(restart_patience),
            plain(installation_spec),
            plain(verify),
            plain(failure_budget),
            plain(quarantine),
        ),
    )


@readable
def with_host_rules(
    report: Any, hosts: list[str], hostvars: Mapping[str, Any], nodes: Any, register: str = "rollout_host_rules"
) -> Any:
    known = {host: _variables(hostvars, host, (register, "node_name")) for host in hosts}
    told = _rules.with_host_rules(
        document(report, "PolicyProbeReport"),
        from_the_cluster(nodes, "nodes", NodeFacts),
        {host: one[register] for host, one in known.items()},
        {host: one["node_name"] for host, one in known.items()},
    )
    # It repeats names of interfaces, and what hosts said when they failed.
    return untrusted(told)


def _made(
    hosts: list[str],
    hostvars: Mapping[str, Any],
    register: str,
    in_run: list[str] | None,
    nodes: Mapping[str, Any],
    calico: Mapping[str, Any] | None,
) -> Any:
    known = {host: _variables(hostvars, host, (register, "node_name", "precheck_waivers", READ)) for host in hosts}
    registered = {host: known[host][register] for host in hosts}
    node_names = {host: known[host]["node_name"] for host in hosts}
    waivers = {host: read_waivers(plain(known[host]["precheck_waivers"]), host, CHECKS) for host in hosts}
    today = datetime.now(timezone.utc).date()
    joined = _report.with_nodes(registered, node_names, plain(nodes))
    asked = None if in_run is None else [*plain(in_run), *joined.by_node]
    read = calico or next((one[READ].get("settings") for one in known.values() if isinstance(one[READ], Mapping)), None)
    settings = document(read, "CalicoSettings") if read else None
    return _report.assemble(joined.registered, joined.node_names, asked, waivers, today, settings)


def _variables(hostvars: Mapping[str, Any], host: str, names: Iterable[str]) -> dict[str, Any]:
    """None for one that the host never came to set. Asked for with `in` first: reading an unset variable may raise.

    All of a host at once: each look into `hostvars` makes Ansible work out every variable of that host anew.
    """
    of_host = hostvars.get(host, {})
    return {name: of_host[name] if name in of_host else None for name in names}  # noqa: SIM401 - reading an unset one may raise


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"precheck_report": precheck_report, "plan": plan, "with_host_rules": with_host_rules}
