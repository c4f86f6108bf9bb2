# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workloads as a real kubelet of the lab can run them, of images that the lab made.

calico-node becomes kube-network-policies, a policy engine of a Kubernetes SIG's, behind an init container that fails where
Felix would. All others become a pause, which is Ready as soon as it runs: what they do is nothing that a rollout depends on.
Placement, update strategy and what an override says of a container stay as they were.
"""

from __future__ import annotations

import copy

from tests.lab.operator.names import NODE, Document
from tests.lab.pods.names import AGNHOST, ENGINE, ENGINE_PORT, METRICS_PORT

_PLAYED = ("readinessProbe", "livenessProbe", "startupProbe", "lifecycle")
# Where the runtime tells of a pod's addresses before the API server does, and where it keeps the pods' networks.
_FOLDERS = {"nri": "/var/run/nri", "netns": "/var/run/netns"}


def runnable(objects: list[Document]) -> list[Document]:
    return [_runnable(each) if "template" in each.get("spec", {}) else each for each in objects]


def _runnable(workload: Document) -> Document:
    result = copy.deepcopy(workload)
    pod = result["spec"]["template"]["spec"]
    if result["metadata"]["name"] == NODE:
        _become_engine(pod)
    else:
        pod.pop("initContainers", None)
        pod["containers"] = [_plain(container, AGNHOST, ["pause"]) for container in pod["containers"]]
    return result


def _become_engine(pod: Document) -> None:
    privileged = {"securityContext": {"privileged": True}}
    rules = {"name": "queue-rules", "image": ENGINE, "command": ["/queue-rules"]}
    pod["initContainers"] = [{**rules, **privileged, "terminationMessagePolicy": "FallbackToLogsOnError"}]
    arguments = [
        "--hostname-override=$(NODE_NAME)",
        f"--metrics-bind-address=127.0.0.1:{METRICS_PORT}",
        # A kernel of 6.12 or newer needs no help with it.
        "--netfilter-bug-1766-fix=false",
        "--v=2",
    ]
    engine = _plain(pod["containers"][0], ENGINE, arguments)
    api_server = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(ENGINE_PORT)}
    engine["env"] = [
        *(engine.get("env") or []),
        {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        *({"name": name, "value": value} for name, value in api_server.items()),
    ]
    ready = {"httpGet": {"host": "127.0.0.1", "port": METRICS_PORT, "path": "/metrics"}}
    engine["readinessProbe"] = {**ready, "periodSeconds": 2}
    engine["volumeMounts"] = [
        {"name": name, "mountPath": path, "mountPropagation": "HostToContainer"} for name, path in _FOLDERS.items()
    ]
    pod["volumes"] = [{"name": name, "hostPath": {"path": path}} for name, path in _FOLDERS.items()]
    pod["containers"] = [{**engine, **privileged}]


def _plain(container: Document, image: str, arguments: list[str]) -> Document:
    kept = {field: value for field, value in container.items() if field not in _PLAYED}
    return {**kept, "image": image, "args": arguments}
