# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. How a proof of network policy is to go: one document of options for the module and for a rollout."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..._rollout.errors import RolloutError
from ..._rollout.kubernetes.names import PROBE_NAMESPACE, QUARANTINE_KEY
from ..._rollout.policy.covering_array import Strength

REFUSE, IGNORE, NONE = "refuse", "ignore", "none"

TOLERATIONS: tuple[Mapping[str, Any], ...] = (
    # What keeps users' pods off until policy is proven must not keep the probe off.
    {"key": QUARANTINE_KEY, "operator": "Exists"},
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists"},
    {"key": "node.kubernetes.io/unschedulable", "operator": "Exists"},
)
"""Any other taint keeps the probe off as it keeps off a user's pod."""
RESOURCES: Mapping[str, Any] = {
    "requests": {"cpu": "20m", "memory": "32Mi"},
    "limits": {"cpu": "500m", "memory": "128Mi"},
}
"""Of a server and of a client. A client takes about 0.1 of a core while it runs; a lower limit makes its connections late."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_SERVICE = re.compile(r"[a-z0-9][-a-z0-9]{0,62}/[a-z0-9][-a-z0-9]{0,62}\Z")
_LEAST_DEADLINE, _MOST_DEADLINE = 0.5, 120.0


@dataclass(frozen=True)
class ProbeRequest:
    image: str
    namespace: str = PROBE_NAMESPACE
    pull_secrets: Sequence[str] = ()
    tolerations: Sequence[Mapping[str, Any]] = TOLERATIONS
    resources: Mapping[str, Any] = field(default_factory=lambda: RESOURCES)
    security_context: Mapping[str, Any] = field(default_factory=dict)
    """Over what Pod Security "restricted" wants of a container."""
    runtime_class: str | None = None
    strength: Strength = 2
    seed: int = 0
    deadline: float = 5.0
    """Seconds that policy may take to be in force after a write."""
    timeout: float = 120.0
    """Seconds in which the pods must run."""
    foreign_policies: str = REFUSE
    calico_policy: bool = False
    dns_service: str = ""
    """NAMESPACE/NAME of the Service of the cluster's DNS; `none` where it is not to be tried; empty where it is to be looked for."""

    def __post_init__(self) -> None:
        if not self.image.strip() or any(each.isspace() for each in self.image):
            raise RolloutError(
                f"image: {self.image!r} is no name of an image. Name one with agnhost and bash, for instance "
                "registry.k8s.io/e2e-test-images/agnhost:2.53, or its copy in a registry of your own."
            )
        if not _NAME.match(self.namespace):
            raise RolloutError(
                f"namespace: {self.namespace!r} is no name of a namespace: 1 to 63 of a-z, 0-9 and '-', with a letter "
                "or digit at either end."
            )
        if self.namespace in ("default", "calico-system", "calico-apiserver", "tigera-operator") or (
            self.namespace.startswith("kube-")
        ):
            raise RolloutError(
                f"namespace: {self.namespace} has pods of others, and the probe denies connections in its namespace. "
                f"Give the probe a namespace of its own, for instance {PROBE_NAMESPACE}."
            )
        if not _LEAST_DEADLINE <= self.deadline <= _MOST_DEADLINE:
            raise RolloutError(
                f"deadline: {self.deadline:g} s is not within {_LEAST_DEADLINE:g} and {_MOST_DEADLINE:g} s."
            )
        if self.timeout < 1:
            raise RolloutError(f"timeout: {self.timeout:g} s is too short for a pod to start: 1 or more.")
        if self.dns_service not in ("", NONE) and not _SERVICE.match(self.dns_service):
            raise RolloutError(
                f"dns_service: {self.dns_service!r} is no NAMESPACE/NAME of a Service, as kube-system/kube-dns, and not {NONE}."
            )
