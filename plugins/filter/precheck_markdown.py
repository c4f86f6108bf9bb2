# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A PrecheckReport as Markdown, for a wiki, a pull request or a chat."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages import precheck_markdown as _render
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import document, readable


@readable
def precheck_markdown(report: Any) -> str:
    return _render.precheck_markdown(document(report, "PrecheckReport"))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"precheck_markdown": precheck_markdown}
