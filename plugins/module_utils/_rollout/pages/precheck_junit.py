# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A precheck report as JUnit XML, which CI shows as test results: a suite a host, a case a check; and one between hosts."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

from ..documents import CrossFinding, HostOutcome, PrecheckReport
from ..evidence.causes import by_cause
from ..evidence.cross_findings import AMONG_HOSTS
from ..evidence.fleet import BETWEEN, FAIL, UNJUDGED, gravity
from ..evidence.waivers import effective, left_out, waived_until
from ..text.order import natural
from .junit_xml import written

SUITES = "calico_ops.rollout.precheck"


def precheck_junit(report: PrecheckReport) -> str:
    """`failure` is a check that failed, `error` one that could not judge or a host without a result, as JUnit means them."""
    root = ET.Element("testsuites", name=SUITES)
    for name, host in sorted(report["hosts"].items(), key=lambda item: natural(item[0])):
        _suite(root, name, host)
    if len(report["hosts"]) > 1 or report["cross_findings"]:
        _between(root, report["cross_findings"])
    return written(root)


def _suite(root: ET.Element, name: str, host: HostOutcome) -> None:
    suite = ET.SubElement(root, "testsuite", name=_xml(name))
    result = host["result"]
    if result is None:
        case = ET.SubElement(suite, "testcase", classname=_xml(name), name="host_precheck")
        error = ET.SubElement(case, "error", type=host["outcome"], message=_xml(host["reason"] or ""))
        if host["remedy"]:
            error.text = _xml(f"remedy: {host['remedy']}")
    else:
        suite.set("time", str(result["duration"]))
        for finding in by_cause(effective(host)):
            _finding(suite, name, finding.check)
            for check in finding.hindered:
                told = f"the cause of {finding.check['id']} decides it: {finding.check['message']}"
                ET.SubElement(_case(suite, name, check["id"]), "skipped", message=_xml(told))
        for waiver in left_out(host):
            ET.SubElement(_case(suite, name, waiver["check"]), "skipped", message=_xml(waived_until(waiver)))
        for check_id in result["ok"]:
            _case(suite, name, check_id)
        unneeded = (result["not_applicable"], "these settings do not need it")
        for ids, why in (unneeded, (result["not_asked"], "it was left out")):
            for check_id in ids:
                ET.SubElement(_case(suite, name, check_id), "skipped", message=why)


def _between(root: ET.Element, across: Sequence[CrossFinding]) -> None:
    """A case a comparison, whatever it found: CI systems follow a case by its name from run to run."""
    suite = ET.SubElement(root, "testsuite", name=BETWEEN)
    known = [one.id for one in AMONG_HOSTS]
    for comparison in [*known, *sorted({finding["id"] for finding in across} - {*known})]:
        case = _case(suite, BETWEEN, comparison)
        found = [finding for finding in across if finding["id"] == comparison]
        told = "\n".join(_compared(finding) for finding in found)
        if any(finding["severity"] == FAIL for finding in found):
            first, more = found[0]["message"], len(found) - 1
            message = f"{first} (and {more} more like it)" if more else first
            ET.SubElement(case, "failure", type=FAIL, message=_xml(message)).text = _xml(told)
        elif found:
            ET.SubElement(case, "system-out").text = _xml(told)


def _compared(finding: CrossFinding) -> str:
    grave = "" if finding["severity"] == FAIL else "warning: "
    return f"{grave}{', '.join(finding['hosts'])}: {finding['message']}\nremedy: {finding['remedy']}"


def _finding(suite: ET.Element, host: str, check: Mapping[str, Any]) -> None:
    case = _case(suite, host, check["id"])
    grave = gravity(check)
    if grave in (FAIL, UNJUDGED):
        tag = "failure" if grave == FAIL else "error"
        ET.SubElement(case, tag, type=grave, message=_xml(check["message"])).text = _xml(_details(check))
    else:
        # JUnit knows no warnings: the case passes, and says it in its output.
        ET.SubElement(case, "system-out").text = _xml(f"warning: {check['message']}\n{_details(check)}")


def _case(suite: ET.Element, host: str, check_id: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=_xml(host), name=_xml(check_id))


def _details(check: Mapping[str, Any]) -> str:
    told = [(part, check.get(part)) for part in ("expected", "observed", "remedy", "source")]
    return "\n".join(f"{part}: {text}" for part, text in told if text)


def _xml(text: str) -> str:
    """XML 1.0 has no way to write most control characters, not even escaped. Nearly every text has none, and is done with at once."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() or character in "\n\t" else "?" for character in text)
