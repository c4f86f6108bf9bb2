# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Where Calico's components go beyond the admission label: what a user asks for, checked, and as the API has it.

An override replaces the operator's own affinity or tolerations as a whole. So the parts that are needed everywhere (EKS and AKS: no
Fargate, no virtual kubelet) are put back into it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..documents import AdmissionLabel, NodeSeen
from ..documents.given import refuse_unknown_keys
from ..errors import RolloutError
from ..kubernetes.names import check_label
from ..kubernetes.scheduling import Toleration, required_terms
from ..text.yaml_text import yaml_text
from .overrides import lacking_tolerations

PodSpec = dict[str, Any]
"""Fields of a pod's spec, under the API's names."""


class Placement(NamedTuple):
    """None stands for an option that is not set; the field then stays as it is."""

    affinity: Mapping[str, Any] | None = None
    """Of calico-node and csi-node-driver."""
    tolerations: Sequence[Toleration] | None = None
    """Of calico-node and csi-node-driver."""
    typha_label: AdmissionLabel | None = None
    kube_controllers: PodSpec | None = None
    apiserver: PodSpec | None = None


NOTHING_MORE = Placement()

_TOLERATIONS_NEEDED = [
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule"},
]

# What the operator's own affinity keeps calico-node from, by provider.
_NO_DAEMONSETS = {
    "EKS": ("eks.amazonaws.com/compute-type", "fargate"),
    "AKS": ("type", "virtual-kubelet"),
}

_FIELDS = {"node_selector": "nodeSelector", "affinity": "affinity", "tolerations": "tolerations"}
_AFFINITIES = ("nodeAffinity", "podAffinity", "podAntiAffinity")
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_TOLERATION_KEYS = ("key", "operator", "value", "effect", "tolerationSeconds")
_EFFECTS = (None, "", "NoSchedule", "PreferNoSchedule", "NoExecute")


def read_placement(given: Mapping[str, Any]) -> Placement:
    """The options of that name, checked. RolloutError says what is wrong before the first request to the cluster."""
    affinity, tolerations, typha = given.get("affinity"), given.get("tolerations"), given.get("typha_label")
    if affinity is not None:
        _check_affinity(affinity, "affinity")
    if tolerations is not None:
        _check_tolerations(tolerations, "tolerations")
        _check_needed(tolerations)
    if typha is not None:
        check_label(typha["key"], typha["value"])
        typha = AdmissionLabel(key=typha["key"], value=typha["value"])
    return Placement(
        affinity,
        tolerations,
        typha,
        _component(given.get("kube_controllers"), "kube_controllers"),
        _component(given.get("apiserver"), "apiserver"),
    )


def daemonset_pod(placement: Placement, provider: str | None, nodes: Mapping[str, NodeSeen]) -> PodSpec:
    """Affinity and tolerations of calico-node and csi-node-driver, as far as the options are set."""
    pod: PodSpec = {}
    if placement.affinity is not None:
        pod["affinity"] = with_provider_terms(placement.affinity, provider, nodes)
    if placement.tolerations is not None:
        pod["tolerations"] = [dict(toleration) for toleration in placement.tolerations]
    return pod


def with_provider_terms(
    affinity: Mapping[str, Any], provider: str | None, nodes: Mapping[str, NodeSeen]
) -> dict[str, Any]:
    """The affinity with the provider's NotIn terms in each of its terms, of which one alone has to hold.

    A clean install may not name its provider yet: then a node of the excluded kind shows it.
    """
    merged = copy.deepcopy(dict(affinity))
    for name, (key, value) in _NO_DAEMONSETS.items():
        if provider != name and not any(node["labels"].get(key) == value for node in nodes.values()):
            continue
        expression = {"key": key, "operator": "NotIn", "values": [value]}
        if required_terms(merged) is None:
            node_affinity = merged["nodeAffinity"] = dict(merged.get("nodeAffinity") or {})
            node_affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {
                "nodeSelectorTerms": [{"matchExpressions": [expression]}]
            }
            continue
        for term in required_terms(merged) or []:
            _add_expression(term, expression)
    return merged


