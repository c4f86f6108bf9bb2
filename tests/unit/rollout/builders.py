# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents for tests, whole and valid, with only what a test is about spelled out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import (
    AdmissionLabel,
    CheckResult,
    ConditionSeen,
    DaemonSetSeen,
    InstallationSeen,
    NodeFacts,
    NodeSeen,
    Observation,
    OverlaySeen,
    Plan,
    PodSeen,
    PrecheckReport,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.names import (
    ADMISSION_KEY,
    ADMISSION_VALUE,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import build_plan

LABEL = AdmissionLabel(key=ADMISSION_KEY, value=ADMISSION_VALUE)
SELECTOR = {ADMISSION_KEY: ADMISSION_VALUE}
REVISION = "7d9f"
READ_AT = 1767229200.0
"""2026-01-01T01:00:00Z, an hour after whatever is told of pods and nodes here began."""


def machine_id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def address(name: str) -> str:
    digits = hashlib.sha256(name.encode()).digest()
    return f"10.{digits[0]}.{digits[1]}.{digits[2]}"


def facts(name: str, labels: Mapping[str, str] | None = None, **fields: Any) -> NodeFacts:
    """A Linux node of the tier that its name begins with: `edge-3` has tier=edge."""
    node = NodeFacts(
        name=name,
        uid=f"uid-{name}",
        labels={"kubernetes.io/os": "linux", "tier": name.rpartition("-")[0], **(labels or {})},
        machine_id=machine_id(name),
        system_uuid=None,
        boot_id=None,
        internal_ips=[address(name)],
        architecture="amd64",
        os="linux",
        unschedulable=False,
        calico_ready=False,
        object={"metadata": {"name": name}, "spec": {}, "status": {}},
        quarantined=None,
        batch=None,
    )
    node.update(fields)  # type: ignore[typeddict-item]
    return node


def check(check_id: str = "ipset_functional", status: str = "ok", rank: int = 1, **fields: Any) -> CheckResult:
    result = CheckResult(
        id=check_id,
        rank=rank,
        category="ipset",
        status=status,  # type: ignore[typeddict-item]
        message="the kernel has no ip_set subsystem" if status == "fail" else "hash:net was created",
        observed="EINVAL" if status == "fail" else None,
        expected="hash:net created" if status == "fail" else None,
        remedy="install kernel-modules-extra" if status in ("fail", "warn") else None,
        source="felix ipsets",
        cause=None,
    )
    result.update(fields)  # type: ignore[typeddict-item]
    return result


def answer(
    node: str | None, checks: Sequence[CheckResult] | None = None, node_name: str | None = None, **identity: Any
) -> dict[str, Any]:
    """What a host registers that is the Node of this name; None makes a host that no Node is like."""
    checks = list(checks) if checks is not None else [check()]
    findings = [each for each in checks if str(each["status"]) != "ok"]
    return {
        "changed": False,
        "precheck": {
            "kind": "PrecheckResult",
            "version": 1,
            "settings": {
                "dataplane": "iptables",
                "encapsulation": "vxlan",
                "bgp": False,
                "bgp_port": 179,
                "ipv6": False,
                "wireguard": False,
                "ip_autodetection": "first-found",
                "ip6_autodetection": "first-found",
                "cni_bin_dir": "/opt/cni/bin",
                "cni_conf_dir": "/etc/cni/net.d",
                "calico_version": "3.33",
                "iptables_backend": "auto",
                "mtu": 0,
                "mtu_interface_pattern": "^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)",
                "cgroup_v2_path": "",
                "vxlan_port": 4789,
                "vxlan_vni": 4096,
                "health_port": 9099,
                "metrics_port": 0,
                "wireguard_port": 51820,
                "wireguard_port_v6": 51821,
                "typha": True,
                "sctp": False,
                "host_endpoints": False,
                "flow_offload": False,
                "flow_logs": False,
                "bpf_data_interface_pattern": "^((en|wl|ww|sl|ib)[Popsx].*|(eth|wlan|wwan|bond).*)",
                "pod_cidrs": [],
                "service_cidrs": [],
                "flexvolume_path": "/usr/libexec/kubernetes/kubelet-plugins/volume/exec/",
                "apiserver": "",
                "allow_module_load": False,
            },
            "sources": {},
            "node_name": node_name,
            "identity": {
                "hostname": node or "localhost",
                "fqdn": f"{node or 'localhost'}.localdomain",
                "machine_id": machine_id(node) if node else None,
                "system_uuid": None,
                "boot_id": None,
                "addresses": [address(node)] if node else [],
                "architecture": "x86_64",
                "kernel": "6.1.0",
                "os_id": "debian",
                "os_version": "12",
                **identity,
            },
            "facts": {
                "clock": 1700000000.0,
                "clock_offset": 0.2,
                "address": address(node) if node else None,
                "address_v6": None,
                "interface": "eth0",
                "mtu": 1500,
                "mtu_v6": None,
                "macs": [],
            },
            "verdict": "pass" if all(each["status"] == "warn" for each in findings) else "fail",
            "findings": findings,
            "ok": [each["id"] for each in checks if str(each["status"]) == "ok"],
            "not_applicable": ["wireguard_link_create"],
            "not_asked": [],
            "summary": {"exercised": len(checks), "static": 0, "would_load": []},
            "modules_loaded": [],
            "duration": 0.25,
        },
    }


def failing(node: str | None) -> dict[str, Any]:
    return answer(node, [check(status="fail")])


UNREACHABLE = {"unreachable": True, "msg": "Failed to connect to the host via ssh: No route to host", "changed": False}


def evidence(names: Sequence[str], bad: Collection[str] = (), **others: Any) -> PrecheckReport:
    """A report in which host `h-NAME` is Node NAME, `bad` ones with a failed check; `others` are more hosts' answers."""
    answers: dict[str, Any] = {f"h-{name}": failing(name) if name in bad else answer(name) for name in names}
    return assemble({**answers, **others})


def tier(
    name: str, batch_size: Any = 2, failure_budget: int | str = "100%", selector: str | None = None, **more: Any
) -> Any:
    return {
        "name": name,
        "selector": f"tier={name}" if selector is None else selector,
        "batch_size": batch_size,
        "failure_budget": failure_budget,
        "on_failure": "halt",
        **more,
    }


def plan(
    names: Sequence[str],
    tiers: Sequence[Any] | None = None,
    bad: Collection[str] = (),
    running: Collection[str] = (),
    **options: Any,
) -> Plan:
    """A plan over nodes `TIER-NUMBER`, their tiers in the order of appearance unless told otherwise; calico-node is Ready on
    those `running`."""
    found = list(dict.fromkeys(name.rpartition("-")[0] for name in names))
    nodes = [facts(name, calico_ready=name in running) for name in names]
    return build_plan(nodes, evidence(names, bad), tiers or [tier(name) for name in found], **options)


def node_seen(admitted: bool = False, ready: bool = True, labels: Mapping[str, str] | None = None) -> NodeSeen:
    return NodeSeen(
        uid="",
        created=None,
        labels={"kubernetes.io/os": "linux", **(SELECTOR if admitted else {}), **(labels or {})},
        annotations={},
        ready=ready,
        ready_since="2026-01-01T00:00:01Z",
        not_ready_reason=None,
        kubelet_silent=False,
        network_unavailable=False,
        network_reason=None,
        network_since="2026-01-01T00:00:02Z",
        unschedulable=False,
        taints=[],
    )


def pod(node: str, **fields: Any) -> PodSeen:
    seen = PodSeen(
        name=f"calico-node-{node}",
        node=node,
        revision=REVISION,
        ready=True,
        deleting=False,
        phase="Running",
        reason=None,
        since="2026-01-01T00:00:00Z",
        created="2025-12-31T23:59:55Z",
        deleting_since=None,
        starting=False,
        last_ready=bool(fields.get("ready", True)),
    )
    seen.update(fields)  # type: ignore[typeddict-item]
    return seen


def daemonset(desired: int, selector: Mapping[str, str] | None = None, **fields: Any) -> DaemonSetSeen:
    seen = DaemonSetSeen(
        generation=2,
        observed_generation=2,
        desired=desired,
        updated=desired,
        available=desired,
        node_selector={"kubernetes.io/os": "linux", **(SELECTOR if selector is None else selector)},
        affinity={},
        tolerations=[{"operator": "Exists"}],
        revision=REVISION,
        max_unavailable="1",
        max_surge="0",
    )
    seen.update(fields)  # type: ignore[typeddict-item]
    return seen


def installation(selector: Mapping[str, str] | None = None, **fields: Any) -> InstallationSeen:
    selector = dict(SELECTOR if selector is None else selector)
    seen = InstallationSeen(
        uid="uid-installation",
        generation=3,
        calico_node_selector=dict(selector),
        csi_node_driver_selector=dict(selector),
        control_plane_selector=dict(selector),
        max_unavailable="1",
        raised=None,
        variant="Calico",
        provider="",
        selector_since=None,
        managed_by=["tigera-operator"],
        owned_by=[],
        placement={
            name: {"nodeSelector": dict(selector)}
            for name in ("calicoNodeDaemonSet", "csiNodeDriverDaemonSet")
            if selector
        },
    )
    seen.update(fields)  # type: ignore[typeddict-item]
    return seen


def overlay(selector: Mapping[str, str] | None = None, **fields: Any) -> OverlaySeen:
    """An Installation named overlay; with a nodeSelector of calico-node's if one is given."""
    seen = OverlaySeen(
        created="2026-01-01T00:30:00Z",
        managed_by=["kubectl-create"],
        placement={} if selector is None else {"calicoNodeDaemonSet": {"nodeSelector": dict(selector)}},
        control_plane_selector=None,
    )
    seen.update(fields)  # type: ignore[typeddict-item]
    return seen


def bare(names: Sequence[str]) -> Observation:
    """A clean cluster: nodes without a CNI, nothing of Calico."""
    return Observation(
        read_at=READ_AT,
        nodes={name: node_seen(ready=False) for name in names},
        pods=[],
        daemonset=None,
        csi_daemonset=None,
        installation=None,
        overlay=None,
        apiserver=None,
        v3_crds=False,
        manifest_install=[],
        calico_status={},
    )


def unscoped(names: Sequence[str], running: Collection[str], stuck: Collection[str] = ()) -> Observation:
    """A cluster that runs Calico without our selector: ready on some nodes, never ready on others."""
    seen = bare(names)
    present = [name for name in names if name in running or name in stuck]
    seen["nodes"] = {name: node_seen(ready=name in running) for name in names}
    seen["pods"] = [
        pod(name, ready=name in running, reason=None if name in running else "felix is not live") for name in present
    ]
    seen["daemonset"] = daemonset(len(present), {}, available=len(set(running)))
    seen["csi_daemonset"] = daemonset(len(present), {})
    seen["installation"] = installation({})
    return seen


def rolled_out(names: Sequence[str], admitted: Sequence[str]) -> Observation:
    """A cluster where the selector is in force and calico-node is ready on every admitted node."""
    seen = bare(names)
    seen["nodes"] = {name: node_seen(admitted=name in admitted, ready=name in admitted) for name in names}
    seen["pods"] = [pod(name) for name in admitted]
    seen["daemonset"] = daemonset(len(admitted))
    seen["csi_daemonset"] = daemonset(len(admitted))
    seen["installation"] = installation()
    return seen


def degraded(reason: str, message: str, generation: int = 3) -> dict[str, ConditionSeen]:
    return {"Degraded": ConditionSeen(status="True", reason=reason, message=message, observed_generation=generation)}
