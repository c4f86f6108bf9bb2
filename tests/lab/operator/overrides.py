# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an override of the Installation or APIServer changes a rendered DaemonSet or Deployment."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tests.lab.operator.names import GROUP, OVERRIDES_ANNOTATION, Document

_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
_TIMINGS = ("failureThreshold", "initialDelaySeconds", "periodSeconds", "timeoutSeconds")
# Of the pod's spec these replace the rendered value as a whole; an empty list of tolerations tolerates nothing.
_REPLACED = ("affinity", "tolerations", "topologySpreadConstraints", "terminationGracePeriodSeconds", "dnsConfig")
_REPLACED_UNLESS_EMPTY = ("dnsPolicy", "priorityClassName")


def overridden(workload: Document, override: Document | None) -> Document:
    """The workload with the override applied; neither argument is changed."""
    result = copy.deepcopy(workload)
    override = copy.deepcopy(override or {})
    spec = override.get("spec") or {}
    _add_metadata(result["metadata"], override.get("metadata"))
    if spec.get("minReadySeconds") is not None:
        result["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    if spec.get("strategy"):
        result["spec"]["strategy"].update(spec["strategy"])
    template = spec.get("template") or {}
    _add_metadata(result["spec"]["template"]["metadata"], template.get("metadata"))
    _override_pod(result["spec"]["template"]["spec"], template.get("spec") or {})
    kinds = _container_overrides(template.get("spec") or {})
    if kinds:
        result["metadata"].setdefault("annotations", {})[OVERRIDES_ANNOTATION] = ",".join(kinds)
    return result


def add_missing(target: dict[str, str], extra: Mapping[str, str]) -> None:
    """Add the keys that are not there yet, without those whose name contains the operator's own domain.

    The operator does this to node selectors as well as to labels: such a selector key is dropped without a word.
    """
    for key, value in extra.items():
        if GROUP not in key:
            target.setdefault(key, value)


def _add_metadata(target: Document, metadata: Document | None) -> None:
    for field in ("labels", "annotations"):
        extra = (metadata or {}).get(field)
        if extra:
            add_missing(target.setdefault(field, {}), extra)


def _override_pod(pod: Document, override: Document) -> None:
    for container in pod.get("initContainers") or []:
        _override_container(container, _named(override.get("initContainers"), container["name"]))
    for container in pod["containers"]:
        _override_container(container, _named(override.get("containers"), container["name"]))
    for field in _REPLACED:
        if override.get(field) is not None:
            pod[field] = override[field]
    for field in _REPLACED_UNLESS_EMPTY:
        if override.get(field):
            pod[field] = override[field]
    if override.get("nodeSelector"):
        add_missing(pod.setdefault("nodeSelector", {}), override["nodeSelector"])


def _override_container(container: Document, override: Document) -> None:
    for field in ("resources", "ports"):
        if override.get(field):
            container[field] = override[field]
    for probe in _PROBES:
        if probe in container:
            timings = override.get(probe) or {}
            container[probe].update({field: timings[field] for field in _TIMINGS if field in timings})


def _container_overrides(pod: Document) -> list[str]:
    found: list[str] = []
    for container in pod.get("containers") or []:
        for kind in (*_PROBES, "resources"):
            if container.get(kind) is not None and kind not in found:
                found.append(kind)
    return found


def _named(containers: list[Document] | None, name: str) -> Document:
    nothing: dict[str, Any] = {}
    return next((container for container in containers or [] if container["name"] == name), nothing)
