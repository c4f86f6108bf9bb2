# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A plan in words and as a diff. Pure."""

from typing import Any, Dict, List

from .kernel_modules import Unmet
from .plan import Plan, changed
from .sysctl import line, shown


def result(plan: Plan, unmet: List[Unmet]) -> Dict[str, Any]:
    return {
        "sysctls": [
            {"name": shown(change.key), "before": change.before, "after": change.after}
            for change in plan.sysctls.changes
        ],
        "modules_loaded": plan.load,
        "files": [file.path for file in changed(plan.files)],
        "unmet": [{"what": one.what, "reason": one.reason, "remedy": one.remedy} for one in unmet],
        "packages": sorted({one.package for one in unmet if one.package}),
        "notes": plan.notes,
    }


def diff(plan: Plan) -> List[Dict[str, str]]:
    parts = [
        _part(
            "sysctls of the running kernel",
            [line(change.key, change.before) for change in plan.sysctls.changes],
            [line(change.key, change.after) for change in plan.sysctls.changes],
        ),
        _part("modules that were not loaded", [], plan.load),
    ]
    parts += [
        {
            "before_header": file.path,
            "after_header": file.path,
            "before": file.before or "",
            "after": file.after or "",
        }
        for file in changed(plan.files)
    ]
    return [part for part in parts if part["before"] != part["after"]]


def _part(header: str, before: List[str], after: List[str]) -> Dict[str, str]:
    text_before, text_after = ("".join(text + "\n" for text in lines) for lines in (before, after))
    return {"before_header": header, "after_header": header, "before": text_before, "after": text_after}
