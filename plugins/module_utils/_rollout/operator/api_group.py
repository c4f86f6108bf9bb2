# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which API group tigera-operator keeps Calico's own resources in, decided as the operator does when it starts.

tigera/operator pkg/apis/version.go, UseV3CRDS, at v1.42.0 to v1.42.4, v1.43.0 and release-v1.44: the environment variable CALICO_API_GROUP;
else a DatastoreMigration that is through; else the groups that the API server serves, of which the older one decides. Before v1.42.0
there is no such choice, and no Deployment calico-webhooks. A v3 decision is an error since v1.44 where the API server has no
MutatingAdmissionPolicy; the operator does not run then. If neither group is served, a new v1.44 may choose v3. It makes its CRDs first,
so that has passed when there is anything to look at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from ..documents import CalicoApi

V1: Literal["crd.projectcalico.org/v1"] = "crd.projectcalico.org/v1"
V3: Literal["projectcalico.org/v3"] = "projectcalico.org/v3"
ENVIRONMENT = "CALICO_API_GROUP"
MIGRATED = ("Converged", "Complete")
"""Phases of a DatastoreMigration (pkg/controller/migration/datastoremigration)."""

FIRST_WITH_A_CHOICE = (1, 42)
_VERSION = re.compile(r":v(\d+)\.(\d+)\.")


class OperatorSettings(NamedTuple):
    """What tigera-operator's Deployment says."""

    group: str | None
    """CALICO_API_GROUP; the empty string where it is not set, None where it is taken from another object and so is not known."""
    version: tuple[int, int] | None
    """Major and minor, as the image's tag has them."""


def operator_settings(deployment: Mapping[str, Any]) -> OperatorSettings:
    pod = ((deployment.get("spec") or {}).get("template") or {}).get("spec") or {}
    containers = pod.get("containers") or []
    own = next((one for one in containers if one.get("name") == "tigera-operator"), containers[0] if containers else {})
    # Of a name that is there twice, a container gets the last one.
    group: str | None = ""
    for variable in own.get("env") or []:
        if variable.get("name") == ENVIRONMENT:
            group = None if variable.get("valueFrom") else str(variable.get("value") or "")
    tag = _VERSION.search(str(own.get("image") or ""))
    return OperatorSettings(group, (int(tag.group(1)), int(tag.group(2))) if tag else None)


def calico_api(
    serves_v1: bool,
    serves_v3: bool,
    settings: OperatorSettings | None,
    migration_phases: Iterable[str] | None,
    unread: str = "",
) -> CalicoApi:
    """`settings` and `migration_phases` are None where they could not be read; `unread` says why, and what it takes."""
    if settings is not None and settings.version is not None and settings.version < FIRST_WITH_A_CHOICE:
        major, minor = settings.version
        return CalicoApi(group=V1, ground=f"tigera-operator {major}.{minor} knows no other")
    if settings is not None and settings.group:
        # Anything but the one word is the older group.
        return CalicoApi(
            group=V3 if settings.group == V3 else V1, ground=f"tigera-operator's {ENVIRONMENT} is {settings.group}"
        )
    if migration_phases is not None and any(phase in MIGRATED for phase in migration_phases):
        return CalicoApi(group=V3, ground="a DatastoreMigration is through")
    served = _served(serves_v1, serves_v3)
    if settings is None or settings.group is None:
        why = unread or "it is taken from another object"
        served += f"; tigera-operator's {ENVIRONMENT}, which goes first, is not known: {why}"
    elif migration_phases is None and serves_v1 and serves_v3:
        served += f"; whether a DatastoreMigration is through, which goes first, is not known: {unread}"
    return CalicoApi(group=V3 if serves_v3 and not serves_v1 else V1, ground=served)


def _served(serves_v1: bool, serves_v3: bool) -> str:
    if serves_v1 and serves_v3:
        return "both groups are served, and the older one decides"
    if serves_v1 or serves_v3:
        return "it alone is served"
    return "neither group is served yet"
