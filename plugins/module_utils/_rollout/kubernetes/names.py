# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The rollout's own label, taint and annotations; the grammar of Kubernetes' label keys and values."""

from __future__ import annotations

import re
from typing import Any

from ..errors import RolloutError

DOMAIN = "rollout.calico-ops.dev"
ADMISSION_KEY = DOMAIN + "/admitted"
ADMISSION_VALUE = "true"
QUARANTINE_KEY = DOMAIN + "/quarantine"
"""Label and taint of a node in quarantine; their value says in a word why. The taint keeps new workloads off a node without Calico."""
PROBE_NAMESPACE = "calico-ops-policy-probe"
"""Where pods prove network policy, unless the user names another namespace."""
ANNOTATION_PLAN = DOMAIN + "/plan"
ANNOTATION_BATCH = DOMAIN + "/batch"
ANNOTATION_PRECHECK = DOMAIN + "/precheck"
ANNOTATION_WAIVED = DOMAIN + "/waived"
ANNOTATION_CHECKED_FOR = DOMAIN + "/checked-for"
"""The settings that its host was checked for, as JSON."""
ANNOTATION_QUARANTINE = DOMAIN + "/quarantine-reason"
"""Why the node is in quarantine, in a sentence."""
ANNOTATION_RAISED = DOMAIN + "/max-unavailable"
"""On the Installation, while maxUnavailable is raised: what it was before."""

OS_LABEL = "kubernetes.io/os"
ARCHITECTURE_LABEL = "kubernetes.io/arch"
ZONE_LABEL = "topology.kubernetes.io/zone"
CONTROL_PLANE_LABELS = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
MIGRATION_LABEL = "projectcalico.org/operator-node-migration"

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")


def check_label(key: str, value: str) -> None:
    """Refuse an admission label that Kubernetes or the operator would not take as it stands."""
    check_syntax("label", key, value)
    if "operator.tigera.io" in key:
        raise RolloutError(
            f"The label key {key} contains operator.tigera.io: tigera-operator drops such keys from node selectors in silence, "
            f"and calico-node would run on every node. Choose a key in a domain of your own, for instance {ADMISSION_KEY}."
        )
    if key in (OS_LABEL, MIGRATION_LABEL):
        raise RolloutError(
            f"The label key {key} belongs to tigera-operator, which sets it itself whatever the Installation says. "
            f"Choose a key in a domain of your own, for instance {ADMISSION_KEY}."
        )


def check_syntax(what: str, key: str, value: str) -> None:
    """Refuse what Kubernetes would: taints have the grammar of labels."""
    problem = key_problem(key)
    if problem:
        raise RolloutError(f'The {what} key "{key}" is not valid: {problem}.')
    problem = value_problem(value)
    if problem:
        raise RolloutError(f'The value "{value}" of {what} {key} is not valid: {problem}.')


def value_text(what: str, key: str, value: Any) -> str | None:
    """A value as the user writes it; null is its absence."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    # YAML reads an unquoted true, 1.10 or 2026-01-01 as something else, and writing it back may not give the same text.
    raise RolloutError(
        f"The value of {what} {key} is a {type(value).__name__}, not a string: put it in quotes ({str(value).lower()!r})."
    )


def key_problem(key: str) -> str | None:
    prefix, slash, name = key.rpartition("/")
    if slash and not (len(prefix) <= 253 and _PREFIX.match(prefix)):
        return "the part before the slash must be a DNS name in lower case, at most 253 characters long"
    if not _NAME.match(name):
        return "a name has 1 to 63 letters, digits, '-', '_' or '.', with a letter or digit at either end"
    return None


def value_problem(value: str) -> str | None:
    if value and not _NAME.match(value):
        return "a value has at most 63 letters, digits, '-', '_' or '.', with a letter or digit at either end"
    return None
