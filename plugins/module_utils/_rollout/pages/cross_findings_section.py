# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What shows only when hosts are compared, as part of a page."""

from __future__ import annotations

from collections.abc import Sequence

from ..documents import CrossFinding
from ..evidence.cross_findings import NAMED
from ..text.markdown import table_of
from ..text.terminal import listed, paragraph

_WORDS = {"fail": "failed", "warn": "warning"}


def section(findings: Sequence[CrossFinding]) -> list[str]:
    """For a terminal; nothing where there is none."""
    lines = []
    for finding in findings:
        lines += paragraph(f"{_WORDS[finding['severity']]}: {finding['id']}: {_told(finding)}", indent=2)
        if len(finding["hosts"]) > NAMED:
            lines += paragraph(f"hosts: {listed(finding['hosts'])}", indent=6)
        lines += paragraph(f"remedy: {finding['remedy']}", indent=6)
    return ["", f"Between hosts ({len(findings)}):", *lines] if lines else []


def markdown_section(findings: Sequence[CrossFinding]) -> list[str]:
    rows = [
        (_WORDS[finding["severity"]], finding["id"], ", ".join(finding["hosts"]), finding["message"], finding["remedy"])
        for finding in findings
    ]
    return (
        ["", "## Between hosts", "", *table_of(("What", "Finding", "Hosts", "Message", "Remedy"), rows)] if rows else []
    )


def warnings(findings: Sequence[CrossFinding]) -> list[CrossFinding]:
    """Without those that keep nodes out: where who is outside is told, the reason is told with it."""
    return [finding for finding in findings if finding["severity"] == "warn"]


def _told(finding: CrossFinding) -> str:
    """A sentence about one host does not name it."""
    return f"{finding['hosts'][0]}: {finding['message']}" if len(finding["hosts"]) == 1 else finding["message"]
