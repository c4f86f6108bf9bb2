# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Policies of others that select the probe's pods: what they allow or deny would be taken for the probe's own policies.

An AdminNetworkPolicy or a ClusterNetworkPolicy goes before NetworkPolicies, a policy in one of Calico's tiers may too, and a
GlobalNetworkPolicy denies what it selects and nothing allows. A policy generator (Kyverno) may write NetworkPolicies into new namespaces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable, NamedTuple

from ..._kube.client import ApiError, Cluster
from ..._rollout.errors import RolloutError
from ..._rollout.kubernetes.calico_selector import calico_selector
from ..._rollout.kubernetes.label_selector import label_selector
from ..._rollout.kubernetes.rbac import Right, right
from ..._rollout.text.terminal import listed, printable
from .pods import MANAGED_BY, MANAGER, ROLE, ROLES

_ADMIN = "/apis/policy.networking.k8s.io"
_CALICO = ("/apis/projectcalico.org/v3", "/apis/crd.projectcalico.org/v1")
Labels = Mapping[str, str]
Selects = Callable[[Mapping[str, Any], Labels, Sequence[Labels]], bool]
"""Of a policy's spec, the labels of the namespace, and those of the pods."""


class Foreign(NamedTuple):
    policies: list[str]
    """Kind and name."""
    unread: list[str]
    """Kinds that the account may not read, a sentence each."""


def foreign_policies(cluster: Cluster, namespace: Mapping[str, Any]) -> Foreign:
    name = namespace["metadata"]["name"]
    own = dict(namespace["metadata"].get("labels") or {})
    found = Foreign([], [])
    for kind, paths, selects in _kinds(name):
        for path in paths:
            try:
                policies = cluster.list_all(path)[0]
            except ApiError as error:
                if error.status == 403:
                    found.unread.append(
                        f"Whether {_with_article(kind)} of others applies to the probe's pods could not be read."
                    )
                    break
                if error.status in (404, 503):
                    continue  # not served
                raise
            found.policies.extend(
                f"{kind} {printable(policy['metadata']['name'])}"
                for policy in policies
                if not _is_ours(policy) and selects(policy.get("spec") or {}, own, _pods(name))
            )
            break
    return found


def refuse_foreign(foreign: Foreign) -> None:
    if foreign.policies:
        raise RolloutError(
            f"Policies of others apply to the probe's pods, and what is seen would not be its own policies' doing: "
            f"{listed(foreign.policies, 10)}. Exempt the probe's namespace from them, or set foreign_policies: ignore."
        )


def rights() -> Iterator[Right]:
    """Each may be missing: then the report says what was not looked at."""
    for _kind, paths, _selects in _kinds("any"):
        yield from (right("list", path) for path in paths if "/namespaces/" not in path)


def _kinds(namespace: str) -> list[tuple[str, list[str], Selects]]:
    return [
        ("ClusterNetworkPolicy", [f"{_ADMIN}/v1alpha2/clusternetworkpolicies"], _by_subject),
        ("AdminNetworkPolicy", [f"{_ADMIN}/v1alpha1/adminnetworkpolicies"], _by_subject),
        ("BaselineAdminNetworkPolicy", [f"{_ADMIN}/v1alpha1/baselineadminnetworkpolicies"], _by_subject),
        ("GlobalNetworkPolicy", [f"{root}/globalnetworkpolicies" for root in _CALICO], _by_calico),
        (
            "NetworkPolicy of Calico's",
            [f"{root}/namespaces/{namespace}/networkpolicies" for root in _CALICO],
            _by_calico,
        ),
        (
            "NetworkPolicy",
            [f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"],
            lambda spec, _namespace, pods: any(map(label_selector(spec.get("podSelector") or {}, "podSelector"), pods)),
        ),
    ]


def _with_article(kind: str) -> str:
    return f"{'an' if kind.startswith('A') else 'a'} {kind}"


def _by_subject(spec: Mapping[str, Any], namespace: Labels, pods: Sequence[Labels]) -> bool:
    subject = spec.get("subject") or {}
    if "namespaces" in subject:
        return label_selector(subject["namespaces"] or {}, "subject.namespaces")(namespace)
    chosen = subject.get("pods") or {}
    in_namespace = label_selector(chosen.get("namespaceSelector") or {}, "subject.pods.namespaceSelector")
    selects = label_selector(chosen.get("podSelector") or {}, "subject.pods.podSelector")
    return in_namespace(namespace) and any(map(selects, pods))


def _by_calico(spec: Mapping[str, Any], namespace: Labels, pods: Sequence[Labels]) -> bool:
    """A selector that cannot be read is taken for one that selects: better a question too many."""
    try:
        in_namespace = calico_selector(str(spec.get("namespaceSelector") or ""))
        selects = calico_selector(str(spec.get("selector") or ""))
    except ValueError:
        return True
    return in_namespace(namespace) and any(map(selects, pods))


def _pods(namespace: str) -> list[Labels]:
    """As Calico sees them too: it adds labels of its own (libcalico-go's backend/k8s/conversion)."""
    added = {
        "projectcalico.org/namespace": namespace,
        "projectcalico.org/orchestrator": "k8s",
        "projectcalico.org/serviceaccount": "default",
    }
    return [{MANAGED_BY: MANAGER, ROLE: role, **added} for role in ROLES]


def _is_ours(policy: Mapping[str, Any]) -> bool:
    return (policy["metadata"].get("labels") or {}).get(MANAGED_BY) == MANAGER
