# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A ClusterStatus, as a page for a terminal."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages import status_pages as _render
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import document, readable


@readable
def status_text(status: Any) -> str:
    return _render.terminal(document(status, "ClusterStatus"))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"status_text": status_text}
