# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A precheck report as one self-contained HTML page.

What hosts said is not trusted. Jinja2 escapes every string, and the page's own policy runs no script and loads nothing but what
is in the page already, each known by its hash.
"""

from __future__ import annotations

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import PrecheckReport
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.fleet import (
    FAIL,
    GRAVITY,
    UNJUDGED,
    WARN,
    Fleet,
    Remedy,
    Row,
    survey,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages import waivers_section
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.checked_for_section import (
    sentences,
    settings_section,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_text import (
    WORDS,
    hindered,
    modules_loaded,
    reused_evidence,
    static_evidence,
    verdict,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.text.terminal import count
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._html import page

CHOICES = (
    ("all", "all"),
    (FAIL, "failed"),
    (UNJUDGED, "without evidence"),
    (WARN, "warnings"),
    ("passed", "may join"),
)
_OUTCOMES = {"failed": FAIL, "unreachable": UNJUDGED, "no_result": UNJUDGED, "not_checked": UNJUDGED}


def precheck_page(report: PrecheckReport) -> str:
    fleet = survey(report)
    return page(
        "precheck.html.j2",
        styles=("colours.css", "precheck.css"),
        script="precheck.js",
        fleet=fleet,
        shares=_shares(fleet),
        choices=CHOICES,
        GRAVITY=GRAVITY,
        WORDS=WORDS,
        counted=count,
        hindered=hindered,
        evidence=[
            *(*modules_loaded(fleet), *static_evidence(fleet), *reused_evidence(fleet)),
            *sentences(report),
            *(f"Checked for {told}." for told in settings_section(report)),
        ],
        waived=waivers_section.sentences(fleet.waivers),
        verdict=verdict,
        gravities=_gravities,
        text_of=_text_of,
        text_of_remedy=_text_of_remedy,
    )


def _shares(fleet: Fleet) -> list[tuple[str, int]]:
    failed = sum(row.outcome == "failed" for row in fleet.rows)
    return [("passed", fleet.passed), ("failed", failed), ("silent", fleet.hosts - fleet.passed - failed)]


def _gravities(row: Row) -> str:
    """Under which choices the host is shown. The outcome speaks too: a host may stay outside without a finding of its own."""
    found = [grave for grave in GRAVITY if row.counts[grave] or grave == _OUTCOMES.get(row.outcome)]
    return " ".join([*found, row.outcome])


def _text_of(row: Row) -> str:
    parts = (row.host, row.node_name, verdict(row), row.reason, row.system, *row.cells)
    return " ".join(part for part in parts if part).lower()


def _text_of_remedy(remedy: Remedy) -> str:
    causes = (f"{cause.check} {' '.join(cause.hindered)} {cause.category} {cause.message}" for cause in remedy.causes)
    return " ".join((remedy.text, *causes, *remedy.hosts)).lower()
