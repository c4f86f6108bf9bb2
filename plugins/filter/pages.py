# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documents told to people and to CI, as pages: each carries its kind, which says who writes the page.

A play that fails tells the complaint of a report in one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages import (
    precheck_text,
    rollout_pages,
    status_pages,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.plan_text import plan_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.policy_junit import policy_junit
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.policy_markdown import policy_markdown
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.policy_text import policy_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_junit import precheck_junit
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_markdown import (
    precheck_markdown,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.reach_junit import reach_junit
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.reach_text import reach_text
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import document, readable
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._policy_page import policy_page
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._precheck_page import precheck_page

Pages = Mapping[str, Callable[[Any], str]]
"""Who writes the page, by the document's kind. A new page is a line here and one in the filter's manual."""

TEXT: Pages = {
    "ClusterStatus": status_pages.terminal,
    "Plan": plan_text,
    "PolicyProbeReport": policy_text,
    "PrecheckReport": precheck_text.precheck_text,
    "ReachReport": reach_text,
    "Report": rollout_pages.terminal,
}
MARKDOWN: Pages = {
    "ClusterStatus": status_pages.markdown,
    "PolicyProbeReport": policy_markdown,
    "PrecheckReport": precheck_markdown,
    "Report": rollout_pages.markdown,
}
JUNIT: Pages = {"PolicyProbeReport": policy_junit, "PrecheckReport": precheck_junit, "ReachReport": reach_junit}
HTML: Pages = {"PolicyProbeReport": policy_page, "PrecheckReport": precheck_page}


@readable
def text(told: Any) -> str:
    return _page(told, TEXT)


@readable
def markdown(told: Any) -> str:
    return _page(told, MARKDOWN)


@readable
def junit(told: Any) -> str:
    return _page(told, JUNIT)


@readable
def html(told: Any) -> str:
    return _page(told, HTML)


@readable
def precheck_complaint(report: Any, fail_on: str = "fail") -> str:
    return precheck_text.precheck_complaint(document(report, "PrecheckReport"), str(fail_on))


def _page(told: Any, pages: Pages) -> str:
    known = document(told, *pages)
    return pages[known["kind"]](known)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "text": text,
            "markdown": markdown,
            "junit": junit,
            "html": html,
            "precheck_complaint": precheck_complaint,
        }
