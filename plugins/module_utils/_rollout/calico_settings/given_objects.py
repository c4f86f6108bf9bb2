# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The manifests that people have anyway, as a precheck takes them: Installation, FelixConfiguration, IPPool and the like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import RolloutError
from .settings import CalicoObjects

_CALICO = ("crd.projectcalico.org/", "projectcalico.org/")
_FIELDS = {
    "FelixConfiguration": "felix",
    "IPPool": "pools",
    "BGPConfiguration": "bgp",
    "BGPPeer": "peers",
    "HostEndpoint": "host_endpoints",
}


def with_given(objects: CalicoObjects, given: Sequence[Any], source: str) -> CalicoObjects:
    """The objects, those that are given in place of the cluster's of the same kind and name. Of other kinds nothing is taken.

    RolloutError where something is no object, or nothing among them decides anything.
    """
    taken = 0
    for one in _each(given, source):
        kind, group = str(one.get("kind") or ""), str(one.get("apiVersion") or "")
        name = str((one.get("metadata") or {}).get("name") or "")
        if kind == "Installation" and group.startswith("operator.tigera.io/"):
            taken += 1
            if name == "overlay":
                objects = objects._replace(overlay=one)
            else:
                objects = objects._replace(installation=one, given=f"Installation in {source}")
        elif kind in _FIELDS and group.startswith(_CALICO):
            taken += 1
            field = _FIELDS[kind]
            others = [other for other in getattr(objects, field) if (other.get("metadata") or {}).get("name") != name]
            changed: dict[str, Any] = {field: [*others, one]}
            objects = objects._replace(**changed)
    if given and not taken:
        raise RolloutError(
            f"{source}: there is no Installation (operator.tigera.io/v1) in it, and no FelixConfiguration, IPPool, BGPConfiguration, "
            "BGPPeer or HostEndpoint. Give the manifest that installs Calico"
        )
    return objects


def _each(given: Any, source: str) -> Iterator[Mapping[str, Any]]:
    """Every object, out of lists and documents of several; an empty document is none. An Installation's spec alone is one too."""
    if given is None:
        return
    if isinstance(given, (list, tuple)):
        for one in given:
            yield from _each(one, source)
    elif not isinstance(given, Mapping):
        raise RolloutError(
            f"{source}: an object of Kubernetes is a mapping with apiVersion and kind, not {type(given).__name__}"
        )
    elif "kind" not in given and given.keys() & {"calicoNetwork", "cni", "kubernetesProvider", "variant"}:
        yield {
            "apiVersion": "operator.tigera.io/v1",
            "kind": "Installation",
            "metadata": {"name": "default"},
            "spec": given,
        }
    elif str(given.get("kind") or "").endswith("List") and "items" in given:
        for one in given["items"] or ():
            kind = str(given["kind"])[: -len("List")]
            yield from _each({"apiVersion": given.get("apiVersion"), "kind": kind, **one}, source)
    else:
        yield given
