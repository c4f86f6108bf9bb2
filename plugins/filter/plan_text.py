# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Plan, told to people."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Observation
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages import plan_text as _text
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import (
    document,
    from_the_cluster,
    readable,
)


@readable
def plan_text(plan: Any, installation_spec: Any = None, observation: Any = None) -> str:
    return _text.plan_text(
        document(plan, "Plan"),
        None if installation_spec is None else plain(installation_spec),
        None if observation is None else from_the_cluster(observation, "observation", Observation),
    )


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan_text": plan_text}
