# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The options of a probe, of the module and of a rollout alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._rollout.kubernetes.names import PROBE_NAMESPACE
from .request import IGNORE, REFUSE, RESOURCES, TOLERATIONS, ProbeRequest

PROBE_OPTIONS: dict[str, dict[str, Any]] = {
    "image": {"type": "str"},
    "image_pull_secrets": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "namespace": {"type": "str", "default": PROBE_NAMESPACE},
    "tolerations": {"type": "list", "elements": "dict"},
    "resources": {"type": "dict"},
    "security_context": {"type": "dict", "default": {}},
    "runtime_class": {"type": "str"},
    "strength": {"type": "str", "choices": ["2", "3", "full"], "default": "2"},
    "seed": {"type": "int", "default": 0},
    "deadline": {"type": "float", "default": 5.0},
    "timeout": {"type": "float", "default": 120.0},
    "foreign_policies": {"type": "str", "choices": [REFUSE, IGNORE], "default": REFUSE},
    "calico_policy": {"type": "bool", "default": False},
    "dns_service": {"type": "str", "default": ""},
}


def probe_request(options: Mapping[str, Any]) -> ProbeRequest:
    """RolloutError says what is wrong with an option. Null is the default, where there is one."""
    strength: Any = options["strength"] if options["strength"] == "full" else int(options["strength"])
    tolerations, resources = options["tolerations"], options["resources"]
    return ProbeRequest(
        image=options["image"] or "",
        namespace=options["namespace"],
        pull_secrets=tuple(options["image_pull_secrets"]),
        tolerations=TOLERATIONS if tolerations is None else tuple(tolerations),
        resources=RESOURCES if resources is None else resources,
        security_context=options["security_context"],
        runtime_class=options["runtime_class"],
        strength=strength,
        seed=options["seed"],
        deadline=options["deadline"],
        timeout=options["timeout"],
        foreign_policies=options["foreign_policies"],
        calico_policy=options["calico_policy"],
        dns_service=options["dns_service"],
    )
