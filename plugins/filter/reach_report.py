# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What hosts reach of each other, as one ReachReport."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reach import report as _reach
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import readable


@readable
def reach_report(hosts: list[str], hostvars: Mapping[str, Any]) -> Any:
    return _reach.assemble_reach({str(host): _answers(host, hostvars) for host in hosts})


def _answers(host: str, hostvars: Mapping[str, Any]) -> dict[str, Any]:
    known = hostvars.get(host) or {}
    parts = ("listening", "probed", "ended")
    return {part: plain(known[name]) for part in parts if (name := f"precheck_reach_{part}") in known}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"reach_report": reach_report}
