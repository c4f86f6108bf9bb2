# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a probe of network policy showed, as JUnit XML: one suite, a case a node."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from typing import Optional

from ..documents import HostRules, NodeProof, PolicyProbeReport
from ..text.terminal import printable
from .junit_xml import written
from .policy_text import in_force_after, rules_told, told

SUITES, SUITE = "calico_ops.rollout.policy", "network policy"


def policy_junit(report: PolicyProbeReport) -> str:
    """`failure` is a node with a wrong fate, or one end of a pair with it; `error` a node without evidence."""
    root = ET.Element("testsuites", name=SUITES)
    suite = ET.SubElement(root, "testsuite", name=SUITE, time=str(round(sum(report["seconds"].values()), 3)))
    rules = {one["node"]: one for one in report["host_rules"]}
    for proof in report["nodes"]:
        _case(suite, proof, report, rules.get(proof["node"]))
    if not report["nodes"]:
        case = ET.SubElement(suite, "testcase", classname=SUITE, name="policy_probe")
        ET.SubElement(case, "error", type="unproven", message=printable(report["reason"]))
    return written(root)


def _case(suite: ET.Element, proof: NodeProof, report: PolicyProbeReport, rules: Optional[HostRules]) -> None:
    case = ET.SubElement(suite, "testcase", classname=SUITE, name=printable(proof["node"]))
    wrong = list(_wrong(proof, report))
    said = [] if wrong else [f"in force after: {in_force_after(proof)}"]
    if rules:
        # Of a failure too: rules are no reason for it, and they help to find one.
        said += [rules_told(rules), *([rules["disagreement"]] if rules["disagreement"] else [])]
    if wrong:
        _fail(case, wrong, [told(row) for row in report["rows"] if row["id"] in proof["failed"]])
    if said:
        ET.SubElement(case, "system-out").text = "\n".join(printable(line) for line in said)


def _fail(case: ET.Element, wrong: Sequence[tuple[str, str, str]], rows: Sequence[str]) -> None:
    kind, message, _remedy = wrong[0]
    element = ET.SubElement(case, "error" if kind == "unproven" else "failure", type=kind, message=printable(message))
    lines = [line for _kind, reason, remedy in wrong for line in (reason, f"remedy: {remedy}")]
    element.text = "\n".join(printable(line) for line in [*lines, *rows])


def _wrong(proof: NodeProof, report: PolicyProbeReport) -> Iterator[tuple[str, str, str]]:
    if proof["verdict"] not in ("enforced", "unproven"):
        yield proof["verdict"], proof["reason"], proof["remedy"] or ""
    for pair in report["pairs"]:
        if proof["node"] in pair["nodes"]:
            yield "pair", f"between {' and '.join(pair['nodes'])}: {pair['reason']}", pair["remedy"]
    if proof["verdict"] == "unproven":
        yield "unproven", proof["reason"], proof["remedy"] or ""
