# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters of 0.1.0 that took more than the document. Goes with 0.3.0; meta/runtime.yml says so to whoever uses them.

Names of 0.1.0 that took the document alone are redirected there.
"""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Observation
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages import rollout_pages
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.plan_text import plan_text as _plan_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.clean_install import warnings
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import (
    document,
    from_the_cluster,
    readable,
)


@readable
def plan_text(plan: Any, installation_spec: Any = None, observation: Any = None) -> str:
    told = document(plan, "Plan")
    seen = None if observation is None else from_the_cluster(observation, "observation", Observation)
    given = warnings(plain(installation_spec), seen, told["batches"])
    told["warnings"] = list(dict.fromkeys([*given, *told["warnings"]]))
    return _plan_text(told)


@readable
def report_text(report: Any, plan: Any) -> str:
    document(plan, "Plan")
    return rollout_pages.terminal(document(report, "Report"))


@readable
def report_markdown(report: Any, plan: Any) -> str:
    document(plan, "Plan")
    return rollout_pages.markdown(document(report, "Report"))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan_text": plan_text, "report_text": report_text, "report_markdown": report_markdown}
