# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A ReachReport, told to people."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reach import report as _reach
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import document, readable


@readable
def reach_text(report: Any) -> str:
    return _reach.reach_text(document(report, "ReachReport"))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"reach_text": reach_text}
