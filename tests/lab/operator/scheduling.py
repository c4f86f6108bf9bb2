# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which node affinities and tolerations are accepted in an override."""

from __future__ import annotations

from collections.abc import Iterator

from tests.lab.operator.fields import forbidden, invalid, label_name_errors, label_value_faults, required, unsupported
from tests.lab.operator.names import Document

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def affinity_errors(affinity: Document, path: str) -> Iterator[str]:
    node = affinity.get("nodeAffinity") or {}
    path = f"{path}.nodeAffinity"
    wanted = node.get("requiredDuringSchedulingIgnoredDuringExecution")
    if wanted is not None:
        terms_path = f"{path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
        if not wanted.get("nodeSelectorTerms"):
            yield required(terms_path, "must have at least one node selector term")
        for index, term in enumerate(wanted.get("nodeSelectorTerms") or []):
            yield from _term_errors(term, f"{terms_path}[{index}]")
    for index, preferred in enumerate(node.get("preferredDuringSchedulingIgnoredDuringExecution") or []):
        preferred_path = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        if not 0 < preferred["weight"] <= 100:
            yield invalid(f"{preferred_path}.weight", preferred["weight"], "must be in the range 1-100")
        yield from _term_errors(preferred["preference"], f"{preferred_path}.preference")


def toleration_errors(tolerations: list[Document], path: str) -> Iterator[str]:
    for index, toleration in enumerate(tolerations):
        yield from _toleration_errors(toleration, f"{path}[{index}]")


def _toleration_errors(toleration: Document, path: str) -> Iterator[str]:
    key, operator = toleration.get("key", ""), toleration.get("operator", "")
    value, effect = toleration.get("value", ""), toleration.get("effect", "")
    if key:
        yield from label_name_errors(key, f"{path}.key")
    elif operator != "Exists":
        why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        yield invalid(f"{path}.operator", operator, why)
    if "tolerationSeconds" in toleration and effect != "NoExecute":
        yield invalid(f"{path}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
    if operator in ("Equal", ""):
        faults = ";".join(label_value_faults(value))
        if faults:
            yield invalid(f"{path}.operator", value, faults)
    elif operator != "Exists":
        yield unsupported(f"{path}.operator", operator, ("Equal", "Exists"))
    elif value:
        yield invalid(f"{path}.operator", toleration, "value must be empty when `operator` is 'Exists'")
    if effect and effect not in _EFFECTS:
        yield unsupported(f"{path}.effect", effect, _EFFECTS)


def _term_errors(term: Document, path: str) -> Iterator[str]:
    for index, requirement in enumerate(term.get("matchExpressions") or []):
        yield from _requirement_errors(requirement, f"{path}.matchExpressions[{index}]")
    for index, requirement in enumerate(term.get("matchFields") or []):
        yield from _field_requirement_errors(requirement, f"{path}.matchFields[{index}]")


def _requirement_errors(requirement: Document, path: str) -> Iterator[str]:
    operator, values = requirement["operator"], requirement.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            yield forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            yield required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    else:
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    yield from label_name_errors(requirement["key"], f"{path}.key")


def _field_requirement_errors(requirement: Document, path: str) -> Iterator[str]:
    if requirement["operator"] not in ("In", "NotIn"):
        yield invalid(f"{path}.operator", requirement["operator"], "not a valid selector operator")
    elif len(requirement.get("values") or []) != 1:
        yield required(
            f"{path}.values", "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        )
    if requirement["key"] != "metadata.name":
        yield invalid(f"{path}.key", requirement["key"], "not a valid field selector key")
