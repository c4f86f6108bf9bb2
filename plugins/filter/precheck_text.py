# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A PrecheckReport, told to people."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages import precheck_text as _text
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import document, readable


@readable
def precheck_text(report: Any) -> str:
    return _text.precheck_text(document(report, "PrecheckReport"))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"precheck_text": precheck_text}
