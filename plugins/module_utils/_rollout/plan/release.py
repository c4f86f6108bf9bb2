# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which nodes a release lets out of quarantine: those whose own host passes the precheck of this run, and no others.

It is the evidence that a plan asks of a node. So the next rollout admits whom a release lets out, unless its host changes in between.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, cast

from ..documents import DOCUMENT_VERSION, ExcludedNode, NodeFacts, PrecheckReport
from ..documents.validate import flaw_of
from ..errors import RolloutError
from ..evidence.cross_findings import fatal, with_nodes
from ..evidence.matching import match_hosts
from ..kubernetes.node_names import meant_nodes
from ..text.order import natural
from ..text.terminal import listed
from .exclusion import NOT_IN_RUN, without_evidence


class Release(NamedTuple):
    released: list[str]
    kept: list[ExcludedNode]
    """Nodes that stay in quarantine, with why their host gives no evidence."""

    @property
    def refused(self) -> list[ExcludedNode]:
        """Those of them that this run is about."""
        return [entry for entry in self.kept if entry["cause"] != NOT_IN_RUN]

    def text(self) -> str:
        told = [f"Released: {listed(self.released)}." if self.released else "No node was released."]
        for entry in self.refused:
            remedy = f" {entry['remedy']}." if entry["remedy"] else ""
            told.append(
                f"{entry['node']} stays in quarantine: {entry['cause']}: {entry['reason'].rstrip('.')}.{remedy}"
            )
        absent = [entry["node"] or "" for entry in self.kept if entry["cause"] == NOT_IN_RUN]
        if absent:
            told.append(f"In quarantine, and not in this run: {listed(absent)}.")
        return "\n".join(told)


def release(nodes: Sequence[NodeFacts], report: PrecheckReport, names: Collection[str] = ()) -> Release:
    """`names` are the nodes meant: all in quarantine where there are none. RolloutError when one of them is unknown."""
    by_name = {node["name"]: node for node in nodes}
    meant = set(meant_nodes(names or by_name, by_name))
    matches = match_hosts(nodes, report)
    contradicted = fatal([*report["cross_findings"], *with_nodes(nodes, matches, report)])
    released, kept = [], []
    for node in sorted(nodes, key=lambda node: natural(node["name"])):
        if node["name"] not in meant or node["quarantined"] is None:
            continue
        lacking = without_evidence(node, matches.hosts.get(node["name"]), None, report, contradicted)
        if lacking is None:
            released.append(node["name"])
        else:
            kept.append(lacking)
    return Release(released, kept)


def given_precheck_report(value: Mapping[str, Any]) -> PrecheckReport:
    """What a user handed over as evidence; RolloutError where it is something else."""
    if value.get("kind") != "PrecheckReport" or value.get("version") != DOCUMENT_VERSION:
        raise RolloutError(
            f"precheck_report: a PrecheckReport of version {DOCUMENT_VERSION} is needed, not kind {value.get('kind')} of version "
            f"{value.get('version')}; the filter precheck_report makes one."
        )
    flaw = flaw_of(value, PrecheckReport)
    if flaw is not None:
        raise RolloutError(f"{flaw.told('precheck_report')}. Hand over what the filter precheck_report returned.")
    return cast(PrecheckReport, value)
