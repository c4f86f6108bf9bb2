# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Whose an object and its fields are: Helm's or a GitOps controller's, another field manager's, or our own.

Helm or a GitOps controller applies its objects again. It removes a patched field at the next sync, and with the admission label
calico-node would lose its only border. Such an object's fields belong into what its owner applies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..text.yaml_text import yaml_text

Raw = Mapping[str, Any]

# Field managers by the beginning of their name. Helm's is its program's, and those of controllers that carry it within them.
_MANAGERS = (
    ("helm", "Helm"),
    ("argocd", "Argo CD"),
    ("kustomize-controller", "Flux"),
    ("flux", "Flux"),
    ("fleet", "Rancher Fleet"),
)

_HELM_RELEASE = "meta.helm.sh/release-name"
_HELM_NAMESPACE = "meta.helm.sh/release-namespace"
_ARGOCD = ("argocd.argoproj.io/instance", "argocd.argoproj.io/tracking-id")
_FLUX = ("kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io")
_FLEET = "objectset.rio.cattle.io/id"


class Conflict(NamedTuple):
    """A field that another manager holds with another value."""

    manager: str
    field: str
    value: Any

    def text(self) -> str:
        return f"{self.field} is held by {self.manager} (its value there: {self.value})"


def owners(raw: Raw) -> list[str]:
    """Who applies this object from outside the cluster, in words; empty when nobody does.

    Labels and annotations name the release or application; a field manager of the spec stands for one that left none.
    """
    metadata = raw.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    found: dict[str, str] = {}
    release = annotations.get(_HELM_RELEASE)
    if release or labels.get("app.kubernetes.io/managed-by") == "Helm":
        found["Helm"] = f"Helm (release {_named(annotations.get(_HELM_NAMESPACE), release)})" if release else "Helm"
    application = next((marks[key] for key in _ARGOCD for marks in (labels, annotations) if marks.get(key)), None)
    if application:
        found["Argo CD"] = f"Argo CD (application {application.split(':')[0]})"
    for domain in _FLUX:
        if labels.get(f"{domain}/name"):
            name = _named(labels.get(f"{domain}/namespace"), labels[f"{domain}/name"])
            found["Flux"] = f"Flux ({'Kustomization' if domain.startswith('kustomize') else 'HelmRelease'} {name})"
    if annotations.get(_FLEET):
        found["Rancher Fleet"] = f"Rancher Fleet ({annotations[_FLEET]})"
    for manager in spec_managers(raw):
        owner = next((owner for beginning, owner in _MANAGERS if manager.startswith(beginning)), None)
        # Flux and Fleet carry a Helm within them.
        if owner and owner not in found and not (owner == "Helm" and found):
            found[owner] = f"{owner} (field manager {manager})"
    return list(found.values())


def spec_managers(raw: Raw) -> list[str]:
    """Names of the field managers that own something in the spec."""
    return sorted({str(entry.get("manager")) for entry in _entries(raw) if "f:spec" in (entry.get("fieldsV1") or {})})


def applied_by(raw: Raw, manager: str) -> dict[str, Any]:
    """The part of an object that a field manager applied: what its next apply would take out if it left it away."""
    for entry in _entries(raw):
        if (entry.get("manager"), entry.get("operation")) == (manager, "Apply") and not entry.get("subresource"):
            part = _part(raw, entry.get("fieldsV1") or {})
            return part if isinstance(part, dict) else {}
    return {}


def conflicts_in(causes: Sequence[Mapping[str, Any]], raw: Raw) -> list[Conflict]:
    """The conflicts that a refused apply names, with the values that the object has there."""
    found = []
    for cause in causes:
        if cause.get("reason") != "FieldManagerConflict":
            continue
        # 'conflict with "kubectl-edit" using operator.tigera.io/v1': the name is quoted and may contain anything.
        quoted = str(cause.get("message", "")).split('"')
        manager = quoted[1] if len(quoted) > 2 else str(cause.get("message", ""))
        field = str(cause.get("field", "")).lstrip(".")
        found.append(Conflict(manager, field, _value_at(raw, field)))
    return found


def to_commit(documents: Sequence[Mapping[str, Any]], owned_by: Sequence[str]) -> str:
    """The fields for the owner of the objects, as YAML to merge into the manifests."""
    head = (
        f"# Merge into what {' and '.join(owned_by)} applies; a chart's values may have the spec under another name.\n"
    )
    plain = "".join(" " if not character.isprintable() else character for character in head.rstrip("\n")) + "\n"
    return plain + "---\n".join(yaml_text(document) for document in documents)


def _named(namespace: Any, name: Any) -> str:
    return f"{namespace}/{name}" if namespace else str(name)


def _entries(raw: Raw) -> Sequence[Raw]:
    return (raw.get("metadata") or {}).get("managedFields") or []


def _part(value: Any, fields: Mapping[str, Any]) -> Any:
    """What of the value is in a set of managed fields. An empty set stands for the whole value, `.` for the bare field.

    Keys of a set begin with `f:` (a field), `k:` or `v:` (an item of a list). We own no such list, so they are left out.
    """
    if not fields or not isinstance(value, Mapping):
        return value
    inner = {key[2:]: below for key, below in fields.items() if key.startswith("f:")}
    return {key: _part(value[key], below) for key, below in inner.items() if key in value}


def _value_at(value: Any, path: str) -> Any:
    """The value at a field path, whose keys may have dots in them; None where there is none."""
    if not path:
        return value
    if not isinstance(value, Mapping):
        return None
    for key in sorted(value, key=len, reverse=True):
        if path == key or path.startswith(f"{key}."):
            return _value_at(value[key], path[len(key) + 1 :])
    return None
