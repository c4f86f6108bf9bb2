# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A reach report as JUnit XML, which CI shows as test results: one suite, a case a host."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from ..documents import ReachFinding, ReachReport
from ..reach.report import finding_sentence
from ..text.terminal import printable
from .junit_xml import written

SUITES, SUITE = "calico_ops.rollout.reach", "reachability"


def reach_junit(report: ReachReport) -> str:
    """`failure` is a finding, `error` a host that took no part or of which nothing was proven, as JUnit means them."""
    root = ET.Element("testsuites", name=SUITES)
    suite = ET.SubElement(root, "testsuite", name=SUITE)
    for host in report["hosts"]:
        case = ET.SubElement(suite, "testcase", classname=SUITE, name=printable(host))
        _judge(case, host, report)
    return written(root)


def _judge(case: ET.Element, host: str, report: ReachReport) -> None:
    findings = [finding for finding in report["findings"] if host in _looked_for_at(finding)]
    if findings:
        first, more = finding_sentence(findings[0]), len(findings) - 1
        message = f"{first} (and {more} more)" if more else first
        failure = ET.SubElement(case, "failure", type=findings[0]["outcome"], message=printable(message))
        told = [line for one in findings for line in (finding_sentence(one), f"remedy: {one['remedy']}")]
        failure.text = "\n".join(printable(line) for line in told)
    elif host in report["silent"]:
        ET.SubElement(case, "error", type="silent", message=printable(f"it took no part: {report['silent'][host]}"))
    elif report["outcome"] == "not_asked":
        ET.SubElement(case, "skipped", message=report["reason"])
    elif host in report["ended_early"]:
        ET.SubElement(case, "error", type="not_proven", message="its listener ended before the step did")
    elif report["outcome"] == "not_proven" and not report["ended_early"]:
        ET.SubElement(case, "error", type="not_proven", message=report["reason"])


def _looked_for_at(finding: ReachFinding) -> Sequence[str]:
    """The hosts that a finding counts against: those on the side that has fewer of them. A shut host does not fail every prober."""
    sources, destinations = finding["sources"], finding["destinations"]
    if len(sources) == len(destinations):
        return [*sources, *destinations]
    return min(sources, destinations, key=len)
