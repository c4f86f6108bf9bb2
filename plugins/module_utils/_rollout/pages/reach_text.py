# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A reach report, told to people at a terminal."""

from __future__ import annotations

from ..documents import ReachReport
from ..reach.report import NOTHING_PROVEN, early_sentence, finding_sentence
from ..text.terminal import count, printable


def reach_text(report: ReachReport) -> str:
    """What failed and what to do about it; the last line is the result."""
    lines = []
    for finding in report["findings"]:
        lines += [f"{finding_sentence(finding)}.", f"    {finding['remedy']}"]
    lines += [f"{host} took no part: {why}" for host, why in report["silent"].items()]
    if report["ended_early"]:
        lines += [
            f"{early_sentence(report['ended_early'])}.",
            "    raise precheck_reach_seconds or the forks, and ask again",
        ]
    elif report["outcome"] == "not_proven":
        lines += [
            f"{NOTHING_PROVEN}.",
            "    ask while these ports are free, or name free ones in precheck_reach_targets",
        ]
    if report["outcome"] == "not_asked":
        lines.append(f"Result: {report['reason']}.")
    else:
        why = "the port is in use there, its listener was gone, or there is no address of its family"
        unproven = f", {report['not_provable']} not provable ({why})" if report["not_provable"] else ""
        lines.append(f"Result: {report['reached']} of {count(report['probes'], 'probe')} reached their host{unproven}.")
    return "\n".join(printable(line) for line in lines)
