# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which minor version of Calico runs, or is about to run: by the operator's own version, which brings exactly one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .installation_spec import Spec
    from .settings import CalicoObjects

# pkg/components/calico.go of tigera/operator at the tags; a line between two stays with the older Calico.
_BROUGHT_BY = ((44, 33), (42, 32), (40, 31), (38, 30), (36, 29), (34, 28))
OLDEST, NEWEST = 28, 33
"""Minor versions of Calico 3 that the checks know."""

_TAG = re.compile(r":v?(\d+)\.(\d+)(?:\.\d+)?[^:/@]*(?:@|\Z)")
_PLAIN = re.compile(r"v?(\d+)\.(\d+)(?:\.|\Z|-)")


def release_of(objects: CalicoObjects, spec: Spec | None, notes: list[str]) -> tuple[str | None, str]:
    """`3.NN` and its source; None if nothing shows it. The operator decides, whatever runs until it is through."""
    operator = _TAG.search(objects.operator_image)
    if operator and operator[1] == "1":
        minor = next((calico for line, calico in _BROUGHT_BY if int(operator[2]) >= line), OLDEST)
        return f"3.{minor}", f"tigera-operator v{operator[1]}.{operator[2]}"
    status = (objects.installation or {}).get("status") or {}
    for text, pattern, source in (
        (objects.node_image, _TAG, "image of DaemonSet calico-node"),
        (str(status.get("calicoVersion") or ""), _PLAIN, "Installation/default status.calicoVersion"),
    ):
        found = pattern.search(text) if pattern is _TAG else pattern.match(text)
        if found and found[1] == "3":
            return _known(int(found[2]), source, notes), source
    return None, ""


def _known(minor: int, source: str, notes: list[str]) -> str:
    known = min(max(minor, OLDEST), NEWEST)
    if known != minor:
        notes.append(
            f"Calico 3.{minor} ({source}) is not one that the checks know: the hosts were checked for 3.{known}"
        )
    return f"3.{known}"
