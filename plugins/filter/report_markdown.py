# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Report, as a page of Markdown."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages import rollout_pages as _report
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import document, readable


@readable
def report_markdown(report: Any, plan: Any) -> str:
    return _report.markdown(document(report, "Report"), document(plan, "Plan"))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"report_markdown": report_markdown}