def differing(wanted: Mapping[str, Any], has: Mapping[str, Any]) -> list[str]:
    """The fields of a pod's spec that are not as wanted. Selectors may have more keys; no affinity and an empty one are the same."""
    return [field for field, value in wanted.items() if not _as_wanted(field, value, has.get(field))]


def _as_wanted(field: str, wanted: Any, has: Any) -> bool:
    if field == "nodeSelector":
        return all((has or {}).get(key) == value for key, value in wanted.items())
    return bool((has or {}) == wanted) if field == "affinity" else bool(has == wanted)


def _add_expression(term: dict[str, Any], expression: Mapping[str, Any]) -> None:
    """An empty term holds for no node, and must not begin to hold for some."""
    expressions = list(term.get("matchExpressions") or [])
    if (expressions or term.get("matchFields")) and expression not in expressions:
        term["matchExpressions"] = [*expressions, dict(expression)]


def _component(given: Mapping[str, Any] | None, option: str) -> PodSpec | None:
    """The suboptions that were given, under the API's names; None when there are none."""
    pod: PodSpec = {
        field: given[name] for name, field in _FIELDS.items() if given is not None and given.get(name) is not None
    }
    for key, value in (pod.get("nodeSelector") or {}).items():
        check_label(key, str(value))
        if not isinstance(value, str):
            raise RolloutError(f"{option}.node_selector: the value of {key} is {value!r}; put it into quotes.")
    if "affinity" in pod:
        _check_affinity(pod["affinity"], f"{option}.affinity")
    if "tolerations" in pod:
        _check_tolerations(pod["tolerations"], f"{option}.tolerations")
    return pod or None


def _check_needed(tolerations: Sequence[Toleration]) -> None:
    lacking = lacking_tolerations(tolerations)
    if not lacking:
        return
    taints = " and ".join(f"{taint}:NoSchedule" for taint in lacking)
    given = "an empty list tolerates no taint at all" if not tolerations else "they do not suffice"
    needed = [toleration for toleration in _TOLERATIONS_NEEDED if toleration["key"] in lacking]
    raise RolloutError(
        f"tolerations: {given}, because they replace the operator's own, which tolerate every taint. They do not tolerate {taints}, "
        "which each node has until calico-node runs there, so it never would. "
        f"Leave the option out to tolerate every taint, or add:\n{yaml_text({'tolerations': needed})}"
    )


def _check_affinity(affinity: Any, option: str) -> None:
    """What the API server takes and the operator then rejects, and what a reader of YAML gets wrong."""
    refuse_unknown_keys(affinity, _AFFINITIES, option)
    node = affinity.get("nodeAffinity") or {}
    required = node.get("requiredDuringSchedulingIgnoredDuringExecution")
    where = f"{option}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
    if required is not None and not required.get("nodeSelectorTerms"):
        raise RolloutError(f"{where}: at least one term is needed.")
    for index, term in enumerate((required or {}).get("nodeSelectorTerms") or []):
        for kind in ("matchExpressions", "matchFields"):
            for place, expression in enumerate(term.get(kind) or []):
                here = f"{where}[{index}].{kind}[{place}]"
                refuse_unknown_keys(expression, ("key", "operator", "values"), here)
                if not isinstance(expression.get("key"), str) or expression.get("operator") not in _OPERATORS:
                    raise RolloutError(f"{here}: a key and one of {', '.join(_OPERATORS)} as operator are needed.")


def _check_tolerations(tolerations: Any, option: str) -> None:
    for index, toleration in enumerate(tolerations):
        here = f"{option}[{index}]"
        refuse_unknown_keys(toleration, _TOLERATION_KEYS, here)
        operator = toleration.get("operator") or "Equal"
        if operator not in ("Equal", "Exists"):
            raise RolloutError(f"{here}.operator: {operator} is neither Equal nor Exists.")
        if not toleration.get("key") and operator != "Exists":
            raise RolloutError(f"{here}: a toleration without a key is for every taint and needs operator: Exists.")
        if operator == "Exists" and toleration.get("value"):
            raise RolloutError(f"{here}.value: operator Exists takes no value.")
        if toleration.get("effect") not in _EFFECTS:
            raise RolloutError(
                f"{here}.effect: {toleration['effect']} is none of NoSchedule, PreferNoSchedule, NoExecute."
            )
