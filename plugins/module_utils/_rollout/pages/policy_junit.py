# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a probe of network policy showed, as JUnit XML: one suite, a case a node."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from ..documents import NodeProof, PolicyProbeReport
from ..text.terminal import printable
from .junit_xml import written
from .policy_text import in_force_after, told

SUITES, SUITE = "calico_ops.rollout.policy", "network policy"


def policy_junit(report: PolicyProbeReport) -> str:
    """`failure` is a node with a wrong fate, or one end of a pair with it; `error` a node without evidence."""
    root = ET.Element("testsuites", name=SUITES)
    suite = ET.SubElement(root, "testsuite", name=SUITE, time=str(round(sum(report["seconds"].values()), 3)))
    for proof in report["nodes"]:
        _case(suite, proof, report)
    if not report["nodes"]:
        case = ET.SubElement(suite, "testcase", classname=SUITE, name="policy_probe")
        ET.SubElement(case, "error", type="unproven", message=printable(report["reason"]))
    return written(root)


def _case(suite: ET.Element, proof: NodeProof, report: PolicyProbeReport) -> None:
    case = ET.SubElement(suite, "testcase", classname=SUITE, name=printable(proof["node"]))
    wrong = list(_wrong(proof, report))
    if not wrong:
        ET.SubElement(case, "system-out").text = printable(f"in force after: {in_force_after(proof)}")
        return
    kind, message, _remedy = wrong[0]
    element = ET.SubElement(case, "error" if kind == "unproven" else "failure", type=kind, message=printable(message))
    lines = [line for _kind, reason, remedy in wrong for line in (reason, f"remedy: {remedy}")]
    lines += [told(row) for row in report["rows"] if row["id"] in proof["failed"]]
    element.text = "\n".join(printable(line) for line in lines)


def _wrong(proof: NodeProof, report: PolicyProbeReport) -> Iterator[tuple[str, str, str]]:
    if proof["verdict"] not in ("enforced", "unproven"):
        yield proof["verdict"], proof["reason"], proof["remedy"] or ""
    for pair in report["pairs"]:
        if proof["node"] in pair["nodes"]:
            yield "pair", f"between {' and '.join(pair['nodes'])}: {pair['reason']}", pair["remedy"]
    if proof["verdict"] == "unproven":
        yield "unproven", proof["reason"], proof["remedy"] or ""
